"""One axis at a time: lines become rows along X, rows become planes along Y or Z."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.fourier import Plan
from streamrecon.recon._kernels import gather_readouts
from streamrecon.recon.grid import Axis

Complex = NDArray[np.complex64]

_BATCH_SAMPLES = 1 << 16  # half a megabyte of spectra at a time: stays in the cache


class ReadoutTransform:
    """Transforms lines along X, crops their oversampling, and mixes their channels.

    Reversed lines are turned into the order of the others, asymmetric echoes are placed
    by their centre, missing samples are zero. Linear: a line costs one FFT of
    ``axis.n_transform`` per channel and one [C', C] product per image voxel.

    Parameters
    ----------
    axis
        The readout axis.
    mix
        Matrix applied to the channels [C', C]: whitening, compression, or both; ``None`` leaves
        them as they are.
    n_channels
        Channels of the lines, C.

    Raises
    ------
    DataError
        If ``mix`` is for another number of channels.
    """

    def __init__(self, axis: Axis, *, n_channels: int, mix: Complex | None = None) -> None:
        if mix is not None and mix.shape[1] != n_channels:
            raise DataError(
                f"lines: found {n_channels} channels, but whitening or compression of "
                f"{mix.shape[1]}: the noise scan is not of this coil"
            )
        self._axis = axis
        self._mix = None if mix is None else np.ascontiguousarray(mix, np.complex64)
        self._n_channels = n_channels
        batch = max(1, _BATCH_SAMPLES // (n_channels * axis.n_transform))
        self._plans = {
            size: Plan((size, n_channels, axis.n_transform), (2,), inverse=True, threads=1)
            for size in {1, batch}
        }
        self._ramp = axis.ramp_to_first_voxel()

    @property
    def n_channels(self) -> int:
        """Channels of the rows, C'."""
        return self._n_channels if self._mix is None else len(self._mix)

    def rows(
        self, lines: Complex, centre: NDArray[np.integer], backward: NDArray[np.bool_]
    ) -> Complex:
        """Rows of the image [N, C', X] of lines [N, C, S].

        Parameters
        ----------
        lines
            Samples in the order of time [N, C, S].
        centre
            Index of the sample at the centre of k-space, counted in the order of growing k [N]:
            of a reversed line, after it has been turned round. So it stands in converted scans,
            and there alone does it leave no shift of one sample between polarities.
        backward
            Which lines were read in the direction of falling k [N].

        Raises
        ------
        DataError
            If the channels are not those of the scan, or a centre is outside its line.
        """
        n_lines, n_channels, n_samples = lines.shape
        if n_channels != self._n_channels:
            raise DataError(f"lines: found {n_channels} channels, needed {self._n_channels}")
        if n_lines and int(centre.max()) >= n_samples:
            raise DataError(f"lines: found centre sample {int(centre.max())} of {n_samples}")
        first = -centre.astype(np.int64)
        rows = np.empty((n_lines, self.n_channels, self._axis.n_image), np.complex64)
        start = 0
        for size in sorted(self._plans, reverse=True):
            while n_lines - start >= size:
                block = slice(start, start + size)
                self._transform(self._plans[size], lines[block], first[block], backward[block])
                self._mixed(self._plans[size].result, rows[block])
                start += size
        return rows

    def _transform(
        self, plan: Plan, lines: Complex, first: NDArray[np.int64], backward: NDArray[np.bool_]
    ) -> None:
        gather_readouts(lines, first, backward, self._ramp, plan.source)
        plan.run()

    def _mixed(self, images: Complex, rows: Complex) -> None:
        kept = images[:, :, : self._axis.n_image]
        if self._mix is None:
            rows[...] = kept
        else:
            np.matmul(self._mix, kept, out=rows)


class PhaseTransform:
    """Transforms blocks [N, lines, X] along their lines, and crops them.

    One FFT of ``axis.n_transform`` per column. It owns its buffers: one thread at a time.

    Parameters
    ----------
    axis
        The phase axis.
    n_blocks, n_x
        Sizes N and X of the blocks.
    """

    def __init__(self, axis: Axis, n_blocks: int, n_x: int) -> None:
        self._pieces = axis.lines_in_spectrum()
        self._ramp = axis.ramp_to_first_voxel()[:, None]
        self._axis = axis
        self._plan = Plan((n_blocks, axis.n_transform, n_x), (1,), inverse=True, threads=1)

    def image(self, block: Complex) -> Complex:
        """Image [N, n_image, X] of the lines [N, ≥ n_encoded, X]; valid until the next call."""
        if self._axis.n_transform > self._axis.n_encoded:
            self._plan.source[...] = 0
        for lines, places in self._pieces:
            np.multiply(block[:, lines], self._ramp[places], out=self._plan.source[:, places])
        return self._plan.run()[:, : self._axis.n_image]
