"""Echoes from real and imaginary images, as scanners send complex ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamrecon.commands.image_inputs.echo_files import (
    EchoFiles,
    described,
    field_of,
    parts_of,
    times_of,
)
from streamrecon.commands.image_inputs.echo_pairing import check_complex, check_sidecars
from streamrecon.errors import DataError
from streamrecon.model.complex_part import Part
from streamrecon.model.stored_parts import centred
from streamrecon.phase.phase_scaling import RADIANS


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
    (r, zero), (i, zero_of_i) = centred(one.values), centred(other.values)
    if zero != zero_of_i:
        raise DataError(f"real and imaginary: found zero at {zero} and at {zero_of_i}, needed one")
    check_complex(r, i)
    times, field = times_of(one, te), field_of(one, b0_t)
    sidecars = {Part.REAL: one.sidecars, Part.IMAGINARY: other.sidecars}
    check_sidecars(sidecars, te_s=times[0], b0_t=field)
    r, i = np.asarray(r, np.float32), np.asarray(i, np.float32)
    images = np.hypot(r, i), np.arctan2(i, r), RADIANS
    message = "of real and imaginary parts" + (f", zero at {zero}" if zero else "")
    return described(one, other, images, times=times, b0_t=field, message=message)
