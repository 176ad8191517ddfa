"""Our chains inside a real Gadgetron, as the external process it starts.

Gadgetron runs ``python -m gadgetron PORT streamrecon_gadgets.external run``. The PyPI package
``gadgetron`` connects, reads the config and the header, and calls `run`; from there on its readers
and writers are not used, because they wait for ever for a peer that has gone, take an unknown
message for the end of the data, and tell Gadgetron nothing of an error. Out of reach stays what
happens before `run` is called: a peer that goes within the header, and a header that ``ismrmrd``
cannot read.
"""

from __future__ import annotations

import logging

from gadgetron.external.connection import Connection

from streamrecon.gadgetron.conversation import serve
from streamrecon.gadgetron.parent_socket import Peer
from streamrecon.stream.registry import Registry
from streamrecon_gadgets import REGISTRY


def run(connection: Connection, registry: Registry = REGISTRY) -> None:
    """Serve one connection of the package ``gadgetron``; the target of `<execute>`.

    Raises
    ------
    BaseException
        Whatever failed, after Gadgetron has been told: the process ends with code 1.
    """
    logging.getLogger("numba").setLevel(logging.INFO)  # the package sets DEBUG: pages per kernel
    peer = Peer(connection.socket.socket)
    connection.socket = peer  # the package closes it when this function ends
    serve(peer, connection.raw_bytes.config, connection.raw_bytes.header, registry)
