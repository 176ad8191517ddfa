"""What ends badly at one client ends there: kills, silence, floods, nonsense."""

import os
import random
import signal
import socket
import struct
import time

import psutil
import pytest
from narrowing import as_a
from toy_client import HEADER, Client, Service, chain, gadget, lines, service

from streamrecon.mrd.wire.messages import Close, Image, Text
from streamrecon.mrd.wire.writer import encode

pytestmark = pytest.mark.long

MIB = 1 << 20
SUM = gadget("SumLines")


def pid_of(client: Client) -> int:
    """Process that serves a client whose chain begins with TellPid."""
    while not any(isinstance(m, Text) for m in client.heard):
        assert client.hear()
    return int(as_a(Text, client.heard[0]).text.removeprefix("INF pid "))


def counts(running: Service) -> tuple[int, int]:
    """Descriptors and processes of a service."""
    return psutil.Process(running.process.pid).num_fds(), len(running.workers())


def counts_at_rest(running: Service) -> tuple[int, int]:
    """Counts, once they have stayed the same for half a second."""
    seen = [counts(running)]
    while len(seen) < 100 and (len(seen) < 6 or len(set(seen[-6:])) > 1):
        time.sleep(0.1)
        seen.append(counts(running))
    return seen[-1]


def test_a_killed_worker_ends_with_err_and_close_and_nobody_else_notices(toys: Service) -> None:
    slow = chain(gadget("TellPid"), gadget("Slow", pause_s=0.005), SUM)
    with toys.connect() as victim, toys.connect() as other:
        for client in (victim, other):
            client.send(slow, HEADER, lines(20))
        os.kill(pid_of(victim), signal.SIGKILL)
        began = time.monotonic()
        victim.hear_all()
        told_after_s = time.monotonic() - began
        for _ in range(20):
            other.send(lines(20))
        other.send(Close())
        other.hear_all()

    assert as_a(Text, victim.heard[1]).text.startswith("ERR [internal] session ")
    assert victim.heard[2:] == [Close()]
    assert told_after_s < 1.0  # acceptance 5 of the issue
    (image,) = [m for m in other.heard if isinstance(m, Image)]
    assert image.data.ravel()[0] == 21 * 20
    assert other.heard[-1] == Close()


def test_a_worker_killed_while_it_sends_leaves_no_half_message(toys: Service) -> None:
    with toys.connect() as client:
        client.send(
            chain(gadget("TellPid"), gadget("Burst", images=400, image_mib=4)), HEADER, Close()
        )
        worker = pid_of(client)
        while sum(isinstance(m, Image) for m in client.heard) < 3:
            client.hear()
        os.kill(worker, signal.SIGKILL)
        client.hear_all()  # fails at half a message

    kinds = [type(m) for m in client.heard]
    assert kinds[-2:] == [Text, Close]
    assert set(kinds[1:-2]) == {Image}
    assert len(kinds) < 400


def test_a_worker_that_dies_of_itself_is_told_like_a_killed_one(toys: Service) -> None:
    heard = toys.talk(chain(gadget("Die")), HEADER, lines(1), Close())

    assert as_a(Text, heard[0]).text.startswith("ERR [internal] session ")
    assert heard[1:] == [Close()]


def test_the_log_says_what_a_killed_worker_had_done() -> None:
    with service() as running:
        with running.connect() as client:
            client.send(chain(gadget("TellPid"), SUM), HEADER, lines(30, channels=4, samples=500))
            worker = pid_of(client)
            client.send(lines(1), Text("{"))  # one that is taken shows that all before it was
            time.sleep(0.5)
            os.kill(worker, signal.SIGKILL)
            client.hear_all()
        _, log = running.stop()

    (said,) = [line for line in log.splitlines() if "exit code -9" in line]
    assert "internal, config -, 31 lines, 0 images, 0.5 MB" in said


