"""What images say of themselves on the wire: read field by field, without the product's readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import nibabel
import numpy as np
from nibabel.affines import apply_affine

from streamrecon.mrd.wire.messages import Image

MAGNITUDE, PHASE, COMPLEX = 1, 2, 5
"""Image types of MRD."""


def of_type(images: Iterable[Image], image_type: int, echo: int | None = None) -> list[Image]:
    """Images of one type, and of one echo where it is given, in the order they came."""
    return [
        image
        for image in images
        if image.header["image_type"] == image_type
        and (echo is None or image.header["contrast"] == echo)
    ]


def volume(images: Sequence[Image]) -> np.ndarray:
    """Voxels [Z, Y, X] of one slab, or of slices in the order of their counters."""
    ordered = sorted(images, key=lambda image: int(image.header["slice"]))
    return np.concatenate([image.data[0] for image in ordered])


def echoes(images: Sequence[Image], image_type: int) -> np.ndarray:
    """Volumes [E, Z, Y, X] of one type."""
    count = 1 + max(int(image.header["contrast"]) for image in images)
    return np.stack([volume(of_type(images, image_type, echo)) for echo in range(count)])


def places_lps_mm(image: Image) -> np.ndarray:
    """Positions (L, P, S) [Z, Y, X, 3] of an image's voxels.

    ``position`` is that of the middle of the matrix, voxel n // 2.
    """
    header = image.header
    n_x, n_y, n_z = (int(n) for n in header["matrix_size"])
    step_x, step_y, step_z = header["field_of_view"].astype(np.float64) / (n_x, n_y, n_z)
    x = (np.arange(n_x) - n_x // 2)[:, None] * step_x * np.float64(header["read_dir"])
    y = (np.arange(n_y) - n_y // 2)[:, None, None] * step_y * np.float64(header["phase_dir"])
    z = (np.arange(n_z) - n_z // 2)[:, None, None, None] * step_z * np.float64(header["slice_dir"])
    return np.asarray(np.float64(header["position"]) + z + y + x)


def all_places_lps_mm(images: Sequence[Image]) -> np.ndarray:
    """Positions [Z, Y, X, 3] of the voxels that `volume` gives."""
    ordered = sorted(images, key=lambda image: int(image.header["slice"]))
    return np.concatenate([places_lps_mm(image) for image in ordered])


def file_places_lps_mm(file: nibabel.Nifti1Image) -> np.ndarray:
    """Positions (L, P, S) [X, Y, Z, 3] of a file's voxels, by its affine."""
    indices = np.stack(np.meshgrid(*map(np.arange, file.shape), indexing="ij"), axis=-1)
    return np.asarray(apply_affine(file.affine, indices) * (-1, -1, 1))
