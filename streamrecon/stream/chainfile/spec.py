"""What a chain file says, before any name in it is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamrecon.stream.run.parallel import OnError

_DEPENDENCY_SLOT = 1019
_DEPENDENCY_WRITER = "DependencyQueryWriter"
_DEPENDENCY_GADGET = "NoiseSummaryGadget"


@dataclass(frozen=True, slots=True)
class Property:
    """A name and the text of its value."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class GadgetSpec:
    """A gadget: the class it asks for, the name it has in this file, its properties."""

    class_name: str
    name: str
    properties: tuple[Property, ...]
    line: int

    def text_of(self, name: str) -> str | None:
        """Text of a property, or ``None`` if the file does not give it."""
        return next((p.text for p in self.properties if p.name == name), None)

    def gadgets(self) -> Iterator[GadgetSpec]:
        """Itself."""
        yield self


@dataclass(frozen=True, slots=True, eq=False)
class BranchSpec:
    """One stream of a `ParallelSpec`."""

    key: str
    on_error: OnError
    nodes: tuple[NodeSpec, ...]
    line: int
    detached: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ParallelSpec:
    """Branches that run at once."""

    branches: tuple[BranchSpec, ...]
    line: int

    def gadgets(self) -> Iterator[GadgetSpec]:
        """Every gadget of every branch, in the order of the file."""
        for branch in self.branches:
            for node in branch.nodes:
                yield from node.gadgets()


NodeSpec = GadgetSpec | ParallelSpec


@dataclass(frozen=True, slots=True)
class Slot:
    """A reader or writer that the file names; kept, since our wire reads and writes all types."""

    class_name: str
    slot: int | None
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class ChainSpec:
    """A chain file.

    Parameters
    ----------
    nodes
        The chain in order; `<external>` nodes with a chain of ours stand opened up.
    readers, writers
        As named by the file.
    text_hash
        First 12 hexadecimal digits of the SHA-256 of the text: which file was it.
    name
        What a user calls it; empty where its text came without a name.
    """

    nodes: tuple[NodeSpec, ...]
    readers: tuple[Slot, ...]
    writers: tuple[Slot, ...]
    text_hash: str
    name: str = ""

    def gadgets(self) -> Iterator[GadgetSpec]:
        """Every gadget, in the order of the file."""
        for node in self.nodes:
            yield from node.gadgets()

    @property
    def is_dependency_query(self) -> bool:
        """Whether this is a client's question for a noise scan, to be answered with id 1019."""
        return any(
            w.slot == _DEPENDENCY_SLOT or w.class_name == _DEPENDENCY_WRITER for w in self.writers
        ) or any(g.class_name == _DEPENDENCY_GADGET for g in self.gadgets())

    @property
    def dependency_name(self) -> str | None:
        """Name of the noise scan that a dependency query asks for (its property noise_file)."""
        texts = (g.text_of("noise_file") for g in self.gadgets())
        return next((t for t in texts if t), None)
