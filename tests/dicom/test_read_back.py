"""dcm2niix finds every voxel where it is, with its number, its echo and its part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkers import DCM2NIIX, at, lps_affine, niftis
from dicom_scans import GRIDS, IDS, scan_of, session_of
from test_valid_files import write_volume

from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan

STEPS = {  # half a stored step, in the unit that a reader shows
    "Pha": np.pi / 8192,
    "QSM_ppb": 0.5,
    "R2star_per_s": 0.05,
    "T2star_ms": 0.05,
    "B0map_Hz": 0.05,
    "LocalField_ppb": 0.5,
    "TotalField_ppb": 0.5,
    "QSMpreview_ppb": 0.5,
    "QSM_MIP_ppb": 0.5,
    "QSMsd_ppb": 0.05,
    "Fieldsd_ppb": 0.05,
    "R2starsd_per_s": 0.05,
    "R2starMisfit": 0.005,
    "PhaseQuality": 0.0005,
    "SNR": 0.05,
    "GFactor": 0.0005,
    "Mask": 0.0,
    "Veins": 0.0,
}
SHOWN = {name: 1e3 for name in STEPS if name.endswith(("_ppb", "_ms"))}
FLOAT32 = 3e-7  # relative error of a scale that a reader keeps in single precision


def read_back(
    scan: Scan, run: Run, folder: Path, version: str
) -> tuple[dict[tuple[str, int | None], Volume], dict[str, Any]]:
    """Volumes and dcm2niix's images, both by output and echo."""
    dicom = DicomScan(IDS, run)
    volumes: dict[tuple[str, int | None], Volume] = {}
    (folder / "dicom").mkdir()
    for volume in session_of(scan):
        output = dicom.images(volume).output
        volumes[output, volume.echo] = volume
    dicom = DicomScan(IDS, run)
    for volume in volumes.values():
        write_volume(dicom, volume, folder / "dicom")
    return volumes, niftis(folder / "dicom", folder / "nifti", version)


def image_of(images: dict[str, Any], output: str, echo: int | None) -> Any:
    """The one image with the output's name and the endings that tell echo and part."""
    parts = [f"_{output}"]
    parts += [f"_e{echo + 1}"] if echo is not None else []
    parts += ["_ph"] if output == "Pha" else []
    (found,) = [image for name, image in images.items() if name.endswith("".join(parts))]
    return found


@pytest.mark.parametrize("version", DCM2NIIX)
@pytest.mark.parametrize("kind", GRIDS)
def test_values_and_places_of_all_outputs_survive(kind: str, version: str, tmp_path: Path) -> None:
    volumes, images = read_back(scan_of(GRIDS[kind]), Run(), tmp_path, version)

    assert len(images) == len(volumes)
    for (output, echo), volume in volumes.items():
        check_voxels(volume, image_of(images, output, echo), output)


def check_voxels(volume: Volume, image: Any, output: str) -> None:
    """Every voxel of the volume is in the image, within 0.01 mm and half a step."""
    grid = np.stack(np.meshgrid(*map(np.arange, volume.values.shape), indexing="ij"), -1)
    places = grid.reshape(-1, 3) @ volume.geometry.affine_lps()[:3, :3].T
    places += volume.geometry.affine_lps()[:3, 3]
    affine = lps_affine(image)
    index = np.linalg.solve(affine, np.c_[places, np.ones(len(places))].T)[:3]
    nearest = np.rint(index).astype(int)
    distance = np.linalg.norm((affine[:3, :3] @ (nearest - index)).T, axis=-1)
    shown = image.get_fdata()[tuple(nearest)]
    wanted = volume.values.ravel().astype(float)
    if output in STEPS:
        wanted = wanted * SHOWN.get(output, 1.0)
        allowed = STEPS[output] + FLOAT32 * np.abs(wanted).max()
    else:
        scale = shown.max() / wanted.max()
        assert 2**14 <= shown.max() <= 2**15
        wanted, allowed = wanted * 2.0 ** round(np.log2(scale)), 0.5 + 1e-3
    assert distance.max() < 0.01
    assert np.abs(shown - wanted).max() <= allowed


@pytest.mark.parametrize("version", DCM2NIIX)
def test_a_view_turned_upright_moves_no_voxel(version: str, tmp_path: Path) -> None:
    scan = scan_of(GRIDS["sagittal"])
    volumes, images = read_back(scan, Run(is_upright=True), tmp_path, version)

    for (output, echo), volume in volumes.items():
        check_voxels(volume, image_of(images, output, echo), output)


def test_slices_of_a_2d_scan_keep_their_gaps(tmp_path: Path) -> None:
    scan = scan_of(GRIDS["mirrored"], is_2d=True)
    volumes, images = read_back(scan, Run(), tmp_path, "Debian")

    chi = volumes["QSM_ppb", None]
    corner = chi.geometry.affine_lps()[:3, 3]
    value, distance = at(image_of(images, "QSM_ppb", None), corner)
    assert distance < 0.01
    assert abs(value - 1e3 * chi.values[0, 0, 0]) <= 0.5


@pytest.mark.parametrize("version", DCM2NIIX)
def test_all_outputs_have_one_affine(version: str, tmp_path: Path) -> None:
    _, images = read_back(scan_of(GRIDS["left-handed"]), Run(), tmp_path, version)

    first, *others = [image.affine for image in images.values()]
    assert max(np.abs(first - other).max() for other in others) < 1e-4


def test_echoes_keep_their_ratio(tmp_path: Path) -> None:
    scan, dicom = scan_of(GRIDS["axial"]), DicomScan(IDS, Run())
    first = session_of(scan)[0]
    halved: np.ndarray = first.values / 2
    half = Volume(halved, scan.geometry, Quantity.MAGNITUDE, scan, echo=1)

    one, two = dicom.images(first), dicom.images(half)

    ones, halves = ([i.pixel_array.astype(int) for i in part.datasets] for part in (one, two))
    assert np.abs(np.array(ones) - 2 * np.array(halves)).max() <= 1
