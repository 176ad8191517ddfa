"""The marker comes back at its place in the patient, on the wire and in the client's file."""

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from streamrecon_simulator.phantoms.phantom import MARKER
from streamrecon_simulator.scene import Orientation, Scene
from wire_images import MAGNITUDE, all_places_lps_mm, file_places_lps_mm, of_type, volume
from wire_service import Answer, answer_in_files

from streamrecon.client import Server

PLACE_LPS_MM = MARKER.parts[0].shape.centre_mm
OFF_CENTRE = (9.0, -5.0, 4.0)
# Two coils: their sensitivities vary by a few percent over the ball, a hundredth of a voxel.
SCENE = Scene(
    "marker", phantom=MARKER, matrix=(20, 28, 24), voxel_mm=(3.0, 2.5, 2.0), te_s=(0.005,),
    n_coils=2, snr=float("inf"), noise_lines=0, supersampling=3,
)  # fmt: skip
OBLIQUE = replace(SCENE, tilt_deg=(25.0, -15.0), centre_lps_mm=OFF_CENTRE)
SLABS = {
    "axial": SCENE,
    "axial, off centre, odd": replace(
        SCENE, matrix=(21, 27, 25), oversampling=(1.0, 1.0, 1.0), centre_lps_mm=OFF_CENTRE
    ),
    "sagittal": replace(SCENE, orientation=Orientation.SAGITTAL),
    "coronal, odd": replace(SCENE, orientation=Orientation.CORONAL, matrix=(19, 27, 25)),
    "doubly oblique": OBLIQUE,
    "left-handed, oblique": replace(OBLIQUE, left_handed=True),
    "zero-filled, odd": replace(OBLIQUE, recon_matrix=(25, 35, 31)),
    "slices, oblique": replace(OBLIQUE, slices=True),
    "odd slices with gaps, left-handed": replace(
        SCENE, matrix=(21, 27, 25), slices=True, gap_mm=0.5, left_handed=True,
        orientation=Orientation.SAGITTAL, centre_lps_mm=OFF_CENTRE,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=list(SLABS.values()), ids=list(SLABS))
def answer(
    server: Server, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Answer:
    """What came back, and the files of it."""
    return answer_in_files(request.param, server, tmp_path_factory.mktemp("marker"))


def centre_of_mass(magnitude: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of the energy: the ringing around the ball weighs little, and the same on all sides."""
    weights = np.abs(magnitude.astype(np.float64)) ** 2
    return np.asarray((weights[..., None] * places).sum(axis=(0, 1, 2)) / weights.sum())


def off_by_voxels(place_lps_mm: np.ndarray, scene: Scene) -> np.ndarray:
    """Distance from the marker's place along the scan's z, y and x axes."""
    away = scene.geometry.axes_lps @ (place_lps_mm - np.array(PLACE_LPS_MM))
    return np.asarray(away / scene.geometry.voxel_mm)


def test_the_marker_is_at_its_place_by_the_images_own_headers(answer: Answer) -> None:
    images = of_type(answer.images, MAGNITUDE)

    found = centre_of_mass(volume(images), all_places_lps_mm(images))

    assert np.abs(off_by_voxels(found, answer.scene)).max() < 0.1


def test_the_meta_names_the_same_directions_as_the_header(answer: Answer) -> None:
    for image in answer.images:
        for name, field in (
            ("ImageRowDir", "read_dir"),
            ("ImageColumnDir", "phase_dir"),
            ("ImageSliceNormDir", "slice_dir"),
        ):
            told = np.array([float(text) for text in image.meta[name]])
            np.testing.assert_allclose(told, image.header[field], atol=1e-6)


def test_the_marker_is_at_its_place_in_the_file(answer: Answer) -> None:
    file = nibabel.load(answer.folder / "simulated-gre_echo-1_part-mag_MEGRE.nii.gz")

    found = centre_of_mass(file.get_fdata(), file_places_lps_mm(file))

    assert np.abs(off_by_voxels(found, answer.scene)).max() < 0.1


def test_every_voxel_of_the_file_is_the_one_on_the_wire(answer: Answer) -> None:
    images = of_type(answer.images, MAGNITUDE)
    file = nibabel.load(answer.folder / "simulated-gre_echo-1_part-mag_MEGRE.nii.gz")

    places = file_places_lps_mm(file)

    np.testing.assert_array_equal(file.get_fdata(dtype=np.float32).T, volume(images))
    np.testing.assert_allclose(places.transpose(2, 1, 0, 3), all_places_lps_mm(images), atol=1e-3)
    np.testing.assert_allclose(file.get_qform(), file.get_sform(), atol=1e-4)
