"""The header of a session, read once for all gadgets of its chain."""

from __future__ import annotations

from threading import RLock
from typing import NamedTuple

from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.header.fields import HeaderFields, header_root
from streamrecon.mrd.header.noise_dependency import NoiseLink, noise_link_of
from streamrecon.mrd.header.protocol import protocol_of
from streamrecon.xml import Element

_GRID = tuple(
    f"encodedSpace/{part}/{axis}" for part in ("matrixSize", "fieldOfView_mm") for axis in "xyz"
)


class EncodingSpaces(NamedTuple):
    """How many encodings a header has, and which of them have the grid of the first."""

    n_spaces: int
    like_first: frozenset[int]


class ScanHeader:
    """What the header says: read by the gadget that asks first, the same object for all others.

    A noise scan's header need not have a protocol, so nothing is read before it is asked for.
    Branches may ask at once.

    Parameters
    ----------
    xml
        Header as it came, cut at its first NUL.
    phase_sign
        Sign set by the chain file; it wins over the header's.
    """

    def __init__(self, xml: bytes, *, phase_sign: int | None = None) -> None:
        self.xml = xml
        self._phase_sign = phase_sign
        self._reading = RLock()
        self._root: Element | None = None
        self._protocol: ScanProtocol | None = None
        self._noise_link: NoiseLink | None = None

    @property
    def protocol(self) -> ScanProtocol:
        """What it says of a Cartesian scan.

        Raises
        ------
        HeaderError
            With all that is missing, contradicts something else or is no Cartesian scan.
        """
        with self._reading:
            if self._protocol is None:
                self._protocol = protocol_of(self._fields(), self.xml, phase_sign=self._phase_sign)
            return self._protocol

    @property
    def noise_link(self) -> NoiseLink:
        """What it says of noise, however little else.

        Raises
        ------
        HeaderError
            If the header is not readable, or one of the numbers is none.
        """
        with self._reading:
            if self._noise_link is None:
                self._noise_link = noise_link_of(self._fields())
            return self._noise_link

    @property
    def spaces(self) -> EncodingSpaces:
        """Its encodings; lines refer to them by number, and only the first is reconstructed.

        Raises
        ------
        HeaderError
            If the header is not readable.
        """
        with self._reading:
            grids = [
                [encoding.text_of(path) for path in _GRID]
                for encoding in self._fields().elements("encoding")
            ]
        alike = frozenset(n for n, grid in enumerate(grids) if grid == grids[0])
        return EncodingSpaces(len(grids), alike)

    def _fields(self) -> HeaderFields:
        """Its values, with no fault noted yet."""
        if self._root is None:
            self._root = header_root(self.xml)
        return HeaderFields(self._root)
