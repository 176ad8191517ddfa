"""What flows through a chain: frozen dataclasses, valid at birth; no I/O, no numerics."""
