"""Runs one session in a worker process: threads to read, reconstruct and write."""

from __future__ import annotations

import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from threading import Thread

from streamrecon.errors import code_of
from streamrecon.machine.threads import set_budget
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.wire.messages import Close, Header, Message, Text
from streamrecon.server.health.log_lines import log_to_stderr
from streamrecon.server.sessions.error_report import answer, is_bug
from streamrecon.server.sessions.image_copy import image_copy_of
from streamrecon.server.sessions.raw_copy import raw_copy_of
from streamrecon.server.sessions.reader import Intake
from streamrecon.server.sessions.session import Session, SessionEnded
from streamrecon.server.sessions.writer import Outgoing
from streamrecon.server.settings import Settings
from streamrecon.server.watching.progress import Progress
from streamrecon.server.watching.protocol_name import public_protocol
from streamrecon.server.workers.worker_channel import (
    Job,
    Kind,
    ScanFacts,
    Summary,
    receive_job,
    send_frame,
)
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.byte_queue import ByteQueue
from streamrecon.stream.run.chain import Chain
from streamrecon.units import MIB

_log = logging.getLogger(__name__)

_KIB = 1024
_SWITCH_S = 2e-4  # the chain comes back from compiled loops often, and must not wait 5 ms each time


def _nothing() -> None:
    """Not warm up."""


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What the command line gives to a worker.

    Parameters
    ----------
    registry
        The gadgets that a chain file may name.
    warm
        Called before the first scan: loads modules, compiles kernels.
    """

    registry: Registry
    warm: Callable[[], None] = _nothing


Equip = Callable[[], WorkerSetup]
"""Makes the equipment, in the worker's own process; importable by its name."""


@dataclass(frozen=True, slots=True)
class ImportPath:
    """An `Equip` by its name: the listener, which hands it on, need not load what it needs."""

    module: str
    name: str

    def __call__(self) -> WorkerSetup:
        """Import the module and call the function."""
        equipment: WorkerSetup = getattr(import_module(self.module), self.name)()
        return equipment


