"""Bytes ↔ messages ↔ model: the MRD wire protocol and files, without sockets."""
