"""Volume → DICOM data set → place."""
