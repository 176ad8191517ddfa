"""What every front door asks of arrays and numbers before work begins on them.

A number in the wrong unit makes a map that looks like one. So what is given is held against what a
scanner can give: echo times in seconds, a field in tesla, phase in radians, maps in ppm. The errors
say what was found and what was needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrecon.errors import ConfigError, DataError

LONGEST_TE_S = 0.5
"""No echo of a gradient-echo scan is later."""
_SHORTEST_LAST_TE_S = 3e-4
_FIELDS_T = (0.01, 25.0)  # from low-field scanners to the strongest for small animals
_FIELD_ALIKE = 0.05
_MOST_RAD = 2 * np.pi * 1.001  # phase in -π … π or in 0 … 2π, rounded
_MAGNITUDES = (1e-12, 1e12)  # their squares and sums are in the range of float32
_MOST_PPM = 20.0  # air in tissue makes 9.4; a field in Hz exceeds it within a head
_LOCAL_RMS_PPM = (1e-4, 0.3)  # of a brain it is 0.01 to 0.05

Choice = TypeVar("Choice", bound=Enum)


def number_of(name: str, value: object) -> float:
    """A real number, from Python or numpy.

    >>> number_of("B0", 3)
    3.0

    Raises
    ------
    ConfigError
        If it is a text, a truth value, or none.
    """
    array = np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "iuf":
        return float(array)
    raise ConfigError(f"{name}: found {value!r}, needed a number")


def echo_times_s(te_s: Sequence[float], *, echoes: int) -> tuple[float, ...]:
    """Echo times [s], one for each of ``echoes``.

    >>> echo_times_s([0.004, 0.008], echoes=2)
    (0.004, 0.008)

    Raises
    ------
    ConfigError
        If their number is another one, they do not grow from above 0, or are no seconds.
    """
    times = tuple(number_of("TE", t) for t in te_s)
    shown = ", ".join(f"{t:.6g}" for t in times) or "none"
    if len(times) != echoes:
        raise ConfigError(f"TE: found {shown} for {echoes} echoes, needed a time for each")
    if not all(np.isfinite(times)) or min(times) <= 0 or sorted(set(times)) != list(times):
        raise ConfigError(f"TE: found {shown}, needed positive times that grow")
    if max(times) > LONGEST_TE_S:
        raise ConfigError(f"TE: found {shown}, needed seconds up to {LONGEST_TE_S:g}")
    if max(times) < _SHORTEST_LAST_TE_S:
        raise ConfigError(f"TE: found {shown} s, needed seconds of {_SHORTEST_LAST_TE_S:g} or more")
    return times


def field_t(b0_t: float) -> float:
    """Static field [T].

    Raises
    ------
    ConfigError
        If no scanner has it: a frequency in MHz, or a field in gauss or mT.
    """
    low, high = _FIELDS_T
    field = number_of("B0", b0_t)
    if not low <= field <= high:
        raise ConfigError(f"B0: found {field:g}, needed tesla, {low:g} … {high:g}")
    return field


def is_same_field(one_t: float, other_t: float) -> bool:
    """Whether two numbers may mean one static field [T]: 2.89 T is called 3 T."""
    return abs(one_t - other_t) <= _FIELD_ALIKE * other_t


def sign_of_phase(phase_sign: int) -> int:
    """+1 where the phase grows with the field, -1 where it falls.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if phase_sign not in (1, -1):
        raise ConfigError(f"phase_sign: found {phase_sign!r}, needed +1 or -1")
    return int(phase_sign)


def choice(kind: type[Choice], name: str, value: Choice | str) -> Choice:
    """One of the values of ``kind``, by itself or by its word.

    Raises
    ------
    ConfigError
        If it is none of them.
    """
    try:
        return kind(value)
    except ValueError as e:
        known = ", ".join(str(each.value) for each in kind)
        raise ConfigError(f"{name}: found {value!r}, needed one of {known}") from e


