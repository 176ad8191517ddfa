"""Our chains inside a real Gadgetron: the socket to it, and the conversation on it."""
