"""Tells lines that fit the scan from those that contradict it or hold no measurement.

Lines whose header leaves their centre at 0, the default of a library, are told from those that
begin there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.header.scan_header import EncodingSpaces
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.scan_quality import LARGEST_SAMPLE, unusable_lines

Combination = tuple[int | bytes, ...]

_USED = np.uint64(
    layout.NOT_IMAGING & ~(layout.NOISE | layout.NAVIGATION | layout.PARALLEL_CALIBRATION)
)
_REVERSE, _NOISE = np.uint64(layout.REVERSE), np.uint64(layout.NOISE)
_NAVIGATION = np.uint64(layout.NAVIGATION)
_NOT_LINES = np.uint64(layout.NOISE | layout.NAVIGATION)
_TELLING = struct.Struct("<2xQI20xH2xH128x8s6x48s18xH90x")
"""Flags, measurement, samples, channels; discarded, centre and space; position and directions;
slice: what of a line's header tells whether it fits."""
_TELLING_FLAGS = int(_USED | _NOISE | _NAVIGATION | _REVERSE)
_OPAQUE = np.dtype((np.void, layout.ACQUISITION.itemsize))  # copied as a whole, not by fields
_KNOWN = 4096  # combinations remembered: slices times echoes; more is no scan
_TURNED = 2e-3  # of direction cosines: a tenth of a degree
_SHIFTED_MM = 0.1  # headers round to thousandths


class Fault(Enum):
    """What is wrong with a line."""

    SAMPLES = "samples that are no measurement"
    EMPTY = "no samples"
    CENTRE = "the centre of k-space outside the line"
    CHANNELS = "another number of channels"
    MEASUREMENT = "the number of another measurement"
    GEOMETRY = "another position or other directions"
    NO_SPACE = "an encoding space that the header does not have"
    OTHER_SPACE = "another encoding space"


class Found(NamedTuple):
    """A fault of some lines, in words."""

    fault: Fault
    text: str
    lines: int
    first: int
    """Number of the first of them among those looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where the first line of a slice was measured: position and directions [4, 3]."""

    vectors: NDArray[np.float32]

    def is_near(self, vectors: NDArray[np.float32]) -> bool:
        away = np.abs(vectors - self.vectors)
        return bool(away[0].max() <= _SHIFTED_MM and away[1:].max() <= _TURNED)


class LineAdmission:
    """Sorts lines into those that fit the scan and those that do not.

    The first line that images says what the scan's are: number of channels, measurement, and for
    each slice its place. Noise lines have shapes and places of their own. Lines that image nothing,
    calibrate nothing and are no navigators pass unseen. Each combination of the fields that count
    is looked at once, so that a line costs one look into a set and one pass over its samples.

    Parameters
    ----------
    spaces
        The encoding spaces of the header.
    n_encoded
        Samples of the encoded grid along X.
    """

    def __init__(self, spaces: EncodingSpaces, n_encoded: int) -> None:
        self._spaces = spaces
        self._n_encoded = n_encoded
        self._fitting: set[Combination] = set()
        self._n_channels: int | None = None
        self._measurement: int | None = None
        self._places: dict[int, _Place] = {}

    def sort(self, lines: Acquisitions) -> tuple[Acquisitions, list[Found]]:
        """Lines that fit, and what is wrong with the others."""
        if not len(lines):
            return lines, []
        found: list[Found] = []
        fit = np.ones(len(lines), bool)
        keys = _combinations(lines.header)
        fresh = set(keys) - self._fitting
        if fresh:
            fit, found = self._judge_all(lines.header, keys, fresh)
        measured = (lines.header["flags"] & _USED) == 0
        broken = fit & measured & unusable_lines(lines.data)
        if broken.any():
            found.append(_unusable(lines.header, broken))
        return lines.select(fit & ~broken), found

    def _judge_all(
        self, header: NDArray[np.void], keys: list[Combination], fresh: set[Combination]
    ) -> tuple[NDArray[np.bool_], list[Found]]:
        if len(self._fitting) > _KNOWN:
            self._fitting.clear()
        fit, found = np.ones(len(keys), bool), []
        for at, key in enumerate(keys):
            if key not in fresh:
                continue
            fresh.discard(key)
            fault = self._judge(header[at])
            if fault is None:
                self._fitting.add(key)
                continue
            alike = np.array([one == key for one in keys])
            fit &= ~alike
            found.append(Found(fault[0], f"{fault[1]} {_named(header[at])}", int(alike.sum()), at))
        return fit, found

    def _judge(self, header: np.void) -> tuple[Fault, str] | None:
        flags = np.uint64(header["flags"])
        if flags & _USED:
            return None
        if flags & _NOISE:
            return _empty(header)
        space = int(header["encoding_space_ref"])
        if space >= self._spaces.n_spaces:
            return Fault.NO_SPACE, f"encoding space {space}, needed one of {self._spaces.n_spaces}"
        if space not in self._spaces.like_first:
            return Fault.OTHER_SPACE, f"encoding space {space}"
        off_centre = _off_centre(header, flags, self._n_encoded)
        return _empty(header) or off_centre or self._foreign(header, flags)

    def _foreign(self, header: np.void, flags: np.uint64) -> tuple[Fault, str] | None:
        """What makes the line one of another scan; the first one is of this scan."""
        n_channels, measurement = int(header["active_channels"]), int(header["measurement_uid"])
        if self._n_channels is None or self._measurement is None:
            self._n_channels, self._measurement = n_channels, measurement
        if n_channels != self._n_channels:
            return Fault.CHANNELS, f"{n_channels} channels, needed {self._n_channels}"
        if measurement != self._measurement:
            return Fault.MEASUREMENT, (f"measurement_uid {measurement}, needed {self._measurement}")
        if flags & _NAVIGATION:
            return None
        number, vectors = int(header["idx"]["slice"]), _vectors(header)
        if np.isfinite(vectors).all() and self._places.setdefault(number, _Place(vectors)).is_near(
            vectors
        ):
            return None
        needed = "needed those of the first line of its slice"
        return Fault.GEOMETRY, f"position or directions {vectors.tolist()}, {needed}"


