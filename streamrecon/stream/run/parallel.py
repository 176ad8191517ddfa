"""Runs branches of a chain at once, each in a thread."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from queue import SimpleQueue
from threading import Lock, Thread

from streamrecon.errors import StreamReconError, in_words
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.run.byte_queue import ByteQueue
from streamrecon.stream.run.serial import Emit, Node, Stage, Step

log = logging.getLogger(__name__)

BRANCH_QUEUE_BYTES = 64 << 20
"""What may wait before a branch: thousands of lines, or one volume whatever its size."""


class OnError(Enum):
    """What the error of a branch means for the chain."""

    FAIL = "fail"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Branch:
    """One way through a `Parallel`.

    Parameters
    ----------
    key
        Name in notices and of the thread.
    node
        What runs.
    on_error
        ``FAIL`` ends the chain; ``REPORT`` ends the branch with a warning, the others go on.
    detached
        The chain's end does not wait for it, and its results are not merged: what it makes it must
        deliver itself. Its notices and the error that ends it come after the chain's end.
    """

    key: str
    node: Node
    on_error: OnError = OnError.FAIL
    detached: bool = False

    def accepted(self) -> tuple[type, ...]:
        """Types that a gadget of this branch takes."""
        return tuple({kind for step in self.node.steps() for kind in step.gadget.accepts})


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches that run at once and whose results are merged in the order they are made.

    An item goes to every branch with a gadget that accepts it, and to every branch without any
    gadget; one that no gadget of any branch accepts passes by, once. Items are shared between
    branches: nobody modifies them. Nothing can be said of the order between two branches.

    A detached branch goes on after `Stage.finish`, and is waited for by `Stage.linger`.
    """

    branches: tuple[Branch, ...]
    queue_bytes: int = BRANCH_QUEUE_BYTES

    def start(self, emit: Emit) -> Stage:
        """Begin a run; the threads start with the first item."""
        return _RunningParallel(self, emit)

    def steps(self) -> Iterator[Step]:
        """Every step of every branch."""
        for branch in self.branches:
            yield from branch.node.steps()


class _Stopped(Exception):  # noqa: N818  (not an error: the word to a branch to leave off)
    """The run has been given up; the reason is kept by whoever raised this."""


class _RunningParallel:
    """Owner of the branches' threads.

    Locks are taken downstream only (a branch's, then that of the node around it or behind it),
    and a thread that waits at a queue is woken by `ByteQueue.abort`, so nobody waits in a circle.
    """

    def __init__(self, node: Parallel, emit: Emit) -> None:
        self._emit = emit
        self._merging = Lock()
        self._failing = Lock()
        self._failure: BaseException | None = None
        self._workers = [_Worker(b, node.queue_bytes, self) for b in node.branches]
        self._kept: SimpleQueue[Notice] = SimpleQueue()
        self._started = False

    def feed(self, item: object) -> None:
        self._start()
        with suppress(_Stopped):  # the reason is raised below
            self._distribute(item)
        self._raise_failure()

    def finish(self) -> None:
        self._start()
        for worker in self._workers:
            worker.queue.close()
        for worker in self._workers:
            if not worker.is_detached:
                worker.thread.join()
        self._raise_failure()

    def lingers(self) -> bool:
        return any(worker.is_detached and worker.thread.is_alive() for worker in self._workers)

    def linger(self) -> None:
        for worker in self._workers:
            worker.thread.join()
        while not self._kept.empty():
            self._emit(self._kept.get())
        self._raise_failure()

    def keep(self, item: object) -> None:
        """Take what a detached branch makes: its notices are told when it has ended."""
        if self._failure is not None:
            raise _Stopped
        if isinstance(item, Notice):
            self._kept.put(item)

    def stop(self) -> None:
        self.fail(_Stopped())
        for worker in self._workers:
            if worker.thread.ident is not None:
                worker.thread.join()

    def merge(self, item: object) -> None:
        """Push an item on; one thread at a time. An error behind this node ends the run."""
        with self._merging:
            if self._failure is not None:
                raise _Stopped
            try:
                self._emit(item)
            except BaseException as e:
                self.fail(e)
                raise _Stopped from e

    def fail(self, reason: BaseException) -> None:
        """End the run; the first reason counts."""
        with self._failing:
            if self._failure is None:
                self._failure = reason
        for worker in self._workers:
            worker.queue.abort()

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        for worker in self._workers:
            worker.thread.start()

    def _distribute(self, item: object) -> None:
        if not any(isinstance(item, worker.accepted) for worker in self._workers):
            self.merge(item)
            return
        for worker in self._workers:
            if isinstance(item, worker.accepted) or not worker.accepted:
                worker.queue.put(item)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


class _Worker:
    """The thread of one branch."""

    def __init__(self, branch: Branch, queue_bytes: int, owner: _RunningParallel) -> None:
        self.accepted = branch.accepted()
        self.queue: ByteQueue[object] = ByteQueue(queue_bytes)
        self.thread = Thread(target=self._work, name=f"branch {branch.key}")
        self.is_detached = branch.detached
        self._branch = branch
        self._owner = owner
        self._give = owner.keep if branch.detached else owner.merge

    def _work(self) -> None:
        stage = self._branch.node.start(self._give)
        try:
            items = iter(self.queue)
            with suppress(StopIteration):
                while True:
                    stage.feed(next(items))  # no name for it here: it would keep the item alive
            if not self.queue.aborted:
                stage.finish()
        except _Stopped:
            pass  # the reason is kept by the owner
        except BaseException as e:  # noqa: BLE001  (the edge of a thread: its owner raises it)
            self._end(e)
        finally:
            stage.stop()
            self.queue.abort()  # the feeder never waits for a branch that has ended

    def _end(self, error: BaseException) -> None:
        ends_the_run = self._branch.on_error is OnError.FAIL and not self.is_detached
        if ends_the_run or not isinstance(error, Exception):
            self._owner.fail(error)
            return
        planned = isinstance(error, StreamReconError)
        log.error("branch %s ended", self._branch.key, exc_info=None if planned else error)
        with suppress(_Stopped):
            self._give(Notice(Level.WARNING, _sentence(self._branch.key, error)))


def _sentence(key: str, error: Exception) -> str:
    return f"branch {key} ended without a result: {in_words(error)}"
