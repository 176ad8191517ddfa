"""From the total field to susceptibility: mask, background, inversion, reference."""
