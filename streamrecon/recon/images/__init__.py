"""Coil images to complex echoes: combination, partial Fourier, bipolar readouts."""
