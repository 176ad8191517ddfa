"""A network that ends at this machine, for programs that listen on every interface.

Orthanc 1.10 has no option for the address of its DICOM port.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_UP_AND_RUNNING = 0x41
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def own_network() -> Iterator[bool]:
    """Give the calling thread, and all it starts, a network with nothing but loopback.

    Gives whether that was allowed: it needs root. Elsewhere the machine's own network stays.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if _LIBC.unshare(_NEW_NETWORK) != 0:
            yield False
            return
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                request = struct.pack("16sh14x", b"lo", _UP_AND_RUNNING)
                fcntl.ioctl(any_socket, _SET_FLAGS, request)
            yield True
        finally:
            _LIBC.setns(home, _NEW_NETWORK)
    finally:
        os.close(home)
