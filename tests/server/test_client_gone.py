"""Work for a client that has gone ends; one that only closed its side gets what it waits for."""

import contextlib
import os
import socket
import struct
import time

import psutil
import pytest
from narrowing import as_a
from test_faults import pid_of
from toy_client import HEADER, Client, Service, all_gone, chain, gadget, lines, service, still_runs

from streamrecon.mrd.wire.messages import Close, Image, Message, Text

pytestmark = pytest.mark.long

BUSY = chain(gadget("TellPid"), gadget("Slow", pause_s=60), gadget("SumLines"))


def leave(client: Client, *, how: str) -> None:
    """Go away as programs do: closed in peace, or reset as when they are killed."""
    if how == "reset":
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("said", [(), (Close(),)], ids=["in the middle", "after CLOSE"])
def test_the_worker_of_a_client_that_has_gone_ends_at_once(
    toys: Service, how: str, said: tuple[Message, ...]
) -> None:
    with toys.connect() as client:
        client.send(BUSY, HEADER, lines(5), *said)
        worker = psutil.Process(pid_of(client))
        time.sleep(0.2)  # it is within a step of 60 s, and all_gone waits for half of that
        leave(client, how=how)

        assert all_gone([worker])


def test_a_client_that_closed_its_side_gets_its_images(toys: Service) -> None:
    slow = chain(gadget("Slow", pause_s=2.5), gadget("SumLines"))
    with toys.connect() as client:
        client.send(slow, HEADER, lines(5), Close())
        client.socket.shutdown(socket.SHUT_WR)
        heard = client.hear_all()

    assert [m for m in heard if not isinstance(m, Text)][1:] == [Close()]
    assert isinstance(heard[-2], Image)
    assert {m.text for m in heard if isinstance(m, Text)} == {"DBG at work"}


def test_the_place_of_a_client_that_has_gone_is_free_for_the_next() -> None:
    with service(sessions=1, wait_s=20.0) as running:
        with running.connect() as client:
            client.send(BUSY, HEADER, lines(5), Close())
            worker = pid_of(client)
        heard = running.talk(chain(gadget("SumLines")), HEADER, lines(7), Close())

    assert as_a(Image, heard[0]).data.ravel()[0] == 7
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, 0)


def test_a_process_has_gone_though_another_has_its_number_now() -> None:
    """Thousands of tests' processes and threads use a machine's numbers up within minutes."""
    gone = psutil.Process()
    gone._ident = (gone.pid, 1.0)  # as of one that began before

    assert all_gone([gone])
    assert still_runs(psutil.Process())
