"""What a volume is: layout of its samples, bricks, selections, constant background."""
