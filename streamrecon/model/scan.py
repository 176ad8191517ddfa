"""What a scan is: its echoes, its encoding, its ids; from the MRD header and the first line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from streamrecon.errors import HeaderError
from streamrecon.model.geometry import Geometry, Shape, Triple
from streamrecon.model.study import StudyInfo


class SignOrigin(Enum):
    """Who said which way a scanner's phase turns."""

    CHAIN = "chain file"
    HEADER = "header"
    VENDOR = "vendor table"
    ASSUMED = "assumed"
    INFERRED = "inferred"
    GIVEN = "command line"


@dataclass(frozen=True, slots=True)
class PhaseSign:
    """+1 where the scanner's phase grows with the field, -1 where it falls."""

    value: int
    origin: SignOrigin

    def __post_init__(self) -> None:
        if self.value not in {1, -1}:
            raise HeaderError(f"phase sign: found {self.value}, needed +1 or -1")

    def __str__(self) -> str:
        return f"{self.value:+d} ({self.origin.value})"


@dataclass(frozen=True, slots=True)
class EchoTrain:
    """Timing of the echoes.

    Parameters
    ----------
    te_s
        Echo times, growing [s]; empty where the header has none (magnitude and phase images need
        none; whatever does asks `times_s`).
    tr_s
        Repetition time [s], ``None`` where the header has none.
    flip_rad
        Flip angle [rad], ``None`` where the header has none.
    readout_polarity
        +1 or -1 per echo: the sign of its readout gradient. Known once the lines are in; before
        that all +1. Its length is the number of echoes.
    bandwidth_hz
        Sampling rate of the receiver, 1 / dwell time [Hz]; ``None`` until the first line.
    is_difference
        Whether the one echo is the difference of two, after the time between them: the phase offset
        has cancelled in it.

    Raises
    ------
    HeaderError
        If times do not grow, or times and polarities differ in number.
    """

    te_s: tuple[float, ...]
    tr_s: float | None = None
    flip_rad: float | None = None
    readout_polarity: tuple[int, ...] = ()
    bandwidth_hz: float | None = None
    is_difference: bool = False

    def __post_init__(self) -> None:
        te_s = self.te_s
        if te_s and (min(te_s) <= 0 or sorted(set(te_s)) != list(te_s)):
            raise HeaderError(f"TE: found {te_s} s, needed positive times that grow")
        readout_polarity = self.readout_polarity or (1,) * max(len(te_s), 1)
        if (te_s and len(readout_polarity) != len(te_s)) or not set(readout_polarity) <= {1, -1}:
            raise HeaderError(
                f"readout polarity: found {readout_polarity} for {len(te_s)} echo times"
            )
        object.__setattr__(self, "readout_polarity", readout_polarity)

    def __len__(self) -> int:
        return len(self.readout_polarity)

    def times_s(self) -> tuple[float, ...]:
        """Echo times [s].

        Raises
        ------
        HeaderError
            If the header has none.
        """
        if not self.te_s:
            raise HeaderError("missing: TE")
        return self.te_s


@dataclass(frozen=True, slots=True)
class CounterRange:
    """Range of an encoding counter: smallest, largest, and the one at the centre of k-space."""

    minimum: int = 0
    maximum: int = 0
    centre: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise HeaderError(f"encoding limit: found {self.minimum}…{self.maximum}")

    def __len__(self) -> int:
        return self.maximum + 1 - self.minimum


@dataclass(frozen=True, slots=True)
class Encoding:
    """The grid that was sampled, the grid that is wanted, and the counters' ranges.

    Shapes are (z, y, x) and fields of view [mm] likewise. A field of view of the encoded space
    larger than the wanted one is oversampling; a wanted matrix larger than the encoded one
    is zero-filling.
    """

    encoded_shape: Shape
    encoded_fov_mm: Triple
    recon_shape: Shape
    recon_fov_mm: Triple
    ky: CounterRange
    kz: CounterRange
    average: CounterRange = CounterRange()
    slice: CounterRange = CounterRange()
    contrast: CounterRange = CounterRange()
    phase: CounterRange = CounterRange()
    repetition: CounterRange = CounterRange()
    set: CounterRange = CounterRange()
    segment: CounterRange = CounterRange()
    acceleration: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if min(*self.encoded_shape, *self.recon_shape) < 1:
            raise HeaderError(
                f"matrix: found {self.encoded_shape} and {self.recon_shape}, needed at least 1"
            )
        if not min(*self.encoded_fov_mm, *self.recon_fov_mm) > 0:
            raise HeaderError(
                f"field of view: found {self.encoded_fov_mm} and {self.recon_fov_mm} mm"
            )

    @property
    def has_slabs(self) -> bool:
        """Whether the counter of slices counts slabs of partitions."""
        return self.encoded_shape[0] > 1 and len(self.slice) > 1


@dataclass(frozen=True, slots=True)
class Ids:
    """What names the scan; never logged. Empty where the header has nothing."""

    measurement: str = ""
    protocol: str = ""
    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    dependencies: tuple[tuple[str, str], ...] = ()  # (type, measurement id)
    header_xml: bytes = field(default=b"", repr=False)
    visit: StudyInfo = field(default_factory=StudyInfo, repr=False)


@dataclass(frozen=True, slots=True)
class ScanProtocol:
    """All that the MRD header says; the position comes with the first line.

    ``corrections`` say which of its numbers were not read as they stand.
    """

    echoes: EchoTrain
    encoding: Encoding
    b0_t: float
    f0_hz: float
    phase_sign: PhaseSign
    n_coils: int | None = None
    coil_labels: tuple[str, ...] = ()
    vendor: str = ""
    model: str = ""
    patient_position: str = ""
    ids: Ids = field(default_factory=Ids, repr=False)
    corrections: tuple[str, ...] = ()


def of_slab(protocol: ScanProtocol, number: int) -> ScanProtocol:
    """The protocol of one slab of several: its counter of slices has only that slab's number."""
    only = CounterRange(number, number, number)
    return replace(protocol, encoding=replace(protocol.encoding, slice=only))


@dataclass(frozen=True, slots=True)
class Scan:
    """A protocol at its place in the patient.

    ``comments`` are what a reader of any image of it must know: an assumed sign, missing lines.
    ``k_range_per_mm`` is the range of k that was measured along z, y and x [cycles/mm], from the
    header's limits and the first line; (0, 0) along an axis that is not encoded.
    ``measurement_uid`` and ``time_stamps`` are those of its lines: one stamp for each slice of a
    2-D scan, else one [the scanner's ticks]; none where no line said it.
    """

    geometry: Geometry
    protocol: ScanProtocol
    slice_thickness_mm: float
    table_mm: Triple = (0.0, 0.0, 0.0)
    comments: tuple[str, ...] = ()
    k_range_per_mm: tuple[tuple[float, float], ...] = ((0.0, 0.0),) * 3
    measurement_uid: int = 0
    time_stamps: tuple[int, ...] = ()

    @property
    def echoes(self) -> EchoTrain:
        """Timing of the echoes."""
        return self.protocol.echoes

    @property
    def b0_t(self) -> float:
        """Static field [T]."""
        return self.protocol.b0_t

    @property
    def phase_sign(self) -> PhaseSign:
        """Which way the scanner's phase turns."""
        return self.protocol.phase_sign
