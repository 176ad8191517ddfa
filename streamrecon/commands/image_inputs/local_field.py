"""A local field from a NIfTI file becomes susceptibility: `streamrecon qsm --local`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from streamrecon.commands.image_inputs.mask_files import read_regions
from streamrecon.commands.image_inputs.nifti_files import is_placed, load_nifti, values_of
from streamrecon.errors import ConfigError, DataError
from streamrecon.input_checks import field_t, refuse_no_local_field
from streamrecon.maps.phase_sign_check import check_phase_sign
from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.ras import from_ras
from streamrecon.qsm.given_local_field import susceptibility_of_local_field
from streamrecon.qsm.inversion.methods import Inversion
from streamrecon.qsm.pipeline import Quality
from streamrecon.qsm.reference import Reference

Real = NDArray[np.float32]

_USUAL_PPM = 0.1


def map_local_field(
    options: argparse.Namespace,
) -> tuple[Volume, tuple[str, ...], tuple[str, ...]]:
    """Map of the file that ``--local`` names, messages about it, and what is doubtful.

    The field is in ppm and positive where B exceeds B0; without ``--mask`` it is trusted where it
    is finite and not 0, holes filled.

    Raises
    ------
    ConfigError
        If B0 is missing or no scanner has it, echoes are given too, or what needs them is wanted.
    DataError
        If a file is no volume, lies on another grid, or is not in ppm.
    """
    _refuse_what_needs_echoes(options)
    field_ppm, geometry, where = _volume(options.local)
    finite = np.isfinite(field_ppm)
    beside = options.mag[0] if options.mag else None
    given = read_regions(options.mask, options.region, geometry, beside=beside)
    brain, region = given.regions.brain, given.regions.reference
    known = finite & (binary_fill_holes(finite & (field_ppm != 0)) if brain is None else brain)
    if not known.any():
        raise DataError(f"{options.local.name}: no voxel in the mask has a finite field")
    rms = refuse_no_local_field(options.local.name, field_ppm[known])
    found = susceptibility_of_local_field(
        field_ppm,
        known,
        geometry,
        quality=Quality(options.quality),
        inversion=Inversion(options.inversion),
        magnitude=_magnitude(options.mag, geometry),
        reference=Reference[options.reference.upper()],
        region=region,
        is_brain=brain is not None,
    )
    scan = bare_scan(
        geometry,
        (),
        options.b0,
        PhaseSign(1, SignOrigin.GIVEN),
        name=name_of_field(options.local),
        comments=("made of a local field",),
    )
    volume = Volume(
        found.map.chi_ppm, geometry, Quantity.CHI, scan, comments=(*scan.comments, *found.notices)
    )
    stated = (text for text in found.notices if text not in found.doubts)
    doubts = [*given.doubts, *where]
    if rms > _USUAL_PPM:
        doubts.append(
            f"found a field of {rms:.2g} ppm rms, of a brain it is 0.01 to 0.05: is it ppm?"
        )
    sign = check_phase_sign(found.map.chi_ppm, known, geometry, is_brain=brain is not None)
    if sign.vote < 0:
        doubts.append(f"the field may have the other sign: iron and veins {sign}")
    return volume, (*given.messages, *stated), (*doubts, *found.doubts)


def name_of_field(path: Path) -> str:
    """What the map of a local field is called.

    >>> name_of_field(Path("sub-1_localfield.nii.gz"))
    'sub-1'
    """
    return path.name.split(".")[0].removesuffix("_localfield")


def _refuse_what_needs_echoes(options: argparse.Namespace) -> None:
    wrong = {
        "DICOM_FOLDER": options.folder,
        "--phase": options.phase,
        "--phase-ends": options.phase_ends,
        "--real": options.real,
        "--imag": options.imag,
        "--te": options.te,
        "--sign": options.sign != "auto",
        "--background": options.background != "preset",
        "--two-pass": options.two_pass,
        "--uncertainty": options.uncertainty,
        "--fields": options.fields,
        "--reference csf": options.reference == "csf",
        "--quality consensus": options.quality == Quality.CONSENSUS.value,
    }
    for option, given in wrong.items():
        if given:
            raise ConfigError(f"--local: found {option} too, which needs echoes")
    if options.b0 is None:
        raise ConfigError("--local: found no field strength; give it in T by --b0")
    field_t(options.b0)


def _magnitude(paths: list[Path] | None, geometry: Geometry) -> Real | None:
    """Root of the sum of squares of the files, on the grid of the field."""
    if not paths:
        return None
    power = np.zeros(geometry.shape, np.float32)
    for path in paths:
        values, grid, _ = _volume(path)
        names = path.name, "the local field"
        power += turned_to(values, grid, geometry, names=names) ** 2
    return np.sqrt(power)


def _volume(path: Path) -> tuple[Real, Geometry, tuple[str, ...]]:
    """One volume [Z, Y, X], its grid, and what of that is doubtful."""
    image = load_nifti(path)
    if len(image.shape) != 3:
        raise DataError(f"{path.name}: found shape {image.shape}, needed NIfTI of 3 dimensions")
    data = values_of(image, path)
    if data.dtype.kind == "c":
        raise DataError(f"{path.name}: found complex numbers, needed real ones")
    values, geometry = from_ras(data, image.affine)
    lies = "does not say how it lies in the patient: B0 may not be where it seems"
    doubts = () if is_placed(image) else (f"{path.name} {lies}",)
    return np.ascontiguousarray(values, np.float32), geometry, doubts
