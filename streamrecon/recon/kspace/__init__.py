"""Lines on their grid: noise, sampling, coil compression, assembly."""
