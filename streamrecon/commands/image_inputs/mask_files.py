"""Masks from NIfTI files: which file is meant, and whether it holds a mask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.image_inputs.echo_files import name_of
from streamrecon.commands.image_inputs.nifti_files import load_nifti, values_of
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Regions
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.ras import from_ras

_DARK = 0.1  # of the brightest tenth: air, under any coil
_MOST_DARK = 0.1  # of a brain: veins, bleeds, sinuses of a mask that is a little wide
_LIKELY = 0.5  # a probability from here on is inside


@dataclass(frozen=True, slots=True, eq=False)
class MaskFile:
    """A mask and what is worth knowing of its file.

    Parameters
    ----------
    mask
        Voxels inside [Z, Y, X].
    doubts
        What may be meant otherwise, each a sentence.
    """

    mask: NDArray[np.bool_]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RegionFiles:
    """The regions that files give, and what is to be said of them.

    Parameters
    ----------
    regions
        The masks.
    messages, doubts
        Which file was found; what may be meant otherwise.
    """

    regions: Regions
    messages: tuple[str, ...]
    doubts: tuple[str, ...]


def read_regions(
    brain: str | None,
    reference: Path | None,
    geometry: Geometry,
    *,
    beside: Path | None,
    magnitude: NDArray[np.generic] | None = None,
) -> RegionFiles:
    """Masks of the brain, ``auto`` being that beside a magnitude, and of the reference.

    Where the echoes' ``magnitude`` [E, Z, Y, X] is given, a brain that holds air is doubted.

    Raises
    ------
    ConfigError
        If ``auto`` finds none.
    DataError
        If a file is no mask, see `read_mask`.
    """
    messages: tuple[str, ...] = ()
    path = None if brain is None else Path(brain)
    if brain == "auto":
        if beside is None:
            raise ConfigError("--mask auto: found no magnitude to look beside, needed --mag")
        path = mask_beside(beside)
        messages = (f"mask: {path.name}",)
    files = [None if one is None else read_mask(one, geometry) for one in (path, reference)]
    doubts = tuple(doubt for file in files if file for doubt in file.doubts)
    if magnitude is not None and files[0] is not None:
        size = np.linalg.norm(np.nan_to_num(np.asarray(magnitude, np.float32)), axis=0)
        inside = size[files[0].mask]
        dark = float(np.mean(inside < _DARK * np.quantile(inside, 0.9)))
        if dark > _MOST_DARK:
            doubts += (f"mask: {dark:.0%} of it has no signal; does it lie on these images?",)
    return RegionFiles(Regions(*(file.mask if file else None for file in files)), messages, doubts)


def read_mask(path: Path, geometry: Geometry) -> MaskFile:
    """Mask of a file: 0 and one other number, or probabilities in 0 … 1, cut at a half.

    Its voxels may have another order than those of the images: tools turn their axes.

    Raises
    ------
    DataError
        If it cannot be read, is not three-dimensional, lies on another grid, holds what is no
        number, labels or negative numbers, or is empty.
    """
    values, grid = _volume(path)
    names = path.name, "the images"
    values = turned_to(values, grid, geometry, names=names)
    lost = int((~np.isfinite(values)).sum())
    if lost:
        raise DataError(f"{path.name}: found {lost} voxels that are no number, needed a mask")
    doubts = []
    levels = np.unique(values)
    if levels[0] >= 0 and np.count_nonzero(levels) <= 1:
        mask = values > 0
    elif levels[0] >= 0 and levels[-1] <= 1:
        mask = values >= _LIKELY
        doubts.append(f"{path.name}: probabilities; {_LIKELY:g} and more are inside")
    else:
        found = f"{len(levels)} different numbers in {levels[0]:.6g} … {levels[-1]:.6g}"
        raise DataError(f"{path.name}: found {found}, needed 0 and 1, or probabilities")
    if not mask.any():
        raise DataError(f"{path.name}: found no voxel inside")
    if mask.all():
        doubts.append(f"{path.name}: the whole field of view is inside")
    return MaskFile(np.asarray(mask, np.bool_), tuple(doubts))


def mask_beside(magnitude: Path) -> Path:
    """The brain's mask beside a magnitude, by its BIDS name.

    ``NAME_desc-brain_mask.nii.gz`` goes before ``NAME_mask.nii.gz`` and what else ends so; NAME is
    that of the magnitude up to ``echo-`` or ``part-``.

    Raises
    ------
    ConfigError
        If there is none, or it is not clear which.
    """
    name = name_of(magnitude)
    ending = re.compile(re.escape(name) + r"(_.+)?_mask\.nii(\.gz)?")
    found = sorted(file for file in magnitude.parent.iterdir() if ending.fullmatch(file.name))
    brains = [file for file in found if "_desc-brain_" in file.name]
    chosen = brains or found
    if not chosen:
        raise ConfigError(
            f"--mask auto: found no {name}_desc-brain_mask.nii.gz or {name}_mask.nii.gz "
            "beside the magnitude"
        )
    if len(chosen) > 1:
        names = ", ".join(file.name for file in chosen)
        raise ConfigError(f"--mask auto: found {names}, needed one; name it by --mask")
    return chosen[0]


def _volume(path: Path) -> tuple[NDArray[np.float32], Geometry]:
    image = load_nifti(path)
    data = values_of(image, path)
    if data.ndim > 3 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise DataError(f"{path.name}: found shape {data.shape}, needed a mask of 3 dimensions")
    if data.dtype.kind not in "iufb":
        raise DataError(f"{path.name}: found {data.dtype} numbers, needed a mask")
    values, grid = from_ras(data, image.affine)
    return np.asarray(values, np.float32), grid
