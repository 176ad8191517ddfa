"""The packaged DICOM chain: what its two branches spool belongs together."""

from pathlib import Path

import pydicom
import pytest
from chains import run_chain
from streamrecon_simulator.phantoms.phantom import HEAD
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

SCENE = Scene("head", phantom=HEAD, matrix=(32, 48, 44), voxel_mm=(4.4, 4.2, 4.2), n_coils=2)
DESTINATION = '[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = 9\n'


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[pydicom.Dataset]]:
    """What the chain leaves in the spool, by kind of image."""
    storage: Path = tmp_path_factory.mktemp("storage")
    (storage / "destinations.toml").write_text(DESTINATION)
    run_chain("gre_qsm_dicom.xml", simulate(SCENE).messages(), storage)
    found: dict[str, list[pydicom.Dataset]] = {}
    for file in sorted((storage / "spool" / "batches").glob("*/*.dcm")):
        image = pydicom.dcmread(file)
        found.setdefault(image.SeriesDescription, []).append(image)
    return found


def test_a_susceptibility_slice_names_the_echo_images_of_its_place(
    series: dict[str, list[pydicom.Dataset]],
) -> None:
    (maps,) = [images for name, images in series.items() if name.endswith("QSM_ppb")]
    echoes = {
        image.SOPInstanceUID: image
        for images in series.values()
        for image in images
        if image.ImageType[3] in {"M", "P"} and image.ImageType[0] == "ORIGINAL"
    }

    assert len(maps) == SCENE.matrix[0]
    for image in maps:
        named = [item.ReferencedSOPInstanceUID for item in image.get("SourceImageSequence", ())]
        assert len(set(named)) == 2 * len(SCENE.te_s), "magnitude and phase of every echo"
        assert {tuple(echoes[uid].ImagePositionPatient) for uid in named} == {
            tuple(image.ImagePositionPatient)
        }


def test_all_images_share_study_frame_and_no_number_twice(
    series: dict[str, list[pydicom.Dataset]],
) -> None:
    images = [image for found in series.values() for image in found]

    assert len({image.StudyInstanceUID for image in images}) == 1
    assert len({image.FrameOfReferenceUID for image in images}) == 1
    assert len({image.SOPInstanceUID for image in images}) == len(images)
