"""What was made, as files: NIfTI with BIDS words, a PNG contact sheet, MRD images."""
