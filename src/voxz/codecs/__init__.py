"""The codecs a brick can be coded with, a folder each, and what they share; `registry` lists them."""
