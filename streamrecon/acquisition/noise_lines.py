"""Takes from lines what their noise is measured by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.units import s_from_us

_SAMPLING_TIMES_S = (1e-9, 1e-2)
"""Of receivers, with a margin; what is beyond was not written by one."""


def imaging(lines: Acquisitions) -> Acquisitions:
    """Those of the lines that are part of the image: others may have channels of their own."""
    return lines.select((lines.header["flags"] & np.uint64(layout.NOT_IMAGING)) == 0)


def sampling_time_s(lines: Acquisitions) -> float:
    """Time between samples of the first line [s]; 0 where its header has none."""
    low, high = _SAMPLING_TIMES_S
    found = s_from_us(float(lines.header["sample_time_us"][0]))
    return found if low <= found <= high else 0.0


def noise_samples(lines: Sequence[Acquisitions]) -> NDArray[np.complex64]:
    """All samples of noise lines [C, M].

    Raises
    ------
    DataError
        If the lines differ in their number of channels, or have none.
    """
    channels = sorted({run.data.shape[1] for run in lines})
    if len(channels) > 1 or not channels[0]:
        found = " and ".join(map(str, channels))
        raise DataError(f"noise lines: found {found} channels, needed one number, at least 1")
    by_channel = [
        run.data.swapaxes(0, 1).reshape(channels[0], -1) for run in lines if run.data.size
    ]
    if not by_channel:
        raise DataError("noise lines: found no samples, needed at least 1")
    return np.concatenate(by_channel, axis=1)


def check_channels(covariance: NDArray[np.complexfloating], n_channels: int) -> None:
    """Refuse noise of another number of channels than the lines have.

    Raises
    ------
    DataError
        If the numbers differ.
    """
    if len(covariance) != n_channels:
        raise DataError(
            f"lines: found {n_channels} channels, but noise of {len(covariance)}: the noise scan"
            " is not of this coil"
        )
