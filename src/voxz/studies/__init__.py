"""A study: a tree of files that is compressed, verified and restored as a whole, by many workers; it goes on where it stopped."""
