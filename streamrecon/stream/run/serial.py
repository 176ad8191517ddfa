"""Runs gadgets one after another, each on the items that it accepts, and takes their times."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Protocol

from streamrecon.errors import StreamReconError, in_words
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.gadget import Gadget

_log = logging.getLogger(__name__)

Emit = Callable[[object], None]
Note = Callable[[float, float], None]
_NOTHING = object()

AnyGadget = Gadget[Any]
"""A gadget of whatever message type; the type is checked by ``accepts`` when a message comes."""


def _nobody(_worked_s: float, _since: float) -> None:
    """Nobody watches."""


class StageTimes:
    """Seconds that one gadget has worked; entered while it works, by one thread at a time.

    Times are those of the gadget's own code: what later gadgets make of its results is theirs.
    A call costs two readings of the clock: half a microsecond.

    Examples
    --------
    >>> seen = []
    >>> times = StageTimes()
    >>> times.watched(lambda worked_s, since: seen.append(since > 0))
    >>> with times:
    ...     pass
    >>> seen, times.worked_s >= 0
    ([True, False], True)
    """

    __slots__ = ("_began", "_note", "worked_s")

    def __init__(self) -> None:
        self.worked_s = 0.0
        self._began = 0.0
        self._note: Note = _nobody

    def watched(self, note: Note) -> None:
        """Have ``note`` called at each beginning and end: seconds worked, and the monotonic clock.

        The clock is that of the beginning, and 0 at the end.
        """
        self._note = note

    def __enter__(self) -> None:
        self._began = monotonic()
        self._note(self.worked_s, self._began)

    def __exit__(self, *_: object) -> None:
        self.worked_s += monotonic() - self._began
        self._note(self.worked_s, 0.0)


class Stage(Protocol):
    """A running part of a chain; items are pushed in, what it makes is pushed on."""

    def feed(self, item: object) -> None:
        """Work on one item, or let it pass by."""

    def finish(self) -> None:
        """Push on what is left; called once, after the last item."""

    def lingers(self) -> bool:
        """Whether detached branches are still at work after `finish`."""

    def linger(self) -> None:
        """Wait for them, and push on what they have to say."""

    def stop(self) -> None:
        """Give up what runs, and join it. Safe at any time, also twice and after `finish`."""


class Node(Protocol):
    """A part of a chain that can be started."""

    def start(self, emit: Emit) -> Stage:
        """Begin a run that pushes what it makes into ``emit``."""

    def steps(self) -> Iterator[Step]:
        """Every step in it, in the order of the chain file."""


@dataclass(frozen=True, slots=True)
class Step:
    """One gadget under the name that the chain file gives it."""

    name: str
    gadget: AnyGadget
    times: StageTimes = field(default_factory=StageTimes, compare=False, repr=False)

    def start(self, emit: Emit) -> Stage:
        """Begin a run."""
        return _RunningSequence((self,), emit)

    def steps(self) -> Iterator[Step]:
        """Itself."""
        yield self


@dataclass(frozen=True, slots=True)
class Serial:
    """Nodes one after another; an empty sequence lets everything pass."""

    nodes: tuple[Node, ...]

    def start(self, emit: Emit) -> Stage:
        """Begin a run of every node, each one's output the next one's input."""
        return _RunningSequence(self.nodes, emit)

    def steps(self) -> Iterator[Step]:
        """Every step of every node."""
        for node in self.nodes:
            yield from node.steps()


def seconds_worked(node: Node) -> dict[str, float]:
    """Seconds that each gadget of a node has worked until now; those of one name together."""
    seconds: dict[str, float] = {}
    for step in node.steps():
        seconds[step.name] = seconds.get(step.name, 0.0) + step.times.worked_s
    return seconds


@dataclass(slots=True)
class _Making:
    """A gadget at work: what it still makes, and its place in the sequence.

    ``owed`` is the item that a watching gadget was given, until it has passed it on.
    """

    made: Iterator[object]
    step: Step
    place: int
    owed: object = _NOTHING

    def next(self) -> object:
        """What it makes next; `_NOTHING` at its end."""
        with signing(self.step.name), self.step.times:
            item = next(self.made, _NOTHING)
        if item is self.owed:
            self.owed = _NOTHING
        return item


class _RunningSequence:
    """Drives gadgets with a stack of their iterators.

    Nothing but a gadget's own frame keeps an item while later gadgets work on what was made of it:
    a volume of raw data is gone as soon as its gadget lets go of it.
    """

    def __init__(self, nodes: tuple[Node, ...], emit: Emit) -> None:
        self._emit = emit
        self._parts: list[Step | Stage] = [
            node if isinstance(node, Step) else node.start(partial(self._feed_at, at + 1))
            for at, node in enumerate(nodes)
        ]
        self._blind: set[int] = set()  # places of gadgets that only watched, and failed

    def feed(self, item: object) -> None:
        """Push one item through."""
        first = self._offer(item, 0)
        del item
        self._drive(first)

    def finish(self) -> None:
        """Finish each part in turn; what it leaves goes through those behind it."""
        for at, part in enumerate(self._parts):
            if isinstance(part, Step):
                if at not in self._blind:
                    self._drive(_Making(_finishing(part), part, at))
            else:
                part.finish()

    def lingers(self) -> bool:
        """Whether a part does."""
        return any(not isinstance(part, Step) and part.lingers() for part in self._parts)

    def linger(self) -> None:
        """Wait for every part in turn."""
        for part in self._parts:
            if not isinstance(part, Step):
                part.linger()

    def stop(self) -> None:
        """Stop what has threads."""
        for part in self._parts:
            if not isinstance(part, Step):
                part.stop()

    def _feed_at(self, at: int, item: object) -> None:
        first = self._offer(item, at)
        del item
        self._drive(first)

    def _offer(self, item: object, at: int) -> _Making | None:
        """Give an item to the first part from ``at`` that takes it; what a gadget makes of it."""
        for here, part in enumerate(self._parts[at:], at):
            if not isinstance(part, Step):
                part.feed(item)
                return None
            if isinstance(item, part.gadget.accepts) and here not in self._blind:
                if part.gadget.only_watches:
                    return _Making(_feeding(part, item), part, here, item)
                with signing(part.name), part.times:
                    return _Making(iter(part.gadget.feed(item)), part, here)
        self._emit(item)
        return None

    def _drive(self, first: _Making | None) -> None:
        stack = [first] if first else []
        while stack:
            top = stack[-1]
            try:
                item = top.next()
            except Exception as e:
                if not top.step.gadget.only_watches:
                    raise
                self._blind.add(top.place)
                top.made = _without(top, e)
                continue
            if item is _NOTHING:
                stack.pop()
                continue
            then = self._offer(item, top.place + 1)
            del item
            if then:
                stack.append(then)


def _feeding(step: Step, item: object) -> Iterator[object]:
    """What a watching gadget makes of an item; any other would lose sight of it too late."""
    yield from step.gadget.feed(item)


def _finishing(step: Step) -> Iterator[object]:
    """What a gadget makes at the end."""
    yield from step.gadget.finish()


def _without(making: _Making, error: Exception) -> Iterator[object]:
    """What goes on instead of a watching gadget: a word about its error, and what it was given."""
    planned = isinstance(error, StreamReconError)
    _log.error("%s watches no more", making.step.name, exc_info=None if planned else error)
    yield Notice(Level.WARNING, f"{making.step.name} watches no more: {in_words(error)}")
    if making.owed is not _NOTHING:
        yield making.owed


@contextmanager
def signing(name: str) -> Iterator[None]:
    """Put ``name`` in front of the message of an error that passes."""
    try:
        yield
    except StreamReconError as e:
        e.args = (f"{name}: {e}",)
        raise
    except Exception as e:
        e.add_note(f"in gadget {name}")
        raise
