"""Phase that is the difference of two echoes, as field-map protocols send it: one echo in effect.

The difference has lost the phase offset of the coils; its echo time is that between both echoes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.image_inputs.echo_times import times_s
from streamrecon.commands.image_inputs.image_parts import ImagePart
from streamrecon.errors import ConfigError, DataError, ReconError
from streamrecon.input_checks import echo_times_s
from streamrecon.phase.image_noise import measure_noise
from streamrecon.phase.magnitude import signal_mask

Real = NDArray[np.float32]

_ALIKE = 0.01  # of an echo time: sidecars round it
_FIELD_MAP = "*fm"  # Siemens' sequence, whose phase is a difference


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """A phase difference as one echo.

    Parameters
    ----------
    magnitude
        [1, Z, Y, X]: an echo of it has the noise of the difference.
    te_s
        Time between both echoes [s].
    noise
        Standard deviation of the real part [1, 1, 1], of the magnitude that was measured; ``None``
        where it does not show.
    """

    magnitude: Real
    te_s: float
    noise: Real | None


def difference_of(
    phase: ImagePart, magnitude: ImagePart, te: Sequence[str]
) -> tuple[float, float] | None:
    """Times of the echoes [s] whose difference the phase is; ``None`` where it is an echo's own.

    Known by two echo times in its sidecar, by two that are given for one phase, or by Siemens'
    field-map sequence, whose magnitudes have the times.

    Raises
    ------
    ConfigError
        If what is given and what the sidecar has differ, or the times do not grow.
    """
    if len(phase.values) != 1:
        return None
    facts = phase.sidecars[0]
    found = [facts.get("EchoTime1"), facts.get("EchoTime2")]
    given = times_s(te) if te else ()
    if None in found and str(facts.get("SequenceName", "")).startswith(_FIELD_MAP):
        found = [each.get("EchoTime") for each in magnitude.sidecars]
    stated = tuple(float(t) for t in found if isinstance(t, int | float))
    if len(stated) != 2 and len(given) != 2:
        return None
    if len(stated) == 2 and given and not _alike(stated, given):
        raise ConfigError(f"--te: found {' '.join(te)}, needed {_ms(stated)} ms as the sidecar has")
    one, other = echo_times_s(given if len(stated) != 2 else stated, echoes=2)
    return one, other


def as_one_echo(magnitude: NDArray[np.generic], te_s: tuple[float, float]) -> Difference:
    r"""Magnitude that gives one echo the noise of the difference.

    .. math:: 1/m^2 = 1/m_1^2 + 1/m_2^2

    Of one magnitude the other is taken for equal.

    Raises
    ------
    DataError
        If there are neither one nor two magnitudes.
    """
    if len(magnitude) not in {1, 2}:
        raise DataError(
            f"magnitude: found {len(magnitude)} echoes, needed one or both of the phase difference"
        )
    sizes = np.asarray(magnitude, np.float32)
    first, last = sizes[0], sizes[-1]
    both = np.hypot(first, last)
    size = np.divide(first * last, both, out=np.zeros_like(both), where=both > 0)
    return Difference(size[None], te_s[1] - te_s[0], _noise(first))


def in_words(te_s: tuple[float, float]) -> str:
    """What is stated of such a phase."""
    return f"as one echo: the phase is the difference of those at {_ms(te_s)} ms"


def _noise(magnitude: Real) -> Real | None:
    """Noise of the echo as it was measured: that of the made one is not Rayleigh's in the air.

    Of its magnitude alone: the difference of two phases has the noise of the other echo, too.
    """
    try:
        found = measure_noise(magnitude.astype(np.complex64)[None], signal_mask(magnitude))
    except ReconError:
        return None
    return np.full((1, 1, 1), found.sd, np.float32)


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and np.allclose(one, other, rtol=_ALIKE)


def _ms(times: Sequence[float]) -> str:
    return ", ".join(f"{1e3 * t:.4g}" for t in times)
