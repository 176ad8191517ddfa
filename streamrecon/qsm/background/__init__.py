"""The field of sources outside the mask, taken off the total field: PDF, SHARP, LBV."""
