"""The line of a chain: a gadget that takes what it accepts, and gadgets one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from streamrecon.errors import StreamReconError
from streamrecon.stream.gadget import Gadget

Emit = Callable[[object], None]
AnyGadget = Gadget[Any]
"""A gadget of whatever message type; the type is checked by ``accepts`` when a message comes."""


class Stage(Protocol):
    """A running part of a chain; items are pushed in, what it makes is pushed on."""

    def feed(self, item: object) -> None:
        """Work on one item, or let it pass by."""

    def finish(self) -> None:
        """Push on what is left; called once, after the last item."""

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
        return _RunningStep(self, emit)

    def steps(self) -> Iterator[Step]:
        """Itself."""
        yield self


@dataclass(frozen=True, slots=True)
class Sequence:
    """Nodes one after another; an empty sequence lets everything pass."""

    nodes: tuple[Node, ...]

    def start(self, emit: Emit) -> Stage:
        """Begin a run of every node, each one's output the next one's input."""
        stages: list[Stage] = []
        for node in reversed(self.nodes):
            stages.insert(0, node.start(emit))
            emit = stages[0].feed
        return _RunningSequence(stages, emit)

    def steps(self) -> Iterator[Step]:
        """Every step of every node."""
        for node in self.nodes:
            yield from node.steps()


class _RunningStep:
    def __init__(self, step: Step, emit: Emit) -> None:
        self._name = step.name
        self._gadget = step.gadget
        self._emit = emit

    def feed(self, item: object) -> None:
        if not isinstance(item, self._gadget.accepts):
            self._emit(item)
            return
        for made in _signed(self._name, lambda: self._gadget.feed(item)):
            self._emit(made)

    def finish(self) -> None:
        for made in _signed(self._name, self._gadget.finish):
            self._emit(made)

    def stop(self) -> None:
        """Nothing runs between two calls."""


class _RunningSequence:
    def __init__(self, stages: list[Stage], first: Emit) -> None:
        self._stages = stages
        self.feed = first

    def finish(self) -> None:
        for stage in self._stages:
            stage.finish()

    def stop(self) -> None:
        for stage in self._stages:
            stage.stop()


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


def _signed(name: str, work: Callable[[], Iterator[object]]) -> Iterator[object]:
    """Yield what ``work`` yields, with its errors signed.

    What the consumer raises between two items does not come through here, so an error is signed
    by the gadget that raised it and by no other.
    """
    with signing(name):
        yield from work()
