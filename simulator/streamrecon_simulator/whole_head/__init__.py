"""A whole head on voxels: anatomy, susceptibility and field, another head for each seed."""
