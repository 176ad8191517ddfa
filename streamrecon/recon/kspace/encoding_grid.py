"""Describes how one axis goes from encoded lines to the image: padding, centre, crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import HeaderError
from streamrecon.model.scan import CounterRange, Encoding

Piece = tuple[slice, slice]

_VOXEL_TOLERANCE = 5e-3  # a fifth of a voxel at the edge of 80: more than headers round


@dataclass(frozen=True, slots=True)
class Axis:
    """Lengths along one axis.

    Parameters
    ----------
    n_encoded
        Lines of the encoded grid; its centre is ``n_encoded // 2``.
    n_transform
        Length of the transform: the encoded field of view in wanted voxels. Longer than
        ``n_encoded`` is zero-filling, shorter drops the outer lines.
    n_image
        Voxels kept around the centre; fewer than ``n_transform`` is oversampling cropped.
    fov_mm
        Encoded field of view: the period of the image [mm].
    """

    n_encoded: int
    n_transform: int
    n_image: int
    fov_mm: float

    @property
    def voxel_mm(self) -> float:
        """Distance between voxels of the image [mm]."""
        return self.fov_mm / self.n_transform

    def place(self, counter: NDArray[np.integer], centre: int) -> NDArray[np.int64]:
        """Index on the encoded grid of header counters whose k-space centre is ``centre``."""
        return counter.astype(np.int64) - centre + self.n_encoded // 2

    def central_lines(self, resolution_mm: float) -> slice:
        """Lines around the centre that resolve ``resolution_mm``."""
        count = min(self.n_encoded, max(1, round(self.fov_mm / resolution_mm)))
        start = self.n_encoded // 2 - count // 2
        return slice(start, start + count)

    def lines_in_spectrum(self) -> list[Piece]:
        """Pairs (lines of the grid, places in a spectrum with its origin at 0)."""
        kept = min(self.n_encoded, self.n_transform)
        centre = self.n_encoded // 2
        before = kept // 2
        pieces = [(slice(centre, centre + kept - before), slice(0, kept - before))]
        if before:
            places = slice(self.n_transform - before, self.n_transform)
            pieces.append((slice(centre - before, centre), places))
        return pieces

    def image_in_transform(self) -> list[Piece]:
        """Pairs (voxels of the image, their places in a plain inverse transform)."""
        before = self.n_image // 2
        pieces = [(slice(before, self.n_image), slice(0, self.n_image - before))]
        if before:
            places = slice(self.n_transform - before, self.n_transform)
            pieces.append((slice(0, before), places))
        return pieces

    @property
    def scale(self) -> np.float32:
        """What a plain inverse transform is multiplied by.

        1/√n of the encoded length is that of a unitary transform, and keeps white noise at its
        standard deviation when lines are zero-filled.
        """
        return np.float32(1 / np.sqrt(self.n_encoded))


def axis(n_encoded: int, fov_encoded_mm: float, n_image: int, fov_image_mm: float) -> Axis:
    """Lengths along one axis from matrix and field of view of both spaces.

    >>> axis(512, 440.0, 256, 220.0)  # twofold oversampling
    Axis(n_encoded=512, n_transform=512, n_image=256, fov_mm=440.0)
    >>> axis(192, 240.0, 256, 240.0)  # zero-filling
    Axis(n_encoded=192, n_transform=256, n_image=256, fov_mm=240.0)

    Raises
    ------
    HeaderError
        If the encoded field of view is no whole number of wanted voxels, or smaller than
        the wanted one.
    """
    exact = n_image * fov_encoded_mm / fov_image_mm
    n_transform = round(exact)
    if abs(n_transform - exact) > _VOXEL_TOLERANCE * exact:
        raise HeaderError(
            f"field of view: found {fov_encoded_mm} mm encoded and {n_image} voxels in "
            f"{fov_image_mm} mm wanted, needed a whole number of voxels, not {exact:.3f}"
        )
    if n_transform < n_image:
        raise HeaderError(
            f"field of view: found {fov_encoded_mm} mm encoded, needed at least the "
            f"{fov_image_mm} mm of the image"
        )
    return Axis(n_encoded, n_transform, n_image, fov_encoded_mm)


@dataclass(frozen=True, slots=True)
class Grid:
    """The three axes, the counters of the two phase axes, and how many slices there are.

    A two-dimensional scan has ``n_slices`` slices side by side on the Z axis of all arrays; its
    ``z`` axis is not encoded (one line, transform of length one).
    """

    z: Axis
    y: Axis
    x: Axis
    ky: CounterRange
    kz: CounterRange
    n_slices: int
    first_slice: int = 0

    @property
    def is_2d(self) -> bool:
        """Whether Z holds slices and not an encoded axis."""
        return self.z.n_encoded == 1

    @property
    def z_lines(self) -> int:
        """Length of Z while lines are placed: partitions or slices."""
        return self.n_slices if self.is_2d else self.z.n_encoded

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape (z, y, x) of the image."""
        return (self.n_slices if self.is_2d else self.z.n_image, self.y.n_image, self.x.n_image)


def grid_of(encoding: Encoding) -> Grid:
    """Grid of a header's encoding.

    Raises
    ------
    HeaderError
        If fields of view and matrices contradict each other, or both slices and partitions
        are encoded (several slabs).
    """
    z, y, x = (
        axis(n_encoded, fov_encoded, n_image, fov_image)
        for n_encoded, fov_encoded, n_image, fov_image in zip(
            encoding.encoded_shape,
            encoding.encoded_fov_mm,
            encoding.recon_shape,
            encoding.recon_fov_mm,
            strict=True,
        )
    )
    n_slices = len(encoding.slice)
    if encoding.encoded_shape[0] > 1 and n_slices > 1:
        raise HeaderError(
            f"encoding limits: found {n_slices} slices of {encoding.encoded_shape[0]} partitions, "
            "needed one slab or slices without partitions"
        )
    return Grid(
        z,
        y,
        x,
        ky=encoding.ky,
        kz=encoding.kz,
        n_slices=n_slices,
        first_slice=encoding.slice.minimum,
    )
