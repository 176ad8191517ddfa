"""Whether files of magnitude and phase, or real and imaginary, belong together.

By names, sidecars and numbers: a pair that does not belong together makes a map that looks like
one. What is refused here is refused before any work, with the names of the files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from streamrecon.commands.image_inputs.echo_times import number_in, times_in
from streamrecon.errors import ConfigError, DataError
from streamrecon.input_checks import is_same_field, usable_magnitude
from streamrecon.model.complex_part import Part, part_by_name, part_by_words

Sidecars = Sequence[Mapping[str, object]]

_ALIKE = 0.01  # of an echo time: sidecars round it
_NEGATIVE = 1e-3  # of the voxels: interpolation overshoots at edges
_DARKEST = 0.15  # of the voxels: air, in which phase points everywhere
_POINTED, _SPREAD = 0.6, 0.3  # lengths of a mean phasor that no chance reaches
_FEWEST_SLICES = 4
_OPTIONS = {
    Part.PHASE: "--phase", Part.MAGNITUDE: "--mag", Part.REAL: "--real", Part.IMAGINARY: "--imag",
}  # fmt: skip
_ENTITIES = {"sub": "subject", "ses": "session", "run": "run"}
_FIELD_UNITS = {"Hz", "kHz", "rad/s", "ppm", "ppb", "T", "mT", "uT", "µT", "nT"}
_FIELD_MAPS = {"B0", "B0 MAP", "FIELD_MAP", "FIELDMAP"}
_FILTERED = "Pha_Images"  # by this name Siemens sends the phase that SWI has filtered
_SAMPLES = 50_000
_FEWEST_DARK = 200  # voxels: a ratio of two deviations is then known within 10 %
_AROUND_VOXELS = 5  # so that what is dark by itself is not chosen
_MASKED = 0.02  # of the voxels are 0 where the air is not as it was measured
_OTHER_SCALE = 1.4  # of the noise of real and imaginary part, which one receiver has
_OFF_CENTRE = 0.5  # of that noise: its mean is 0


def check_names(one: tuple[Part, Sequence[Path]], other: tuple[Part, Sequence[Path]]) -> None:
    """Refuse a file that is given twice or as another part, and echoes in different orders.

    Raises
    ------
    ConfigError
        Naming the files.
    """
    seen: set[Path] = set()
    for path in (*one[1], *other[1]):
        if path.resolve() in seen:
            raise ConfigError(f"{path.name}: given twice, needed a file for each part and echo")
        seen.add(path.resolve())
    for part, paths in (one, other):
        for path in paths:
            named = part_by_name(path.name)
            if named not in {None, part}:
                raise ConfigError(f"{path.name}: named as {named.value}, given as {_OPTIONS[part]}")
    for entity in ("sub", "ses", "run"):
        names = [path.name for path in (*one[1], *other[1])]
        found = {
            label
            for name in names
            for label in re.findall(rf"(?:^|_){entity}-([A-Za-z0-9]+)", name)
        }
        if len(found) > 1:
            raise ConfigError(
                f"found files of {entity}-{f' and {entity}-'.join(sorted(found))}, "
                f"needed one {_ENTITIES[entity]}"
            )
    for part, paths in (one, other):
        numbers = _echoes_of(paths)
        if numbers != sorted(set(numbers)):
            raise ConfigError(
                f"{_OPTIONS[part]}: found echoes {_listed(numbers)} by the files' names, needed "
                "each once, in ascending order"
            )
    first, second = _echoes_of(one[1]), _echoes_of(other[1])
    if len(first) == len(second) and first != second:
        raise ConfigError(
            f"{_OPTIONS[other[0]]}: found echoes {_listed(second)} by their names, "
            f"{_OPTIONS[one[0]]} has {_listed(first)}; needed the same in the same order"
        )


def check_sidecars(parts: Mapping[Part, Sidecars], *, te_s: Sequence[float], b0_t: float) -> None:
    """Refuse sidecars that contradict each other, or what was given.

    Raises
    ------
    ConfigError
        Saying what each of them has.
    """
    for part, sidecars in parts.items():
        for facts in sidecars:
            kind = _part_of(facts)
            if kind not in {None, part}:
                raise ConfigError(
                    f"{part.value}: found a sidecar whose ImageType says {kind.value}"
                )
            if part is Part.PHASE:
                _refuse_field_map(facts)
            if _FILTERED in str(facts.get("SeriesDescription", "")):
                raise ConfigError(
                    f"{part.value}: found images of the series {facts['SeriesDescription']}, whose "
                    "phase SWI has filtered; needed the unfiltered phase"
                )
            field = number_in(facts, "MagneticFieldStrength")
            if field is not None and not is_same_field(field, b0_t):
                raise ConfigError(
                    f"B0: found {b0_t:g} T, and {field:g} T in a sidecar of the {part.value}; "
                    "leave --b0 out, or mend the sidecar"
                )
        times = times_in(sidecars)
        if times and len(times) == len(te_s) and not np.allclose(times, te_s, rtol=_ALIKE):
            raise ConfigError(
                f"TE: found {_ms(te_s)} ms, and {_ms(times)} ms in the sidecars of the "
                f"{part.value}; "
                "needed one set of times, in one order"
            )


def _refuse_field_map(facts: Mapping[str, object]) -> None:
    """A map of the field may be in numbers that somebody writes for phase."""
    words, unit = facts.get("ImageType"), str(facts.get("Units") or "")
    kinds = _FIELD_MAPS.intersection(words) if isinstance(words, list) else set()
    if unit in _FIELD_UNITS or kinds:
        found = f"Units {unit}" if unit in _FIELD_UNITS else f"ImageType {', '.join(sorted(kinds))}"
        raise ConfigError(
            f"phase: found a sidecar with {found}, which is a map of the field; needed the phase "
            "of the echoes, or a local field in ppm as --local"
        )


def check_values(phase: NDArray[np.generic], magnitude: NDArray[np.generic]) -> None:
    """Refuse numbers that are no magnitude, no volume, or exchanged.

    Parameters
    ----------
    phase, magnitude
        As stored [E, Z, Y, X].

    Raises
    ------
    DataError
        Saying what was found.
    """
    _check_volumes({Part.PHASE: phase, Part.MAGNITUDE: magnitude})
    for number, size in enumerate(magnitude, start=1):
        usable_magnitude(size, echo=number)
    for number, turn in enumerate(phase, start=1):
        if not np.isfinite(turn).any():
            raise DataError(f"phase: found no number in echo {number}")
    m, p = _sampled(magnitude), _sampled(phase)
    if np.array_equal(m, p):
        raise DataError("magnitude and phase: found the same numbers in both")
    negative = float(np.mean(m < 0))
    if negative > _NEGATIVE:
        raise DataError(
            f"magnitude: found {negative:.0%} negative numbers, down to {m.min():.4g}; is it phase?"
        )
    if _pointing(p, by=m) > _POINTED and _pointing(m, by=p) < _SPREAD:
        raise DataError("magnitude and phase seem to be exchanged: the air of one is even")


def check_complex(real: NDArray[np.generic], imaginary: NDArray[np.generic]) -> None:
    """Refuse numbers that are no real and imaginary part of one image.

    The noise in the darkest voxels has the same size in both and its mean is 0. Exchanged parts
    cannot be told from each other by their numbers: their phase has the other sign.

    Parameters
    ----------
    real, imaginary
        With their zero at 0 [E, Z, Y, X].

    Raises
    ------
    DataError
        Saying what was found.
    """
    _check_volumes({Part.REAL: real, Part.IMAGINARY: imaginary})
    r, i = _sampled(real), _sampled(imaginary)
    if np.array_equal(r, i):
        raise DataError("real and imaginary: found the same numbers in both")
    for values, part in ((r, Part.REAL), (i, Part.IMAGINARY)):
        if values.min() >= 0:
            raise DataError(f"{part.value}: found no negative number; is it magnitude?")
    for number, echo in enumerate(zip(real, imaginary, strict=True), start=1):
        _check_air(*echo, number)


def _check_air(real: NDArray[np.generic], imaginary: NDArray[np.generic], number: int) -> None:
    """Refuse an echo [Z, Y, X] whose parts have other noise or another zero in the air."""
    air = _air(real, imaginary)
    if air is None:
        return
    r, i = np.asarray(real[air], np.float64), np.asarray(imaginary[air], np.float64)
    for values, part in ((r, Part.REAL), (i, Part.IMAGINARY)):
        if abs(values.mean()) > _OFF_CENTRE * values.std():
            raise DataError(
                f"{part.value}: found a mean of {values.mean():.4g} in the air of echo {number}"
            )
    one, other = float(r.std()), float(i.std())
    if max(one, other) > _OTHER_SCALE * min(one, other):
        raise DataError(
            f"real and imaginary: found noise of {one:.4g} and {other:.4g} in echo {number}, "
            "needed both in one scale"
        )


def _air(real: NDArray[np.generic], imaginary: NDArray[np.generic]) -> NDArray[np.bool_] | None:
    """Where the surroundings are darkest; ``None`` where there is no air as it was measured."""
    size = np.nan_to_num(np.hypot(real, imaginary).astype(np.float32))
    around = uniform_filter(size, _AROUND_VOXELS)
    dark = around <= np.quantile(around, _DARKEST)
    masked = np.mean(size == 0) > _MASKED or dark.sum() < _FEWEST_DARK
    return None if masked else np.asarray(dark & np.isfinite(real) & np.isfinite(imaginary))


def _check_volumes(parts: Mapping[Part, NDArray[np.generic]]) -> None:
    for part, values in parts.items():
        if values.dtype.kind not in "iufb":
            raise DataError(f"{part.value}: found {values.dtype} numbers, needed real ones")
        shape = values.shape[1:]
        if min(shape) < _FEWEST_SLICES:
            raise DataError(
                f"found {' × '.join(str(n) for n in shape[::-1])} voxels, needed a volume of at "
                f"least {_FEWEST_SLICES} along every axis: of fewer the field says next to nothing "
                "of χ"
            )


def _echoes_of(paths: Sequence[Path]) -> list[int]:
    """Numbers of the echoes by the files' names; empty where one has none."""
    found = [re.search(r"(?:_echo-|_e)(\d+)(?=[_.])", path.name) for path in paths]
    return [int(match[1]) for match in found if match] if all(found) else []


def _part_of(facts: Mapping[str, object]) -> Part | None:
    words = facts.get("ImageType")
    return part_by_words(words) if isinstance(words, list) else None


def _sampled(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Finite voxels of the first echo, evenly over the volume."""
    flat = values[0].reshape(-1)
    sample = np.asarray(flat[:: max(1, flat.size // _SAMPLES)], np.float64)
    return np.nan_to_num(sample)


def _pointing(angles: NDArray[np.float64], *, by: NDArray[np.float64]) -> float:
    """Length of the mean phasor of some numbers where ``by`` is smallest, 0 … 1.

    Numbers are taken over their own range; those at its most frequent value, as zeros outside a
    mask, are left out. 0 where too few are left.
    """
    values, counts = np.unique(angles, return_counts=True)
    kept = angles != values[counts.argmax()]
    if kept.sum() < _SAMPLES // 100 or values.size < 3:
        return 0.0
    dark = kept & (by <= np.quantile(by[kept], _DARKEST))
    turn = 2 * np.pi * (angles[dark] - values[0]) / (values[-1] - values[0])
    return float(np.abs(np.exp(1j * turn).mean()))


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _ms(times: Sequence[float]) -> str:
    return ", ".join(f"{1e3 * t:.4g}" for t in times)
