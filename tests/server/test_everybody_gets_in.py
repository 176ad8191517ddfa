"""Those who say nothing, or little, keep the door open for everybody else."""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from toy_client import HEADER, Service, chain, gadget, lines, service

from streamrecon.mrd.wire.messages import (
    Close,
    ConfigFile,
    ConfigText,
    Header,
    Image,
    Message,
    Query,
    Text,
)
from streamrecon.mrd.wire.opening import length_of_first
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.doors.open_connections import GRACE_S, Guest, TurnedAwayError, makes_room

SUM = gadget("SumLines")


def whole(message: Message) -> bytes:
    return b"".join(map(bytes, encode(message)))


@contextmanager
def from_address(running: Service, address: str, opening: bytes = b"") -> Iterator[socket.socket]:
    """A connection from one of loopback's many addresses that has said ``opening``."""
    with socket.create_connection(
        ("127.0.0.1", running.port), timeout=30, source_address=(address, 0)
    ) as peer:
        peer.sendall(opening)
        yield peer


def is_served(running: Service) -> bool:
    heard = running.talk(chain(SUM), HEADER, lines(7), Close())
    return any(isinstance(message, Image) for message in heard) and heard[-1] == Close()


@pytest.mark.parametrize(
    "message", [ConfigFile("a.xml"), ConfigText("x" * 700), ConfigText(""), Query("a::b"), Close()]
)
def test_the_length_of_the_first_message_is_known_from_its_first_bytes(message: Message) -> None:
    data = whole(message)

    wanted = [length_of_first(data[:n]) for n in range(len(data) + 1)]

    assert wanted[-1] == len(data)
    assert wanted == sorted(wanted), "it never asks for less than before"
    assert all(n < length <= len(data) for n, length in enumerate(wanted[:-1]))


def test_what_no_session_begins_with_is_no_longer_than_its_id() -> None:
    assert length_of_first(whole(Header(b"x" * 99))[:2]) == 2
    assert length_of_first(b"\xff\xff") == 2


def test_many_silent_connections_of_many_addresses_close_no_door() -> None:
    with service(connections=16, connections_per_address=4) as running, ExitStack() as crowd:
        for n in range(64):
            crowd.enter_context(from_address(running, f"127.0.0.{2 + n % 8}"))
        time.sleep(GRACE_S + 0.2)

        assert is_served(running)
        _, log = running.stop()

    assert "said nothing, and makes room for 127.0.0.1" in log


def test_one_address_takes_its_share_and_no_more() -> None:
    config = whole(chain(gadget("Slow", pause_s=30))) + whole(HEADER)
    limits = {"connections": 8, "connections_per_address": 3, "sessions": 1}
    with service(**limits) as running, ExitStack() as crowd:
        for _ in range(3):
            crowd.enter_context(from_address(running, "127.0.0.2", config))
        time.sleep(1.0)  # until all three count as having spoken

        fourth = crowd.enter_context(from_address(running, "127.0.0.2", config))
        assert _ended(fourth)
        other = crowd.enter_context(from_address(running, "127.0.0.3", b"\x01"))
        other.settimeout(0.5)
        with pytest.raises(TimeoutError):
            other.recv(1)


def test_scans_of_one_address_wait_for_each_other_and_others_do_not_for_them() -> None:
    talking = chain(gadget("TellPid"), SUM)
    with (
        service(sessions=3, warm_workers=3, sessions_per_address=1, wait_s=10.0) as running,
        ExitStack() as crowd,
    ):
        for n in range(2, 5):  # each address has its one scan, at once
            crowd.enter_context(open_scan(running, f"127.0.0.{n}", talking))
        with from_address(running, "127.0.0.2", whole(talking)) as second:
            told = b"".join(iter(lambda: second.recv(1 << 16), b""))
        crowd.close()

        assert b"ERR [busy] 1 scans of this address were running for 10 s" in told
        with open_scan(running, "127.0.0.2", talking):  # its share came back
            pass


