"""Gadgets of whole numbers and words for the tests of chains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from streamrecon.errors import ReconError
from streamrecon.stream.gadget import Context, Gadget
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.parallel import Branch, OnError, Parallel
from streamrecon.stream.run.serial import Node, Serial, Step


class Dimension(Enum):
    """What a stock gadget sorts by."""

    NONE = ""
    SLICE = "slice"


class Scale(Gadget[int]):
    """Multiplies every number.

    Everything else passes by.
    """

    accepts: ClassVar = (int,)
    factor: int = Field(default=2, gt=0, lt=100, description="what to multiply with")

    def feed(self, item: int) -> Iterator[int]:
        yield item * self.factor


class Total(Gadget[int]):
    """Adds the numbers up and tells the sum at the end."""

    accepts: ClassVar = (int,)
    _numbers: list[int] = PrivateAttr(default_factory=list)

    def feed(self, item: int) -> Iterator[object]:
        self._numbers.append(item)
        yield from ()

    def finish(self) -> Iterator[int]:
        yield sum(self._numbers)


class Sort(Gadget[str]):
    """Stands for a stock gadget."""

    accepts: ClassVar = (str,)
    stock_names: ClassVar[tuple[str, ...]] = ("SortGadget", "SortSlicesGadget")
    dimension: Dimension = Dimension.NONE
    keep: bool = True
    te_s: tuple[float, ...] = ()
    limit_ppm: float | None = None
    sign: Literal[-1, 1] | None = None

    def feed(self, item: str) -> Iterator[str]:
        yield item


class Tell(Gadget[str]):
    """Needs a word and says it with the session's name."""

    accepts: ClassVar = (str,)
    word: str

    def feed(self, item: str) -> Iterator[str]:
        yield f"{item} {self.word} {self.context.session}"


class Act(Gadget[object]):
    """Does what a test wants, when a number comes or at the end."""

    accepts: ClassVar[tuple[type, ...]] = (int,)
    act: Callable[[Any], object] = lambda item: item
    at_end: Callable[[], Iterator[object]] = lambda: iter(())

    def feed(self, item: object) -> Iterator[object]:
        yield self.act(item)

    def finish(self) -> Iterator[object]:
        yield from self.at_end()


REGISTRY = Registry((Scale, Total, Sort, Tell))


def act(what: Callable[[int], object], name: str = "Act") -> Step:
    """A step that calls ``what`` with each number."""
    return Step(name, Act(act=what))


def refuse_from(first: int) -> Callable[[int], int]:
    """Passes numbers below ``first``, then fails."""

    def check(item: int) -> int:
        if item >= first:
            raise ReconError(f"found {item}")
        return item

    return check


def at_once(
    *branches: Node, on_error: OnError = OnError.FAIL, queue_bytes: int = 1 << 20
) -> Parallel:
    """Branches a, b, c … with queues of a size."""
    named = zip("abcdef", branches, strict=False)
    return Parallel(tuple(Branch(key, node, on_error) for key, node in named), queue_bytes)


def results(*nodes: Node, items: Iterable[object] = (1, 2, 3), **options: Any) -> list[object]:
    """What a chain makes of the items."""
    made: list[object] = []
    Chain(Serial(nodes), **options).run(items, made.append)
    return made


def context() -> Context:
    """A session called ``s``."""
    return Context(session="s")


def branch_threads() -> list[threading.Thread]:
    """Threads of branches that run now."""
    return [t for t in threading.enumerate() if t.name.startswith("branch ")]
