"""A worker that the kernel killed for memory is told as such, not as a fault of the service."""

import asyncio
import os
import socket
from typing import Any

import pytest
from narrowing import given

from streamrecon.mrd.wire.messages import Close, Message, Text
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.server.sessions import relay as relays
from streamrecon.server.sessions.relay import Relay
from streamrecon.server.settings import Settings
from streamrecon.server.watching.progress import Progress
from streamrecon.server.workers.worker_channel import Kind, receive_job, send_frame


class Victim:
    """A worker that has taken some lines when it is killed."""

    def __init__(self) -> None:
        self.channel, self._end = socket.socketpair()
        self.channel.setblocking(False)

    pid = os.getpid()

    def take(self) -> None:
        job, client, progress = given(receive_job(self._end))
        assert job.session == "4f2a"
        with client, progress:
            progress.note(lines=12, images=1, received=42_000_000)
        send_frame(self._end, Kind.TAKEN)

    def die(self) -> None:
        self._end.close()

    def kill(self) -> None:
        self._end.close()


@pytest.mark.parametrize("kills", [0, 1])
def test_the_kernels_count_tells_why_a_worker_is_lost(
    monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    counts = iter([5, 5 + kills])
    monkeypatch.setattr(relays, "memory_kills", lambda: next(counts))

    async def session() -> tuple[str, list[Message]]:
        client, peer = socket.socketpair()
        client.setblocking(False)
        worker: Any = Victim()
        relay = Relay(client, "4f2a", Settings())
        try:
            taking = asyncio.to_thread(worker.take)
            handed, _ = await asyncio.gather(relay.hand_to(worker), taking)
            assert handed
            serving = asyncio.ensure_future(relay.serve(worker))
            await asyncio.sleep(0.05)
            worker.die()
            summary = await serving
            return str(summary), MrdParser().receive(peer.recv(4096))
        finally:
            relay.close()
            for end in (client, peer, worker.channel):
                end.close()

    summary, heard = asyncio.run(session())

    lost = "the scan was not finished; the log of the server says why"
    text = (
        "ERR [memory] session 4f2a: its worker was killed for want of memory"
        " after 12 lines, 42.0 MB"
        if kills
        else f"ERR [internal] session 4f2a: {lost}"
    )
    assert heard == [Text(text), Close()]
    code = "memory" if kills else "internal"
    assert summary.startswith(f"{code}, config -, 12 lines, 1 images, 42.0 MB")


def test_progress_lets_go_of_its_descriptor() -> None:
    with Progress.new() as progress:
        number = progress.descriptor

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
