"""Raw k-space through a socket: χ of both signs, at its place, on the wire and in files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from chains import CONFIG
from nuclei_scene import HEAD, slope
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Orientation, Scene
from streamrecon_simulator.truth import voxel_centres
from wire_images import file_places_lps_mm, of_type
from wire_service import reconstructed

from streamrecon.client import Reply, Server
from streamrecon.mrd.files.hdf5_writer import FileWriter
from streamrecon.mrd.files.open_scan import open_scan
from streamrecon.mrd.wire.messages import ConfigFile, ConfigText, Header, Image
from streamrecon.output.formats import ScanResults, write_harvest

SCANS = {
    "axial, falling phase": replace(HEAD, phase_sign=-1),
    "doubly oblique": replace(HEAD, tilt_deg=(25.0, -15.0), centre_lps_mm=(3.0, -4.0, 5.0)),
    "sagittal, left-handed, falling phase": replace(
        HEAD, orientation=Orientation.SAGITTAL, left_handed=True, phase_sign=-1
    ),
}

Answer = tuple[Scene, Reply, Path]


@pytest.fixture(scope="module", params=list(SCANS.values()), ids=list(SCANS))
def answer(
    server: Server, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Answer:
    """A scan, what came back, and the folder with the files of it."""
    scene: Scene = request.param
    reply = reconstructed(simulate(scene).messages(), server, ConfigFile("gre_qsm"))
    folder = tmp_path_factory.mktemp("chi")
    write_harvest(ScanResults(header_xml(scene), reply.images), folder, ["nifti"])
    return scene, reply, folder


def ppb_of(images: tuple[Image, ...], label: str) -> np.ndarray:
    """The one volume [Z, Y, X] of a quantity, as a host that ignores every scale shows it."""
    (image,) = (image for image in images if image.meta["STREAMRECON_Quantity"] == (label,))
    assert image.data.dtype == np.int16
    return np.asarray(image.data[0].astype(np.float64))


def test_the_map_has_slope_and_sign_of_its_sources(answer: Answer) -> None:
    scene, reply, _ = answer

    ratio, rmse_ppb, regions = slope(1e-3 * ppb_of(reply.images, "chi"), scene)

    print(f"\nraw k-space → χ: slope {ratio:.3f}, regions' RMSE {rmse_ppb:.1f} ppb ({regions})")
    assert 0.97 < ratio < 1.03
    assert rmse_ppb < 10


def test_the_preview_has_slope_and_sign_too(answer: Answer) -> None:
    scene, reply, _ = answer

    ratio, rmse_ppb, _ = slope(1e-3 * ppb_of(reply.images, "chi_preview"), scene)

    assert 0.97 < ratio < 1.03
    assert rmse_ppb < 10


def test_the_file_is_the_map_in_ppm_at_its_place(answer: Answer) -> None:
    scene, reply, folder = answer

    file = nibabel.load(folder / "simulated-gre_Chimap.nii.gz")

    np.testing.assert_allclose(file.get_fdata(), 1e-3 * ppb_of(reply.images, "chi").T, atol=1e-6)
    places = file_places_lps_mm(file)
    np.testing.assert_allclose(places.transpose(2, 1, 0, 3), np.moveaxis(
        voxel_centres(scene.geometry), 0, -1), atol=1e-3)  # fmt: skip
    facts = json.loads((folder / "simulated-gre_Chimap.json").read_text())
    assert facts["Units"] == "ppm"
    assert facts["PhaseSign"] == scene.phase_sign
    is_brain = any(comment.startswith("mask: a brain") for comment in facts["ImageComments"])
    zero = f"zero: whole {'brain' if is_brain else 'mask'}"
    assert any(comment.startswith(zero) for comment in facts["ImageComments"])
    assert (folder / "simulated-gre_desc-preview_Chimap.nii.gz").is_file()


def sent_back(scene: Scene, reply: Reply, server: Server, path: Path) -> Reply:
    """What the chain for images makes of the magnitude and phase of a reply."""
    with FileWriter(path) as file:
        file.write(Header(header_xml(scene)))
        for image in of_type(reply.images, 1) + of_type(reply.images, 2):
            file.write(image)
    return reconstructed(open_scan(path), server, ConfigFile("gre_qsm_images"))


def test_images_sent_back_in_give_the_map_of_raw_data(server: Server, tmp_path: Path) -> None:
    """Where neither chain knows the noise: what is known of it chooses the strength."""
    scene = replace(SCANS["sagittal, left-handed, falling phase"], noise_lines=0)
    whitening = "<gadget><name>WhitenNoise</name></gadget>"
    text = (CONFIG / "gre_qsm.xml").read_text()
    assert whitening in text
    chain = ConfigText(text.replace(whitening, ""))
    reply = reconstructed(simulate(scene).messages(), server, chain)

    again = sent_back(scene, reply, server, tmp_path / "images.h5")

    # magnitude and phase are rounded to float32, the maps to whole ppb, nothing else differs
    difference = ppb_of(again.images, "chi") - ppb_of(reply.images, "chi")
    assert np.abs(difference).max() <= 1
    assert len(of_type(again.images, 1)) == len(scene.te_s)


def test_noise_that_is_measured_in_the_images_changes_the_map_little(
    answer: Answer, server: Server, tmp_path: Path
) -> None:
    scene, reply, _ = answer

    again = sent_back(scene, reply, server, tmp_path / "images.h5")

    chi = ppb_of(reply.images, "chi")
    difference = ppb_of(again.images, "chi") - chi
    # whitening makes the noise known; the images show it 6 to 8 % too large, and λ goes with it:
    # the map changes by less than half as much
    assert difference.std() < 0.04 * chi.std()
    ratios = [slope(1e-3 * ppb_of(one.images, "chi"), scene)[0] for one in (reply, again)]
    assert ratios[1] == pytest.approx(ratios[0], abs=0.005)


def test_a_scan_of_noise_ends_in_peace_with_its_echoes_and_a_warning(server: Server) -> None:
    scene = replace(HEAD, matrix=(16, 18, 20), voxel_mm=(10.0, 10.0, 10.0), snr=1e-4)

    reply = reconstructed(simulate(scene).messages(), server, ConfigFile("gre_qsm"))

    assert len(of_type(reply.images, 1)) == len(of_type(reply.images, 2)) == len(scene.te_s)
    assert len(reply.images) == 2 * len(scene.te_s)
    assert any("WRN branch qsm ended" in str(notice) for notice in reply.notices)
