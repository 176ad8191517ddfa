"""What a gadget is: its parameters, what it accepts, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr

from streamrecon.model.delivery import Delivery
from streamrecon.model.memory_use import NOTHING, MemoryUse, ScanSize
from streamrecon.stream.run.shared import Shared

T = TypeVar("T")


class WayOut(Enum):
    """Where a gadget sends what it makes, other than on."""

    CLIENT = "client"
    """Messages that only make sense on the session's socket."""
    ELSEWHERE = "elsewhere"
    """Into a spool, a folder: it may be last in a detached branch."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a session gives to its gadgets beside the messages.

    Parameters
    ----------
    storage
        Folder of what outlives a session (noise covariances); ``None`` keeps nothing.
    tables
        Folder of tables that belong beside the images of this run; ``None``: within the storage.
    session
        Name of the session in logs.
    run
        Name of this reconstruction, another one each time: UIDs of images follow from it.
    chain
        Hash of the chain file and of the parameters that came with the scan.
    delivery
        Where DICOM images go; ``None``: within the storage, if there is one, without limits.
    memory_bytes
        Memory that the scan may have; ``None``: the machine's.
    memory_peak
        Memory that the chain holds at its peak, for a scan of some size; a chain gets its own.
    shared
        What gadgets of all branches keep together; a chain gets its own.
    worked_s
        Seconds that each gadget of the chain has worked until now, by its name.
    """

    storage: Path | None = None
    tables: Path | None = None
    session: str = ""
    run: str = ""
    chain: str = ""
    delivery: Delivery | None = None
    memory_bytes: int | None = None
    memory_peak: Callable[[ScanSize], int] = NOTHING.bytes_of
    shared: Shared = field(default_factory=Shared, compare=False, repr=False)
    worked_s: Callable[[], Mapping[str, float]] = field(default=dict, compare=False, repr=False)


class Gadget(BaseModel, Generic[T]):
    """One stage of a chain: frozen parameters, and `feed` for the messages it accepts.

    Messages of other types pass by untouched, in order. What a gadget remembers between messages
    it keeps in private attributes. A gadget object serves one run of one chain.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False
    )

    accepts: ClassVar[tuple[type, ...]] = ()
    way_out: ClassVar[WayOut | None] = None
    stock_names: ClassVar[tuple[str, ...]] = ()
    """Names under which stock Gadgetron chain files know this gadget."""
    stock_needs: ClassVar[tuple[str, ...]] = ()
    """Stock gadgets of which one must come behind it: without them no image leaves such a file."""
    memory: ClassVar[MemoryUse] = NOTHING
    """What it holds at its peak, with all that its chain holds there; see `memory_use`."""
    only_watches: ClassVar[bool] = False
    """Whether items go on whatever it finds: its error is told, and it sees no more of the run."""
    of_scan: ClassVar[tuple[str, ...]] = ()
    """Parameters that are the scan's: one value for all gadgets of a chain, whoever is given it."""
    old_fields: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Names that its properties had before: old → new."""
    old_values: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({})
    """Texts that values of its properties had before: field → old → new."""

    _context: Context = PrivateAttr(default_factory=Context)

    @property
    def context(self) -> Context:
        """What the session gave."""
        return self._context

    def memory_use(self) -> MemoryUse:
        """What it holds at its peak with these parameters."""
        return self.memory

    def enter(self, context: Context) -> None:
        """Join a session; called once, before the first message."""
        self._context = context

    def feed(self, item: T) -> Iterator[object]:
        """Work on one message of an accepted type; yield what goes on."""
        raise NotImplementedError

    def finish(self) -> Iterator[object]:
        """Yield what is left after the last message."""
        yield from ()
