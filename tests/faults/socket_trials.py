"""Damaged connections over the socket, to the service with all of its gadgets."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from answers_in_process import connection
from mutated_scans import small_scan
from session_trials import MAKERS
from trials import Tally
from wire_service import serving

from streamrecon.client import Server
from streamrecon.mrd.wire.messages import Close, Image, Message, Text
from streamrecon.mrd.wire.parser import MrdParser

_PATIENCE_S = 60.0
_EACH = 100  # sessions between two looks at a scan that is well


def try_over_the_socket(seeds: Iterable[int]) -> Iterator[Tally]:
    """Damaged sessions one after the other; now and then a whole one, which must be right."""
    tally, kinds = Tally(limit_s=_PATIENCE_S), list(MAKERS.values())
    whole = connection("gre_recon", *small_scan())
    with tempfile.TemporaryDirectory() as storage, serving(Path(storage)) as server:
        for n, seed in enumerate(seeds):
            with tally.trial(f"seed {seed}"):
                heard = talk(server, kinds[seed % len(kinds)](seed))
                said = [message.text for message in heard if isinstance(message, Text)]
                assert not any("[internal]" in text for text in said), said
                assert heard[-1] == Close(), said
                if n % _EACH == _EACH - 1:
                    images = [m for m in talk(server, whole) if isinstance(m, Image)]
                    assert len(images) == 4, "a whole scan is no longer reconstructed"
            yield tally


def talk(server: Server, said: bytes) -> list[Message]:
    """What a client hears that sends bytes and then nothing more."""
    parser, heard = MrdParser(), []
    with socket.create_connection((server.host, server.port), timeout=_PATIENCE_S) as peer:
        peer.sendall(said)
        peer.shutdown(socket.SHUT_WR)
        while count := peer.recv_into(parser.space()):
            heard += parser.commit(count)
    parser.end()
    return heard
