"""Relays a worker's messages to its client, and reports the end in every case.

The worker reads the client's socket; only the listener writes it, whole messages only. So
whatever ends the worker, the client still hears ERR and CLOSE after the last whole message.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine

from streamrecon.errors import MemoryLimitError, StreamReconError
from streamrecon.machine.memory import memory_kills
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.wire.messages import Close, Text
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.doors.client_socket import (
    ClientLost,
    asks_for_noise,
    closed,
    is_lost,
    write,
)
from streamrecon.server.sessions.error_report import OverdueError, WorkerLostError, answer
from streamrecon.server.settings import Settings
from streamrecon.server.watching.progress import Progress
from streamrecon.server.watching.scan_events import ScanEvents, WatchedScan
from streamrecon.server.workers.worker_channel import (
    Job,
    Kind,
    Summary,
    read_facts,
    read_frame,
    read_summary,
    send_job,
)
from streamrecon.server.workers.worker_pool import Worker

_TAKEN_S = 10.0  # a worker that is idle takes its client in a millisecond
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.3, 1.0  # a word, and within a second its echo
_AT_WORK = Text(str(Notice(Level.DEBUG, "at work")))
_CLOSE = b"".join(encode(Close()))


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
    scan
        Is told what happens to the session.
    """

    def __init__(
        self,
        client: socket.socket,
        session: str,
        settings: Settings,
        scan: WatchedScan | None = None,
    ) -> None:
        self.session = session
        self.scan = scan or WatchedScan(session, "", ScanEvents())
        self._client = client
        self._settings = settings
        self._dependency_query = False
        self._worker: Worker | None = None
        self._verdict: StreamReconError | None = None
        self._writing = asyncio.Lock()
        self._is_closed = False
        self._progress: Progress | None = None
        self._kills_before = 0
        self._taken_at: float | None = None

    def notes(self, opening: bytes) -> None:
        """Learn from the client's first bytes whether it understands TEXT."""
        self._dependency_query = asks_for_noise(opening)

    def condemn(self, reason: StreamReconError) -> None:
        """End the session at once; the client is told ``reason``."""
        if self._verdict is None:
            self._verdict = reason
        if self._worker is not None:
            self._worker.kill()

    async def hand_to(self, worker: Worker) -> bool:
        """Give the client to a worker; ``False`` where it was lost and has read nothing."""
        self._worker = worker
        self._kills_before = memory_kills()
        try:
            send_job(worker.channel, Job(self.session), self._client, self._shared_progress())
            async with asyncio.timeout(_TAKEN_S):
                frame = await read_frame(worker.channel)
        except (OSError, ValueError, MemoryError):  # a time-out is one of them
            frame = None
        is_taken = frame is not None and frame.kind is Kind.TAKEN
        if is_taken:
            self._taken_at = asyncio.get_running_loop().time()
            self.scan.taken(worker.pid, self._shared_progress())
        else:
            self._worker = None
        return is_taken or self._verdict is not None

    def hurry(self) -> None:
        """End the session if its client had a worker for long and has not sent its header.

        Called where others wait for a place.
        """
        since, limit_s = self._taken_at, self._settings.hurry_s
        now = asyncio.get_running_loop().time()
        if self._worker is None or since is None or now < since + limit_s:
            return
        if not self._shared_progress().is_opened:
            self.condemn(OverdueError(f"no header came for {limit_s:g} s while others waited"))

    async def serve(self, worker: Worker) -> Summary:
        """Let the worker that has the client serve it; return when the worker has ended.

        Raises
        ------
        ClientLost
            If the client is gone or does not read.
        """
        clock = asyncio.get_running_loop()
        overdue = OverdueError(f"the session took longer than {self._settings.total_s:g} s")
        timer = clock.call_later(self._settings.total_s, self.condemn, overdue)
        summary = None
        try:
            summary = await self._until_lost(self._pass_on(worker))
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
                    await self._write(frame.payload)
                case Kind.DEPENDENCY_QUERY:
                    self._dependency_query = True
                case Kind.FACTS:
                    self.scan.learn(read_facts(frame))
                case Kind.NOTICE:
                    self.scan.notice(frame.payload.decode(errors="replace"))
                case Kind.DONE:
                    return self._ended(read_summary(frame))
                case Kind.READY | Kind.TAKEN:
                    pass
        return None

    def _ended(self, summary: Summary) -> Summary:
        notices = self.scan.record.notices
        failed = summary.outcome != "complete" and notices
        self.scan.ended(summary, notices[-1] if failed else "")
        return summary

    async def _until_lost(
        self, effort: Coroutine[object, object, Summary | None]
    ) -> Summary | None:
        """The result of an effort for the client, which ends when the client has gone."""
        working = asyncio.ensure_future(effort)
        watching = asyncio.ensure_future(self._watch())
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            watching.result()  # why the client is lost
            return await working
        finally:
            working.cancel()
            watching.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)

    async def _watch(self) -> None:
        """Find out that the client has gone, be it that nothing is written for long.

        One that closed its side may wait for images. Only one that has gone answers what is
        written with a reset, so a word is written each second. Who understands no word is spared:
        the answer to a query takes no second.

        Raises
        ------
        ClientLost
            When it has.
        """
        may_read, pause_s = await closed(self._client), _FIRST_PAUSE_S
        while may_read and not is_lost(self._client):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            if not self._dependency_query:
                await self._write(b"".join(encode(_AT_WORK)))
        raise ClientLost("it has gone")

    async def _write(self, payload: bytes | bytearray) -> None:
        """Write to the client; behind its CLOSE comes nothing, not even that there is work."""
        async with self._writing:
            if not self._is_closed:
                await write(self._client, payload, self._settings.stall_s)
                self._is_closed = payload == _CLOSE

    async def _replace_last_words(self) -> Summary:
        reason = self._verdict or self._why_lost()
        lines, images, received = self._shared_progress().counts()
        summary = Summary(reason.code, lines=lines, images=images, megabytes=received / 1e6)
        self.scan.ended(summary, str(reason))  # before the client, who may not listen
        await self.refuse(reason)
        return summary

    def _why_lost(self) -> StreamReconError:
        if memory_kills() == self._kills_before:
            return WorkerLostError("the worker ended before the scan did")
        lines, _, received = self._shared_progress().counts()
        return MemoryLimitError(
            f"session {self.session}: its worker was killed for want of memory after {lines}"
            f" lines, {received / 1e6:.1f} MB"
        )

    def _shared_progress(self) -> Progress:
        """What its worker has done, made when the first one is given the client."""
        if self._progress is None:
            self._progress = Progress.new()
        return self._progress

    def close(self) -> None:
        """Let go of what is shared with the worker."""
        self.scan.ended(Summary("lost"), "the client has gone")
        if self._progress is not None:
            self._progress.close()

    async def refuse(self, reason: StreamReconError) -> None:
        """Tell the client why there is nothing more.

        Raises
        ------
        ClientLost
            If it is gone or does not read.
        """
        for message in answer(reason, self.session, dependency_query=self._dependency_query):
            await self._write(b"".join(encode(message)))
