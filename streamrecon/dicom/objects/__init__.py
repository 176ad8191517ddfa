"""Volumes as DICOM objects: attributes, pixels, places, unique identifiers."""
