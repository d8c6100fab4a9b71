"""Data sets to train and measure on: a catalogue, and crops with a manifest made from a folder of volumes."""
