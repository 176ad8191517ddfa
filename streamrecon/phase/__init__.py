"""From echoes to the total field: phase offsets, unwrapping, field fit."""
