"""Writes a volume as a NIfTI file."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from streamrecon import __version__
from streamrecon.model.geometry import Geometry
from streamrecon.output.ras import in_ras
from streamrecon.storage.atomic_file import whole

_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT: millimetres from the magnet's isocentre


def write_nifti(path: Path, values: NDArray[np.generic], geometry: Geometry) -> None:
    """Write ``values`` [Z, Y, X] unscaled, in their own type, at their place in the patient.

    Both qform and sform are set, to the same matrix. A left-handed grid stays left-handed.

    References
    ----------
    Cox et al. (2004) A (sort of) new image data format standard: NIfTI-1. OHBM.
    """
    with whole(path) as scratch:
        _image(values, geometry).to_filename(scratch)


def nifti_bytes(values: NDArray[np.generic], geometry: Geometry) -> bytes:
    """What `write_nifti` writes, uncompressed."""
    return bytes(_image(values, geometry).to_bytes())


def _image(values: NDArray[np.generic], geometry: Geometry) -> nibabel.Nifti1Image:
    data, affine = in_ras(values, geometry)
    image = nibabel.Nifti1Image(data, affine)
    image.set_qform(affine, code=_SCANNER)
    image.set_sform(affine, code=_SCANNER)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = f"streamrecon {__version__}"
    return image