def test_a_scan_without_memory_is_told_so() -> None:
    heard = None
    with service() as running:
        heard = running.talk(chain(gadget("Fail", error="MemoryError")), HEADER, lines(1), Close())

    assert as_a(Text, heard[0]).text.startswith("ERR [memory] session ")
    assert heard[1:] == [Close()]


def test_a_dead_worker_whose_client_only_sends_is_told_afterwards(toys: Service) -> None:
    batch = lines(2000, channels=8, samples=512)
    with toys.connect() as client:
        client.send(chain(gadget("Die")), HEADER)
        for _ in range(2):
            client.send(batch)
        heard = client.hear_all()

    assert as_a(Text, heard[0]).text.startswith("ERR [internal]")
    assert heard[1:] == [Close()]


def test_a_client_that_stops_reading_grows_nothing_beyond_the_queue() -> None:
    image_mib, queue_mib = 4, 16
    with service(output_queue_mib=queue_mib, stall_s=60) as running:
        parent = psutil.Process(running.process.pid)
        with running.connect(receive_buffer=1 << 16) as client:
            client.send(chain(gadget("TellPid"), SUM), HEADER, lines(1))
            quiet = psutil.Process(pid_of(client)).memory_info().rss
        before = parent.memory_info().rss
        with running.connect(receive_buffer=1 << 16) as client:
            burst = gadget("Burst", images=60, image_mib=image_mib)
            client.send(chain(gadget("TellPid"), burst), HEADER, Close())
            worker = psutil.Process(pid_of(client))
            time.sleep(1.5)  # it would make 240 MiB in this time
            grown_worker = worker.memory_info().rss - quiet
            grown_parent = parent.memory_info().rss - before
            images = sum(isinstance(m, Image) for m in client.hear_all())

    # The queue, an image on its way in and one on its way out, a receive block; the allocator's
    # slack is as much again as one image.
    assert grown_worker < (queue_mib + 4 * image_mib + 4) * MIB
    assert grown_parent < 3 * image_mib * MIB
    assert images == 60


def bad_clients(seed: int) -> list[bytes]:
    """Beginnings of sessions that go wrong, each in its own way."""
    chance = random.Random(seed)
    good = b"".join(
        bytes(piece)
        for message in (chain(SUM), HEADER, lines(3), Close())
        for piece in encode(message)
    )
    header = b"".join(bytes(piece) for piece in encode(HEADER))
    opening = b"".join(bytes(p) for m in (chain(SUM), HEADER) for p in encode(m))
    return [
        b"",
        good[: chance.randrange(1, len(good) - 2)],
        struct.pack("<H", chance.choice([0, 9, 999, 1001, 1051, 65535])),
        opening + struct.pack("<H", chance.choice([0, 9, 999, 1001, 1051, 65535])),
        struct.pack("<HI", chance.choice([2, 3, 5]), 2**32 - 1),
        opening + header,
        good[:-2],
        bytes(chance.randrange(256) for _ in range(chance.randrange(1, 3000))),
        b"\x01\x00" + b"no_such_chain".ljust(1024, b"\0"),
        opening + struct.pack("<H340x", 1008)[:200],
    ]


def test_after_200_bad_clients_a_scan_is_right_and_nothing_has_leaked(toys: Service) -> None:
    toys.talk(chain(SUM), HEADER, lines(1), Close())
    before = counts_at_rest(toys)
    endings = ["close", "reset", "half"]

    for number in range(20):
        for case, sent in enumerate(bad_clients(number)):
            with toys.connect() as client:
                client.socket.sendall(sent)
                ending = endings[(number + case) % 3]
                if ending == "half":
                    client.socket.shutdown(socket.SHUT_WR)
                    heard = client.hear_all()
                    assert not heard or heard[-1] == Close()
                elif ending == "reset":
                    linger = struct.pack("ii", 1, 0)
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    heard = toys.talk(chain(SUM), HEADER, lines(100), Close())

    assert as_a(Image, heard[0]).data.ravel()[0] == 100
    assert heard[1:] == [Close()]
    assert counts_at_rest(toys) == before
