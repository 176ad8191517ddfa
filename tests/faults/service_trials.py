"""A running service whose workers are killed, and crowds at its door: everybody else is served."""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import psutil
from test_sick_workers import IDLE, fork_server, has_idle, idle_workers, kill_all, wait_until
from toy_client import HEADER, Client, Service, chain, gadget, lines, service
from trials import Tally

from streamrecon.mrd.wire.messages import Close, Image, Text
from streamrecon.mrd.wire.writer import encode

_SUM = gadget("SumLines")
_SLOW = chain(gadget("TellPid"), gadget("Slow", pause_s=0.002), _SUM)
_BURST = chain(gadget("TellPid"), gadget("Burst", images=40, image_mib=2), _SUM)
_PATIENCE_S = 30.0


def assert_right(heard: Sequence[object], n: int) -> None:
    """One image that counts the lines, then CLOSE."""
    images = [message for message in heard if isinstance(message, Image)]
    assert [image.data.ravel()[0] for image in images] == [n], heard
    assert heard[-1] == Close(), heard


def kill_workers(seeds: Iterable[int]) -> Iterator[Tally]:
    """A worker is killed in the middle of its scan; another beside it and the next are right."""
    tally = Tally(limit_s=_PATIENCE_S)
    with service(sessions=3) as running:
        running.talk(_SLOW, HEADER, lines(1), Close())
        for seed in seeds:
            with tally.trial(f"seed {seed}"):
                _kill_one(running, random.Random(seed))
            yield tally
        with tally.trial("afterwards"):
            wait_until(lambda: not _of_scans(running))


def _kill_one(running: Service, chance: random.Random) -> None:
    config = chance.choice((_SLOW, _BURST))
    with running.connect() as victim, running.connect() as other:
        other.send(_SLOW, HEADER, lines(20))
        victim.send(config, HEADER, *[lines(5)] * chance.randrange(1, 20))
        worker = _pid_of(victim)
        time.sleep(chance.random() * 0.05)
        os.kill(worker, signal.SIGKILL)
        heard = victim.hear_all()
        other.send(*[lines(20)] * 4, Close())
        assert_right([m for m in other.hear_all() if not isinstance(m, Text)], 100)
    said, close = heard[-2:]
    assert isinstance(said, Text) and said.text.startswith("ERR [internal] session "), heard
    assert close == Close()
    assert_right(running.talk(chain(_SUM), HEADER, lines(7), Close()), 7)


def _pid_of(client: Client) -> int:
    while not any(isinstance(message, Text) for message in client.heard):
        assert client.hear(), "no word of the worker"
    return int(next(m for m in client.heard if isinstance(m, Text)).text.split()[-1])


def _of_scans(running: Service) -> list[psutil.Process]:
    """Workers that are neither idle nor gone."""
    return idle_workers(running)[2:]


def kill_idle(seeds: Iterable[int]) -> Iterator[Tally]:
    """Idle workers, or the process that starts them, are killed; the next scan is right."""
    tally = Tally(limit_s=_PATIENCE_S)
    with service(warm_workers=IDLE, sessions=2) as running:
        for seed in seeds:
            chance = random.Random(seed)
            with tally.trial(f"seed {seed}"):
                wait_until(lambda: has_idle(running, set()))
                workers = idle_workers(running)
                if chance.random() < 0.3:
                    fork_server(running).kill()
                kill_all(workers[: chance.randrange(1, 3)])
                time.sleep(chance.choice((0.0, 0.0, 0.05)))
                assert_right(
                    running.talk(chain(_SUM), HEADER, lines(seed % 50), Close()), seed % 50
                )
            yield tally


def crowd(seeds: Iterable[int]) -> Iterator[Tally]:
    """Whoever is silent, dawdles or goes before its header, a scan of another address is served."""
    tally = Tally(limit_s=20.0)
    limits: dict[str, Any] = {
        "connections": 16,
        "connections_per_address": 4,
        "sessions": 2,
        "hurry_s": 0.5,
    }
    with service(wait_s=20.0, drain_idle_s=0.5, **limits) as running:
        for seed in seeds:
            with tally.trial(f"seed {seed}"), ExitStack() as there:
                chance = random.Random(seed)
                for _ in range(chance.randrange(8, 40)):
                    _come(running, chance, there)
                time.sleep(1.1)  # from then on who says nothing makes room
                assert_right(running.talk(chain(_SUM), HEADER, lines(7), Close()), 7)
            yield tally


def _come(running: Service, chance: random.Random, there: ExitStack) -> None:
    whole = b"".join(bytes(p) for m in (chain(_SUM), HEADER) for p in encode(m))
    address = (f"127.0.0.{chance.randrange(2, 10)}", 0)
    try:
        peer = socket.create_connection(("127.0.0.1", running.port), 5.0, source_address=address)
    except OSError:
        return
    there.callback(peer.close)
    said = chance.choice(
        (b"", b"", b"\x01", whole[: chance.randrange(len(whole))], chance.randbytes(900),
         struct.pack("<HI", 3, 15 << 20) + b"<a/>" * 5000)
    )  # fmt: skip
    try:
        peer.sendall(said)
        if chance.random() < 0.2:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
    except OSError:
        return
