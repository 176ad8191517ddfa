"""The messages of the wire, kind by kind: each is read and written in one module."""
