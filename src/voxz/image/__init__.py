"""Reading compressed files: lazily, at lower resolution, on another grid, as nibabel sees them."""
