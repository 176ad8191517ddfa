"""Parallel imaging: sensitivities, GRAPPA, SENSE, unmixing weights."""