def centred(lines: Acquisitions, n_encoded: int) -> tuple[Acquisitions, int]:
    """Lines with their centre in the middle where it is said to be the first sample; how many.

    A line as long as the grid cannot begin at the centre of k-space: its second half would lie
    beyond the grid. Half as long ones may, and stay as they are (`begin_at_centre`); what lies
    between is refused where lines are admitted. Samples are discarded in the order of time, the
    centre counts in the order of k.

    Parameters
    ----------
    lines
        As they came; not modified.
    n_encoded
        Samples of the encoded grid along X.
    """
    header = lines.header
    first = _first_is_centre(lines) if n_encoded > 1 else np.zeros(len(lines), bool)
    if not first.any():
        return lines, 0
    before, after = (header[name].astype(np.int64) for name in ("discard_pre", "discard_post"))
    kept = header["number_of_samples"].astype(np.int64) - before - after
    meant = first & (kept >= n_encoded)
    if not meant.any():
        return lines, 0
    changed = header.copy()
    skipped = np.where((header["flags"] & _REVERSE) != 0, after, before)
    changed["center_sample"][meant] = (kept // 2 + skipped)[meant]
    return Acquisitions(changed, lines.data, lines.trajectory), int(meant.sum())


def begin_at_centre(lines: Acquisitions, n_encoded: int) -> bool:
    """Whether lines are half echoes by their header, or by a default that nobody set.

    No header tells the one from the other; a reader must know.
    """
    first = _first_is_centre(lines)
    return n_encoded > 1 and bool((first & (lines.header["number_of_samples"] < n_encoded)).any())


def _combinations(header: NDArray[np.void]) -> list[Combination]:
    """What of each line's header tells whether it fits."""
    return [
        (flags & _TELLING_FLAGS, *others)
        for flags, *others in _TELLING.iter_unpack(header.view(_OPAQUE).tobytes())
    ]


def _vectors(header: np.void) -> NDArray[np.float32]:
    names = ("position", "read_dir", "phase_dir", "slice_dir")
    return np.stack([header[name] for name in names])


def _empty(header: np.void) -> tuple[Fault, str] | None:
    if int(header["active_channels"]) and int(header["number_of_samples"]):
        return None
    return Fault.EMPTY, (
        f"{header['number_of_samples']} samples of {header['active_channels']} channels, needed"
        " at least 1"
    )


def _off_centre(header: np.void, flags: np.uint64, n_encoded: int) -> tuple[Fault, str] | None:
    """Samples are discarded in the order of time, the centre counts in the order of k.

    A line that begins at the centre of k-space and goes beyond the grid was left at the default.
    """
    before, after = int(header["discard_pre"]), int(header["discard_post"])
    kept = int(header["number_of_samples"]) - before - after
    centre = int(header["center_sample"]) - (after if flags & _REVERSE else before)
    beyond = kept - (n_encoded + 1) // 2
    if not (header["center_sample"] or flags & _NAVIGATION) and n_encoded > 1 and beyond > 0:
        return Fault.CENTRE, (
            f"center_sample 0 of {kept} samples, {beyond} of which would lie beyond the grid of"
            f" {n_encoded}, needed the sample at the centre of k-space"
        )
    if 0 <= centre < kept:
        return None
    return Fault.CENTRE, (
        f"center_sample {header['center_sample']} of {header['number_of_samples']} samples,"
        f" {before} and {after} of them to be discarded, needed it among the others"
    )


def _unusable(header: NDArray[np.void], broken: NDArray[np.bool_]) -> Found:
    first = int(broken.argmax())
    text = f"samples that are no numbers or beyond {LARGEST_SAMPLE:g} {_named(header[first])}"
    return Found(Fault.SAMPLES, text, int(broken.sum()), first)


def _named(header: np.void) -> str:
    """A line by its counters."""
    idx = header["idx"]
    if int(header["flags"]) & layout.NOISE:
        return f"(noise line {header['scan_counter']})"
    return (
        f"(echo {idx['contrast']}, slice {idx['slice']}, kz {idx['kspace_encode_step_2']},"
        f" ky {idx['kspace_encode_step_1']})"
    )


def _first_is_centre(lines: Acquisitions) -> NDArray[np.bool_]:
    first = lines.header["center_sample"] == 0
    return np.asarray(first & ((lines.header["flags"] & _NOT_LINES) == 0), np.bool_)
