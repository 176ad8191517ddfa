"""Whether files of magnitude and phase belong together: by names, sidecars and numbers.

A pair that does not belong together makes a map that looks like one. What is refused here is
refused before any work, with the names of the files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError, DataError

Sidecars = Sequence[Mapping[str, object]]

_ALIKE = 0.01  # of an echo time: sidecars round it
_FIELD_ALIKE = 0.05  # of B0: 2.89 T is called 3 T
_NEGATIVE = 1e-3  # of the voxels: interpolation overshoots at edges
_DARKEST = 0.15  # of the voxels: air, in which phase points everywhere
_POINTED, _SPREAD = 0.6, 0.3  # lengths of a mean phasor that no chance reaches
_FEWEST_SLICES = 4
_KINDS = {"P": "phase", "PHASE": "phase", "M": "magnitude", "MAG": "magnitude"}
_SAMPLES = 50_000


def check_names(phase: Sequence[Path], magnitude: Sequence[Path]) -> None:
    """Refuse a file that is given twice, and echoes in different orders.

    Raises
    ------
    ConfigError
        Naming the files.
    """
    seen: set[Path] = set()
    for path in (*phase, *magnitude):
        if path.resolve() in seen:
            raise ConfigError(f"{path.name}: given twice, needed a file for each part and echo")
        seen.add(path.resolve())
    for paths, part in ((phase, "phase"), (magnitude, "mag")):
        for path in paths:
            named = re.search(r"_part-(mag|phase)_", path.name)
            if named and named[1] != part:
                raise ConfigError(f"{path.name}: named as part-{named[1]}, given as --{part}")
    one, other = _echoes_of(phase), _echoes_of(magnitude)
    if len(one) == len(other) and one != other:
        raise ConfigError(
            f"--mag: found echoes {_listed(other)} by their names, --phase has {_listed(one)}; "
            "needed the same in the same order"
        )


def check_sidecars(
    phase: Sidecars, magnitude: Sidecars, *, te_s: Sequence[float], b0_t: float
) -> None:
    """Refuse sidecars that contradict each other, or what was given.

    Raises
    ------
    ConfigError
        Saying what each of them has.
    """
    for sidecars, part in ((phase, "phase"), (magnitude, "magnitude")):
        for facts in sidecars:
            kind = _kind_of(facts)
            if kind not in {None, part}:
                raise ConfigError(f"{part}: found a sidecar whose ImageType says {kind}")
            field = facts.get("MagneticFieldStrength")
            if isinstance(field, int | float) and abs(field - b0_t) > _FIELD_ALIKE * b0_t:
                raise ConfigError(
                    f"B0: found {b0_t:g} T, and {field:g} T in a sidecar of the {part}; "
                    "leave --b0 out, or mend the sidecar"
                )
        times = _times_of(sidecars)
        if times and len(times) == len(te_s) and not np.allclose(times, te_s, rtol=_ALIKE):
            raise ConfigError(
                f"TE: found {_ms(te_s)} ms, and {_ms(times)} ms in the sidecars of the {part}; "
                "needed one set of times, in one order"
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
    for values, part in ((phase, "phase"), (magnitude, "magnitude")):
        if values.dtype.kind not in "iufb":
            raise DataError(f"{part}: found {values.dtype} numbers, needed real ones")
    shape = phase.shape[1:]
    if min(shape) < _FEWEST_SLICES:
        raise DataError(
            f"found {' × '.join(str(n) for n in shape[::-1])} voxels, needed a volume of at least "
            f"{_FEWEST_SLICES} along every axis: of fewer the field says next to nothing of χ"
        )
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


def _echoes_of(paths: Sequence[Path]) -> list[int]:
    """Numbers of the echoes by the files' names; empty where one has none."""
    found = [re.search(r"(?:_echo-|_e)(\d+)(?=[_.])", path.name) for path in paths]
    return [int(match[1]) for match in found if match] if all(found) else []


def _kind_of(facts: Mapping[str, object]) -> str | None:
    words = facts.get("ImageType")
    found = {_KINDS[w] for w in words if w in _KINDS} if isinstance(words, list) else set()
    return found.pop() if len(found) == 1 else None


def _times_of(sidecars: Sidecars) -> list[float]:
    found = [facts.get("EchoTime") for facts in sidecars]
    listed = found[0] if len(found) == 1 and isinstance(found[0], list) else found
    return [float(t) for t in listed if isinstance(t, int | float)]


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