def work(channel: socket.socket, settings: Settings, equip: Equip) -> None:
    """Life of a worker: warm up, say so, serve one client, end.

    Signals are the listener's business: a signal sent to the whole group must not cut a scan. A
    worker ends by itself when the listener does.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    log_to_stderr(settings.log_level, settings.log_format)
    try:
        _live(channel, settings, equip)
    except (BrokenPipeError, ConnectionResetError):
        _log.debug("the listener has gone")
    except Exception:  # noqa: BLE001  (a bug of anything that a worker loads)
        _log.exception("the worker ends")  # whoever leaves it to Python waits for stderr
        sys.exit(1)


def _live(channel: socket.socket, settings: Settings, equip: Equip) -> None:
    sys.setswitchinterval(_SWITCH_S)
    if settings.threads is not None:
        set_budget(settings.threads)
    equipment = equip()
    equipment.warm()
    with channel:
        send_frame(channel, Kind.READY)
        given = receive_job(channel)
        if given is not None:
            job, client, progress = given
            send_frame(channel, Kind.TAKEN)
            with client, progress:
                SessionProcess(
                    job, client, channel, equipment=equipment, settings=settings, progress=progress
                ).run()


class SessionProcess:
    """One session in this process: the three threads and how they end.

    The first error decides. Errors of the stream travel through the input queue, so that what came
    before them is worked on first, and the answer does not depend on timing.
    """

    def __init__(
        self,
        job: Job,
        client: socket.socket,
        channel: socket.socket,
        *,
        equipment: WorkerSetup,
        settings: Settings,
        progress: Progress,
    ) -> None:
        self._job = job
        self._progress = progress
        self._inbox = ByteQueue[Message | Exception](settings.input_queue_mib * MIB)
        self._outbox = ByteQueue[object](settings.output_queue_mib * MIB)
        self._failure: Exception | None = None
        self._goes_on = False
        self._loss_sent = False
        self._began = time.monotonic()
        self._copy = raw_copy_of(job.session, settings)
        self._intake = Intake(client, channel, settings, self._inbox.put, self._see)
        self._images = image_copy_of(job.session, settings)
        self._outgoing = Outgoing(
            channel,
            self._outbox,
            self._closing,
            self._give_up,
            *(() if self._images is None else (self._images.take,)),
        )
        self._session = Session(
            job.session,
            self._received(),
            self._say,
            registry=equipment.registry,
            settings=settings,
            leaving=self._leave,
            begun=self._tell_begun,
        )

    def run(self) -> None:
        """Serve the client; return when all threads have ended."""
        reading = Thread(target=self._intake.run, name="read")
        writing = Thread(target=self._outgoing.run, name="write")
        reading.start()
        writing.start()
        try:
            self._session.hold()
            self._finish_copy()
            self._end_detached()
        except SessionEnded:
            pass
        except Exception as error:  # noqa: BLE001  (the edge of the session)
            self._fail(error)
        self._inbox.abort()
        self._outbox.close()
        writing.join()
        self._intake.stop()
        reading.join()
        if self._copy is not None:
            self._copy.close()
        if self._images is not None:
            self._images.close()

    def _tell_begun(self, chain: Chain, header: Header) -> None:
        """Tell who watches what the scan is, and from now on what its gadgets do."""
        for number, step in enumerate(chain.steps):
            if (note := self._progress.stage_noter(number)) is not None:
                step.times.watched(note)
        facts = ScanFacts(
            config=self._session.facts.config,
            protocol=public_protocol(header.xml),
            stages=tuple(step.name for step in chain.steps),
            gadgets=tuple(type(step.gadget).__name__ for step in chain.steps),
            raw_copy="" if self._copy is None else self._copy.name,
            images="" if self._images is None else self._images.name,
        )
        if self._images is not None:
            self._images.begin(header)
        self._say(facts)

    def _leave(self) -> None:
        """Let the client go: all is said, and only detached branches are at work."""
        self._goes_on = True
        self._outbox.close()

    def _end_detached(self) -> None:
        if self._goes_on:
            seconds = time.monotonic() - self._began
            _log.info("session %s: detached branches ended, %.2f s", self._job.session, seconds)

    def _received(self) -> Iterator[Message]:
        for item in self._inbox:
            self._note_progress()
            self._tell_loss()
            if isinstance(item, Exception):
                raise item
            yield item
            self._note_progress()  # the chain is done with it, and waits for the next one

    def _see(self, message: Message) -> None:
        """Take a message as it comes, ahead of the chain."""
        if isinstance(message, Header):
            self._progress.note_opened()
        if self._copy is not None:
            self._copy.take(message)
        self._note_progress()

    def _note_progress(self) -> None:
        self._progress.note(
            lines=self._session.lines,
            images=self._outgoing.images,
            received=self._intake.received,
        )
        self._progress.note_queues(
            waiting_in=self._inbox.held_bytes, waiting_out=self._outbox.held_bytes
        )

    def _finish_copy(self) -> None:
        if self._copy is not None:
            self._copy.finish()
            self._tell_loss()

    def _tell_loss(self) -> None:
        """Warn the client once that its raw copy ended, unless it is one that hears no text."""
        loss = "" if self._copy is None else self._copy.loss
        if loss and not self._loss_sent and not self._session.facts.dependency_query:
            self._loss_sent = True
            self._say(Text(str(Notice(Level.WARNING, loss))))

    def _say(self, item: object) -> None:
        self._note_progress()
        if self._failure is not None or not self._outbox.put(item):
            raise SessionEnded

    def _fail(self, error: Exception) -> None:
        if self._failure is not None:
            return
        self._failure = error
        trace = error if is_bug(error) else None
        _log.error("session %s: %s", self._job.session, error, exc_info=trace)
        self._inbox.abort()
        self._outbox.close()

    def _give_up(self, error: Exception) -> None:
        self._fail(error)
        self._outbox.abort()  # nobody sends any more: let go whoever waits to say something

    def _closing(self) -> tuple[Iterable[Message], Summary]:
        facts, failure = self._session.facts, self._failure
        if failure is None:
            return (Close(),), self._summary("complete")
        outcome = code_of(failure)
        dependency_query = facts.dependency_query
        last = answer(failure, self._job.session, dependency_query=dependency_query)
        return last, self._summary(outcome)

    def _summary(self, outcome: str) -> Summary:
        return Summary(
            outcome=outcome,
            config=self._session.facts.config,
            lines=self._session.lines,
            images=self._outgoing.images,
            megabytes=self._intake.received / 1e6,
            seconds=time.monotonic() - self._began,
            memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB,
            goes_on=self._goes_on,
        )
