"""Runs gadgets one after another, each on the items that it accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from streamrecon.errors import StreamReconError
from streamrecon.stream.gadget import Gadget

Emit = Callable[[object], None]
_NOTHING = object()

AnyGadget = Gadget[Any]
"""A gadget of whatever message type; the type is checked by ``accepts`` when a message comes."""


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


@dataclass(slots=True)
class _Making:
    """A gadget at work: what it still makes, and the place in the sequence where that goes."""

    made: Iterator[object]
    name: str
    goes_to: int


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

    def feed(self, item: object) -> None:
        """Push one item through."""
        first = self._offer(item, 0)
        del item
        self._drive(first)

    def finish(self) -> None:
        """Finish each part in turn; what it leaves goes through those behind it."""
        for at, part in enumerate(self._parts):
            if isinstance(part, Step):
                with signing(part.name):
                    made = iter(part.gadget.finish())
                self._drive(_Making(made, part.name, at + 1))
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
        for after, part in enumerate(self._parts[at:], at + 1):
            if not isinstance(part, Step):
                part.feed(item)
                return None
            if isinstance(item, part.gadget.accepts):
                with signing(part.name):
                    return _Making(iter(part.gadget.feed(item)), part.name, after)
        self._emit(item)
        return None

    def _drive(self, first: _Making | None) -> None:
        stack = [first] if first else []
        while stack:
            top = stack[-1]
            with signing(top.name):
                item = next(top.made, _NOTHING)
            if item is _NOTHING:
                stack.pop()
                continue
            then = self._offer(item, top.goes_to)
            del item
            if then:
                stack.append(then)


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
