"""The MRD header, read once into the model; units are converted here."""