@contextmanager
def open_scan(running: Service, address: str, config: ConfigText) -> Iterator[socket.socket]:
    """A scan that goes on: its worker has said something."""
    opening = b"".join(whole(message) for message in (config, HEADER, lines(1)))
    with from_address(running, address, opening) as peer:
        assert b"INF pid" in peer.recv(1 << 16)
        yield peer


def _ended(peer: socket.socket) -> bool:
    try:
        return peer.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "opening", [b"\x01", whole(chain(SUM))[:-1], whole(ConfigFile("x"))[:700]], ids=len
)
def test_clients_of_a_few_bytes_hold_no_place(opening: bytes) -> None:
    with service(sessions=2, wait_s=5.0, hurry_s=60.0) as running, ExitStack() as crowd:
        for n in range(4):
            crowd.enter_context(from_address(running, f"127.0.0.{2 + n}", opening))

        assert is_served(running)


def test_who_dawdles_with_its_header_lets_those_in_who_wait() -> None:
    config = whole(chain(SUM))
    with service(sessions=2, wait_s=20.0, hurry_s=0.5) as running, ExitStack() as crowd:
        late = [
            crowd.enter_context(from_address(running, f"127.0.0.{2 + n}", config)) for n in range(2)
        ]

        assert is_served(running)
        ended = select.select(late, [], [], 60.0)[0]  # either makes room
        heard = b"".join(iter(lambda: ended[0].recv(1 << 16), b""))

    assert b"ERR [timeout] no header came for 0.5 s while others waited" in heard


def test_who_dawdles_is_left_in_peace_while_nobody_waits() -> None:
    with service(sessions=2, hurry_s=0.3) as running, running.connect() as slow:
        slow.send(chain(SUM))
        assert is_served(running)
        slow.socket.settimeout(0.8)
        with pytest.raises(TimeoutError):
            slow.hear()
        slow.socket.settimeout(30)
        slow.send(HEADER, lines(3), Close())

        assert any(isinstance(message, Image) for message in slow.hear_all())


def test_an_opening_that_comes_byte_by_byte_is_served() -> None:
    data = whole(chain(SUM)) + whole(HEADER) + whole(lines(2)) + whole(Close())
    with service() as running, running.connect() as client:
        for n in range(0, 400, 7):
            client.socket.sendall(data[n : n + 7])
        client.socket.sendall(data[n + 7 :])

        assert any(isinstance(message, Image) for message in client.hear_all())


def test_a_client_that_ends_within_its_first_message_is_told() -> None:
    with service() as running, running.connect() as client:
        client.socket.sendall(whole(chain(SUM))[:50])
        client.socket.shutdown(socket.SHUT_WR)

        heard = client.hear_all()

    assert isinstance(heard[0], Text)
    assert heard[0].text.startswith("ERR [truncated]")


def test_room_is_made_by_the_silent_of_the_fullest_address_alone() -> None:
    """Against the rule itself, for crowds of any kind."""
    chance = random.Random(4)
    for _ in range(300):
        guests = [
            Guest(str(chance.randrange(4)), since_s=float(n), is_silent=chance.random() < 0.6)
            for n in range(chance.randrange(12))
        ]
        own = [guest for guest in guests if guest.address == "0"]
        try:
            victim = makes_room(guests, Guest("0", 11.5), most=8, most_of_address=3)
        except TurnedAwayError:
            crowd = own if len(own) >= 3 else guests
            assert len(own) >= 3 or len(guests) >= 8
            assert not any(guest.is_silent and guest.since_s <= 10.5 for guest in crowd)
            continue
        if victim is None:
            assert len(guests) < 8
            assert len(own) < 3
            continue
        silent = [guest for guest in guests if guest.is_silent and guest.since_s <= 10.5]
        assert victim in silent
        assert victim is next(guest for guest in silent if guest.address == victim.address)
        if len(own) >= 3:
            assert victim.address == "0"
        else:
            counts = [sum(g.address == each.address for g in silent) for each in silent]
            assert sum(g.address == victim.address for g in silent) == max(counts)
