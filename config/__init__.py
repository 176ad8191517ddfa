"""Chain files by name; each loads here, and inside a real Gadgetron as an external node."""
