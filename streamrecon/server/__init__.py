"""Sockets, processes, limits: the service. It knows no gadget."""
