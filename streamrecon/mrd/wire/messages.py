"""The messages of the MRD wire as values, and how large a peer may make each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.units import GIB, MIB

Meta = dict[str, tuple[str, ...]]
"""Image meta: every name has a tuple of texts, most of length one."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Id 1: the name of a chain file the server has."""

    name: str


@dataclass(frozen=True, slots=True)
class ConfigText:
    """Id 2: a chain file in full."""

    xml: str


@dataclass(frozen=True, slots=True)
class Header:
    """Id 3: the MRD header (XML), cut at its first NUL."""

    xml: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """Id 4: nothing more will come."""


@dataclass(frozen=True, slots=True)
class Text:
    """Id 5: a log line, an error, or FIRE's JSON parameters."""

    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """Id 6: a question such as ``gadgetron::info``."""

    text: str
    correlation_id: int = 0


@dataclass(frozen=True, slots=True)
class Response:
    """Id 7: the answer to a query."""

    text: str
    correlation_id: int = 0


@dataclass(frozen=True, slots=True)
class RemoteFailure:
    """Id 8: what an external process tells a Gadgetron before CLOSE."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Acquisitions:
    """Id 1008: one or more lines of one length, in the order they came.

    The parser joins neighbours of equal shape into one value so that the work per line is
    vectorised; how many are joined depends on how the bytes arrived and means nothing.

    Parameters
    ----------
    header
        Headers [N], `layout.ACQUISITION`.
    data
        Samples [N, C, X], complex64; may be a view into the receive buffer.
    trajectory
        [N, X, D], float32; D is 0 for Cartesian lines.
    """

    header: NDArray[np.void]
    data: NDArray[np.complex64]
    trajectory: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.header)

    def lines(self) -> Iterator[Acquisitions]:
        """One value per line."""
        for i in range(len(self.header)):
            yield self.select(slice(i, i + 1))

    def select(self, which: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Acquisitions:
        """Those lines that ``which`` picks, in order; nothing is copied where a mask picks all."""
        if isinstance(which, np.ndarray) and which.dtype == bool and which.all():
            return self
        return Acquisitions(self.header[which], self.data[which], self.trajectory[which])


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Id 1026: physiology; samples [channels, N], uint32."""

    header: np.void
    data: NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Id 1022: pixels [channels, z, y, x] of one of the eight types, with header and meta."""

    header: np.void
    data: NDArray[np.generic]
    meta: Meta = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DicomFile:
    """Id 1018: a DICOM file, the name it should have, and its meta."""

    data: bytes = field(repr=False)
    name: str = ""
    meta: Meta = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Id 1019: what is known of a noise scan."""

    meta: Meta


@dataclass(frozen=True, slots=True, eq=False)
class SamplingDescription:
    """Grid of a recon buffer; triples are (x, y, z), limits are (min, centre, max)."""

    encoded_fov_mm: tuple[float, float, float]
    recon_fov_mm: tuple[float, float, float]
    encoded_matrix: tuple[int, int, int]
    recon_matrix: tuple[int, int, int]
    limits: tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class ReconBuffer:
    """Lines on a grid as Gadgetron keeps them, first axis fastest (Fortran order).

    Parameters
    ----------
    data
        [E0, E1, E2, CHA, N, S, LOC], complex64.
    header
        [E1, E2, N, S, LOC], `layout.ACQUISITION`.
    sampling
        The grid.
    trajectory
        [TRAJ, E0, E1, E2, N, S, LOC], float32, or ``None``.
    density
        [E0, E1, E2, N, S, LOC], float32, or ``None``.
    """

    data: NDArray[np.complex64]
    header: NDArray[np.void]
    sampling: SamplingDescription
    trajectory: NDArray[np.float32] | None = None
    density: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReconData:
    """Id 1023: (imaging, calibration or ``None``) of each encoding space."""

    bits: tuple[tuple[ReconBuffer, ReconBuffer | None], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImageArray:
    """Id 1024: images on a grid as Gadgetron keeps them, first axis fastest.

    Parameters
    ----------
    data
        [X, Y, Z, CHA, N, S, LOC], complex64.
    header
        [N, S, LOC], `layout.IMAGE`.
    meta
        One per header, first axis fastest.
    waveforms
        Physiology, or ``None``.
    acquisitions
        [Y, Z, N, S, LOC], `layout.ACQUISITION`, or ``None``.
    """

    data: NDArray[np.complex64]
    header: NDArray[np.void]
    meta: tuple[Meta, ...]
    waveforms: tuple[Waveform, ...] | None = None
    acquisitions: NDArray[np.void] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """Id 1050: imaging and calibration lines that belong together, and waveforms."""

    data: tuple[Acquisitions, ...]
    reference: tuple[Acquisitions, ...]
    waveforms: tuple[Waveform, ...] = ()


Message = (
    ConfigFile
    | ConfigText
    | Header
    | Close
    | Text
    | Query
    | Response
    | RemoteFailure
    | Acquisitions
    | Waveform
    | Image
    | DicomFile
    | Dependency
    | ReconData
    | ImageArray
    | Bucket
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest sizes that the parser accepts; the defaults' reasons stand beside them."""

    text_bytes: int = MIB
    """Chain files, log lines, queries: kilobytes in practice."""
    header_bytes: int = 16 * MIB
    """MRD headers are kilobytes; those with an embedded vendor protocol reach megabytes."""
    meta_bytes: int = 4 * MIB
    """Image meta: kilobytes, with a scanner's base64 mini header some hundred kilobytes."""
    channels: int = 1024
    """Channels of a line: the channel mask of its header has 1,024 bits."""
    line_bytes: int = 64 * MIB
    """One line: 65,535 samples (the field's end) of 128 channels."""
    waveform_bytes: int = 16 * MIB
    """One waveform: 65,535 samples of 64 channels."""
    image_bytes: int = 2 * GIB
    """Pixels of one image: 640 cubed in complex64."""
    dicom_bytes: int = GIB
    """One DICOM file: a multi-frame of 512 x 512 x 1,000 in 32 bits."""
    array_bytes: int = 8 * GIB
    """One array of a Gadgetron composite: 256 cubed, 4 echoes, 16 coils."""
    items: int = 1_000_000
    """Elements of a counted list: lines of a bucket, metas of an image array."""
    session_bytes: int = 256 * GIB
    """All a peer may send: an hour of 32 channels at 80 MB/s."""

    def check(self, found: int, limit: str, what: str) -> int:
        """Return ``found`` if the limit of that name allows it.

        Raises
        ------
        ProtocolError
            If it does not.
        """
        most: int = getattr(self, limit)
        if found > most:
            raise ProtocolError(f"{what}: found {found}, needed at most {most} ({limit})")
        return found
