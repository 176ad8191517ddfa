"""Transforms one axis at a time: lines to rows along X, rows to planes along Y or Z."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.machine.fft_plans import Plan, row_length
from streamrecon.recon._kernels import mix_along_x
from streamrecon.recon.kspace.encoding_grid import Axis

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_BATCH_SAMPLES = 1 << 16  # half a megabyte of spectra at a time: stays in the cache


class ReadoutTransform:
    """Transforms lines along X, crops their oversampling, and mixes their channels.

    Reversed lines are turned into the order of the others, asymmetric echoes are placed
    by their centre, missing samples are zero. Linear: a line costs one FFT of
    ``axis.n_transform`` per channel and one [C', C] product per image voxel. Products that differ
    along X take twice the time, 1.3 times for the whole (`benchmarks/bench_compression.py`).
    A whole batch is transformed even for one line, 0.1 ms: plans of other sizes round otherwise,
    and a row would depend on the lines that came with it.

    Parameters
    ----------
    axis
        The readout axis.
    n_channels
        Channels of the lines, C.
    mix
        Matrix applied to the channels [C', C]: whitening, compression, or both; ``None`` leaves
        them as they are.
    along_x
        A further matrix for each voxel of the image [X, C'', C'], behind ``mix``.

    Raises
    ------
    DataError
        If ``mix`` or ``along_x`` is for another number of channels, or of voxels.
    """

    def __init__(
        self,
        axis: Axis,
        *,
        n_channels: int,
        mix: Complex | None = None,
        along_x: Complex | None = None,
    ) -> None:
        if mix is not None and mix.shape[1] != n_channels:
            raise DataError(
                f"lines: found {n_channels} channels, but whitening or compression of "
                f"{mix.shape[1]}: the noise scan is not of this coil"
            )
        self._axis = axis
        self._mix = None if mix is None else np.ascontiguousarray(mix * axis.scale, np.complex64)
        self._along_x = None
        if along_x is not None:
            self._along_x = _product_along_x(along_x, mix, n_channels, axis)
        self._n_channels = n_channels
        n_mixed = n_channels if mix is None else len(mix)
        self._n_rows = n_mixed if along_x is None else along_x.shape[1]
        self._batch = max(1, _BATCH_SAMPLES // (n_channels * axis.n_transform))
        shape = self._batch, n_channels, axis.n_transform
        self._plan = Plan(shape, (2,), inverse=True, shared=False)
        self._pieces = axis.image_in_transform()

    @property
    def n_channels(self) -> int:
        """Channels of the rows, C'; C'' where each voxel has its own matrix."""
        return self._n_rows

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
        for start in range(0, n_lines, self._batch):
            block = slice(start, min(start + self._batch, n_lines))
            spectra = self._plan.source[: block.stop - start]
            _gather(lines[block], first[block], backward[block], spectra)
            self._mixed(self._plan.run()[: len(spectra)], rows[block])
        return rows

    def _mixed(self, images: Complex, rows: Complex) -> None:
        for voxels, places in self._pieces:
            if self._along_x is not None:
                first, count = voxels.start, voxels.stop - voxels.start
                mix_along_x(self._along_x, images, first, places.start, count, rows)
            elif self._mix is None:
                np.multiply(images[:, :, places], self._axis.scale, out=rows[:, :, voxels])
            else:
                np.matmul(self._mix, images[:, :, places], out=rows[:, :, voxels])


def _product_along_x(along_x: Complex, mix: Complex | None, n_channels: int, axis: Axis) -> Real:
    """Both matrices as one, real and imaginary parts apart, X last [2, C'', C, X]."""
    n_x, _, n_between = along_x.shape
    needed = axis.n_image, n_channels if mix is None else len(mix)
    if (n_x, n_between) != needed:
        raise DataError(
            f"lines: found compression of {n_between} channels at {n_x} places along x, "
            f"needed {needed[1]} at {needed[0]}"
        )
    product = (along_x if mix is None else along_x @ mix).transpose(1, 2, 0) * axis.scale
    return np.ascontiguousarray(np.stack([product.real, product.imag]), np.float32)


def _gather(
    lines: Complex, first: NDArray[np.int64], backward: NDArray[np.bool_], spectra: Complex
) -> None:
    """Place samples on the k-axis with its origin at 0: [N, C, S] -> [N, C, T].

    ``first`` is the offset from the centre of each line's first sample in the order of k. Lines
    of one kind are copied at once; samples beyond the transform are dropped.
    """
    n_samples, length = lines.shape[2], spectra.shape[2]
    kinds = set(zip(first.tolist(), backward.tolist(), strict=True))
    for start, is_backward in kinds:
        alike = slice(None) if len(kinds) == 1 else (first == start) & (backward == is_backward)
        samples = lines[alike, :, ::-1] if is_backward else lines[alike]
        low, high = max(start, -(length // 2)), min(start + n_samples, (length + 1) // 2)
        if high - low < length:
            spectra[alike] = 0
        if low < 0:
            stop = min(high, 0)
            spectra[alike, :, low + length : stop + length] = samples[
                :, :, low - start : stop - start
            ]
        if high > 0:
            low = max(low, 0)
            spectra[alike, :, low:high] = samples[:, :, low - start : high - start]


class PhaseTransform:
    """Transforms blocks [lines, X] along their lines.

    One FFT of ``axis.n_transform`` per column. It owns its buffer: one thread at a time.

    Parameters
    ----------
    axis
        The phase axis.
    n_x
        Size X of the blocks.
    """

    def __init__(self, axis: Axis, n_x: int) -> None:
        self._axis = axis
        self._n_x = n_x
        self._lines = axis.lines_in_spectrum()
        self._image = axis.image_in_transform()
        shape = axis.n_transform, row_length(n_x)
        self._plan = Plan(shape, (0,), inverse=True, shared=False)

    def plain(self, block: Complex) -> Complex:
        """Plain inverse transform [n_transform, ≥ X] of the lines [≥ n_encoded, X].

        To be scaled by ``axis.scale``, the first voxel at ``-(n_image // 2)``, counted round;
        what stands beyond X are zeros. Valid until the next call.
        """
        for lines, places in self._lines:
            self._plan.source[places, : self._n_x] = block[lines]
        return self._plan.run()

    def image(self, block: Complex, image: Complex) -> None:
        """Image [n_image, X] of the lines [≥ n_encoded, X]; both may be the same memory."""
        plain = self.plain(block)
        for voxels, places in self._image:
            np.multiply(plain[places, : self._n_x], self._axis.scale, out=image[voxels])