def real_array(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Real numbers of a shape; integers as float32, floats as they are.

    Raises
    ------
    DataError
        If they are complex, truth values or no numbers, or of another shape.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{name}: found {array.dtype}, needed real numbers")
    if array.shape != shape:
        raise DataError(f"{name}: found {array.shape}, needed {shape}")
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def mask_of(name: str, mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask of a shape with a voxel in it.

    Raises
    ------
    DataError
        If it is not of truth values, of another shape, or empty.
    """
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        raise DataError(f"{name}: found {array.dtype}, needed bool (mask > 0)")
    if array.shape != shape:
        raise DataError(f"{name}: found {array.shape}, needed {shape}")
    if not array.any():
        raise DataError(f"{name}: found no voxel in it")
    return array


def magnitude_of(
    values: ArrayLike, shape: tuple[int, ...], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.floating]:
    """Magnitude, finite in the mask and nowhere negative.

    Raises
    ------
    DataError
        If it is not; see also `real_array`.
    """
    array = real_array("magnitude", values, shape)
    _refuse_gaps("magnitude", array, mask)
    lowest = float(np.nanmin(array))
    if lowest < 0:
        raise DataError(f"magnitude: found {lowest:.4g}, needed no negative numbers")
    for echo, values_of_echo in enumerate(array if array.ndim == 4 else array[None], start=1):
        usable_magnitude(values_of_echo, echo=echo)
    return array


def usable_magnitude(values: NDArray[np.generic], *, echo: int) -> None:
    """Refuse an echo's magnitude that is nowhere above 0, or whose square is no single number.

    Parameters
    ----------
    values
        [Z, Y, X].
    echo
        Its number, for the error.

    Raises
    ------
    DataError
        Saying what was found.
    """
    known = values[np.isfinite(values)]
    highest = float(known.max()) if known.size else 0.0
    if highest <= 0:
        raise DataError(f"magnitude: found no number above 0 in echo {echo}, needed an image")
    low, high = _MAGNITUDES
    if not low <= highest <= high:
        raise DataError(
            f"magnitude: found numbers up to {highest:.3g} in echo {echo}, needed a scale in which "
            f"the largest is between {low:g} and {high:g}"
        )


def phase_of(
    values: ArrayLike, shape: tuple[int, ...], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.floating]:
    """Wrapped phase in radians, -π … π or 0 … 2π, finite in the mask.

    Raises
    ------
    DataError
        If its range is not that of radians; see also `real_array`.
    """
    array = real_array("phase", values, shape)
    _refuse_gaps("phase", array, mask)
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    if max(-low, high) > _MOST_RAD or high - low > _MOST_RAD:
        raise DataError(
            f"phase: found numbers of {low:.6g} … {high:.6g}, needed radians, -π … π or 0 … 2π"
        )
    return array


def ppm_of(
    name: str, values: ArrayLike, shape: tuple[int, ...], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.floating]:
    """A field or a susceptibility in ppm, finite in the mask.

    Raises
    ------
    DataError
        If a hundredth of it is beyond what matter in a body makes: Hz, ppb; see also `real_array`.
    """
    array = real_array(name, values, shape)
    _refuse_gaps(name, array, mask)
    inside = array[np.isfinite(array)] if mask is None else array[mask]
    size = float(np.percentile(np.abs(inside), 99)) if inside.size else 0.0
    if size > _MOST_PPM:
        raise DataError(f"{name}: found ±{size:.4g} in a hundredth of the voxels, needed ppm")
    return array


def refuse_no_local_field(name: str, inside: NDArray[np.floating]) -> float:
    """Root of the mean square of a local field where it is known [ppm], if that is one's.

    Raises
    ------
    DataError
        If no head has so strong or so weak a field: Hz, radians, ppb or parts of one.
    """
    rms = float(np.sqrt(np.mean(np.square(inside), dtype=np.float64)))
    low, high = _LOCAL_RMS_PPM
    if not low <= rms <= high:
        raise DataError(
            f"{name}: found a field of {rms:.3g} rms, needed ppm (of a brain 0.01 to 0.05), not "
            "Hz, radians or parts of one"
        )
    return rms


def _refuse_gaps(name: str, array: NDArray[np.floating], mask: NDArray[np.bool_] | None) -> None:
    """Refuse what is not finite inside the mask; anywhere, where there is none."""
    gaps = ~np.isfinite(array)
    count = int(gaps.sum() if mask is None else (gaps & mask).sum())
    if count:
        where = "" if mask is None else " in the mask"
        raise DataError(f"{name}: found {count} voxels{where} that are not finite, needed numbers")
