"""DICOM objects to archives and folders: spool, journal, C-STORE, STOW-RS."""
