"""Messages of the MRD protocol as bytes and back; no sockets."""
