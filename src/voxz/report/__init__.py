"""Pages that a person reads before an original is let go: of one file, and of a study."""
