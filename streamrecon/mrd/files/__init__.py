"""MRD scans on disk: HDF5 files and plain streams."""
