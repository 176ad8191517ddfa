"""Gadgets that take images in and send them out: scanner images, DICOM, integers."""
