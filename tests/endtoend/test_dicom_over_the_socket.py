"""Raw k-space goes in by the socket, DICOM comes out of it; other programs say where it lies."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from checkers import DCM2NIIX, at, lps_affine, niftis
from streamrecon_simulator.phantoms.phantom import Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Sphere
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Orientation, Scene
from wire_service import reconstructed

from streamrecon.client import Server
from streamrecon.mrd.wire.messages import ConfigText

PLACE_LPS_MM = np.array([18.0, -11.0, 7.0])
BALL = Phantom(
    parts=(Part(Sphere(tuple(PLACE_LPS_MM), 4.9), Tissue(1.0, 5.0, 0.0)),),
    environment=Tissue(0.0, 0.0, 0.0),
)
"""No sample of a voxel lies just on the surface, where rounding would choose a side: 0.01 mm."""
AWAY_ZYX = np.array([2, -3, 4])  # the marker's voxel from the middle one
NAMES = ("WhitenNoise", "AssembleKSpace", "CombineCoils", "EchoImages", "SendDicom")
CHAIN = ConfigText(
    "<configuration><version>2</version><stream>"
    + "".join(f"<gadget><name>{name}</name></gadget>" for name in NAMES)
    + "</stream></configuration>"
)
SCENE = Scene(
    "marker", phantom=BALL, matrix=(21, 27, 25), voxel_mm=(2.9, 2.3, 2.1), n_coils=1,
    te_s=(0.005, 0.012), snr=float("inf"), noise_lines=0, supersampling=3,
)  # fmt: skip
OBLIQUE = replace(SCENE, tilt_deg=(25.0, -15.0))
SCENES = {
    "axial": SCENE,
    "axial, even": replace(SCENE, matrix=(20, 28, 24)),
    "coronal": replace(SCENE, orientation=Orientation.CORONAL),
    "doubly oblique": OBLIQUE,
    "left-handed, oblique": replace(OBLIQUE, left_handed=True),
    "sagittal slices, oblique": replace(OBLIQUE, slices=True, orientation=Orientation.SAGITTAL),
}


def with_the_marker_on_a_voxel(scene: Scene) -> Scene:
    """The scene, moved so that the marker sits in the middle of one voxel."""
    steps_mm = AWAY_ZYX * scene.geometry.voxel_mm
    left, posterior, superior = map(float, PLACE_LPS_MM - steps_mm @ scene.geometry.axes_lps)
    return replace(scene, centre_lps_mm=(left, posterior, superior))


def place_of_the_ball(image: nibabel.Nifti1Image) -> np.ndarray:
    """Centre of energy [LPS, mm]."""
    values = image.get_fdata() ** 2
    index = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), -1)
    centre = (values[..., None] * index).sum(axis=(0, 1, 2)) / values.sum()
    return np.asarray((lps_affine(image) @ [*centre, 1])[:3])


def place_in_the_files(folder: Path) -> np.ndarray:
    """Centre of energy of the first echo's magnitude by the attributes alone [LPS, mm]."""
    energy, moment = 0.0, np.zeros(3)
    for image in map(pydicom.dcmread, folder.iterdir()):
        if image.ImageType[3] == "M" and image.EchoNumbers == 1:
            weights = image.pixel_array.astype(float) ** 2
            row, column = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float)
            down_mm, along_mm = map(float, image.PixelSpacing)
            j, i = (number[..., None] for number in np.indices(weights.shape))
            places = np.array(image.ImagePositionPatient, float)
            places = places + i * along_mm * row + j * down_mm * column
            energy += weights.sum()
            moment += (weights[..., None] * places).sum(axis=(0, 1))
    return moment / energy


@pytest.mark.parametrize("name", SCENES)
def test_a_marker_on_a_voxel_is_there_to_a_hundredth_of_a_millimetre(
    name: str, server: Server, tmp_path: Path
) -> None:
    scene = with_the_marker_on_a_voxel(SCENES[name])
    (tmp_path / "dicom").mkdir()

    for file in reconstructed(simulate(scene).messages(), server, CHAIN).files:
        (tmp_path / "dicom" / file.name).write_bytes(file.data)

    assert np.linalg.norm(place_in_the_files(tmp_path / "dicom") - PLACE_LPS_MM) < 0.01
    for version in DCM2NIIX:
        images = niftis(tmp_path / "dicom", tmp_path / version, version)
        affines = [lps_affine(image) for image in images.values()]
        assert len(images) == 4, "magnitude and phase of two echoes"
        assert all((affine == affines[0]).all() for affine in affines)
        for image in (images[stem] for stem in images if "_Mag_" in stem):
            assert at(image, PLACE_LPS_MM)[1] < 0.01
            assert np.linalg.norm(place_of_the_ball(image) - PLACE_LPS_MM) < 0.01
