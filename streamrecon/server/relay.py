"""Relays a worker's messages to its client, and reports the end in every case.

The worker reads the client's socket; only the listener writes it, whole messages only. So
whatever ends the worker, the client still hears ERR and CLOSE after the last whole message.
"""

from __future__ import annotations

import asyncio
import socket

from streamrecon.errors import StreamReconError
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.client_socket import asks_for_noise, write
from streamrecon.server.error_report import OverdueError, WorkerLostError, answer
from streamrecon.server.settings import Settings
from streamrecon.server.worker_channel import Job, Kind, Summary, read_frame, read_summary, send_job
from streamrecon.server.worker_pool import Worker


class Relay:
    """Passes the messages of a session from its worker to its client.

    Memory: one frame, which is one image or one batch of smaller messages.

    Parameters
    ----------
    client
        Connected, non-blocking.
    session
        Name of the session.
    settings
        The time limits.
    """

    def __init__(self, client: socket.socket, session: str, settings: Settings) -> None:
        self.session = session
        self._client = client
        self._settings = settings
        self._dependency_query = False
        self._worker: Worker | None = None
        self._verdict: StreamReconError | None = None

    def notes(self, opening: bytes) -> None:
        """Learn from the client's first bytes whether it understands TEXT."""
        self._dependency_query = asks_for_noise(opening)

    def condemn(self, reason: StreamReconError) -> None:
        """End the session at once; the client is told ``reason``."""
        if self._verdict is None:
            self._verdict = reason
        if self._worker is not None:
            self._worker.kill()

    async def serve(self, worker: Worker) -> Summary:
        """Let this worker serve the client; return when the worker has ended.

        Raises
        ------
        ClientLost
            If the client is gone or does not read.
        """
        self._worker = worker
        clock = asyncio.get_running_loop()
        overdue = OverdueError(f"the session took longer than {self._settings.total_s:g} s")
        timer = clock.call_later(self._settings.total_s, self.condemn, overdue)
        summary = None
        try:
            send_job(worker.channel, Job(self.session), self._client)
            summary = await self._pass_on(worker)
        except (BrokenPipeError, ValueError, MemoryError):
            pass  # it ended before it began, or its frames make no sense: lost, as told below
        finally:
            timer.cancel()
            self._worker = None
            if summary is None:
                worker.kill()
        return summary or await self._replace_last_words()

    async def _pass_on(self, worker: Worker) -> Summary | None:
        while (frame := await read_frame(worker.channel)) is not None:
            match frame.kind:
                case Kind.MESSAGES:
                    await write(self._client, frame.payload, self._settings.stall_s)
                case Kind.DEPENDENCY_QUERY:
                    self._dependency_query = True
                case Kind.DONE:
                    return read_summary(frame)
                case Kind.READY:
                    pass
        return None

    async def _replace_last_words(self) -> Summary:
        reason = self._verdict or WorkerLostError("the worker ended before the scan did")
        await self.refuse(reason)
        return Summary(outcome=reason.code)

    async def refuse(self, reason: StreamReconError) -> None:
        """Tell the client why there is nothing more.

        Raises
        ------
        ClientLost
            If it is gone or does not read.
        """
        for message in answer(reason, self.session, dependency_query=self._dependency_query):
            await write(self._client, b"".join(encode(message)), self._settings.stall_s)
