"""Echoes from real and imaginary images, as scanners send complex ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.echo_files import EchoFiles, described, field_of, parts_of, times_of
from streamrecon.commands.echo_pairing import check_complex, check_sidecars
from streamrecon.commands.image_kinds import Part
from streamrecon.errors import DataError
from streamrecon.phase.phase_scaling import PhaseScale

_RADIANS = PhaseScale(1.0, 0.0, "radians")
_TWELVE_BITS = (0, 4095)
_MIDDLE = 2048
_NEAR = 0.02  # of the range: the middle of noise and signal of both signs


def read_complex_files(
    real: Sequence[Path],
    imaginary: Sequence[Path],
    *,
    te: Sequence[str] = (),
    b0_t: float | None = None,
) -> EchoFiles:
    """Read real and imaginary parts: one 4-D file, a file for each echo, or DICOM folders.

    Parameters
    ----------
    real, imaginary
        NIfTI files, echoes in the order of their times; or DICOM, of which those of the part are
        taken.
    te
        Echo times as texts, see `times_s`; from the sidecars where not given.
    b0_t
        Field [T]; from the sidecar where not given.

    Raises
    ------
    ConfigError
        If echo times or field are neither given nor found.
    DataError
        If the files do not belong together, or hold no real and imaginary parts.
    """
    one, other = parts_of((Part.REAL, real), (Part.IMAGINARY, imaginary))
    if one.values.shape != other.values.shape:
        raise DataError(f"imaginary: found {other.size}, needed {one.size} as the real part has")
    (r, zero), (i, zero_of_i) = _centred(one.values), _centred(other.values)
    if zero != zero_of_i:
        raise DataError(f"real and imaginary: found zero at {zero} and at {zero_of_i}, needed one")
    check_complex(r, i)
    times, field = times_of(one, te), field_of(one, b0_t)
    sidecars = {Part.REAL: one.sidecars, Part.IMAGINARY: other.sidecars}
    check_sidecars(sidecars, te_s=times[0], b0_t=field)
    r, i = np.asarray(r, np.float32), np.asarray(i, np.float32)
    images = np.hypot(r, i), np.arctan2(i, r), _RADIANS
    message = "of real and imaginary parts" + (f", zero at {zero}" if zero else "")
    return described(one, other, images, times=times, b0_t=field, message=message)


def _centred(values: NDArray[np.generic]) -> tuple[NDArray[np.generic], int]:
    """Numbers with their zero at 0, and where it was: Siemens stores 12 bits around 2048."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf":
        return values, 0
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    middle = float(np.nanmedian(numbers[0]))
    lies_in = _TWELVE_BITS[0] <= low and high <= _TWELVE_BITS[1]
    if not lies_in or abs(middle - _MIDDLE) > _NEAR * _TWELVE_BITS[1]:
        return values, 0
    return np.asarray(numbers, np.float32) - _MIDDLE, _MIDDLE
