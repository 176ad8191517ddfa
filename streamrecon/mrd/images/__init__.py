"""Volumes as MRD images, and the images of any server as volumes."""
