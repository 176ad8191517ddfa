"""The full chain over a socket: what is ready leaves, under names and units that a reader knows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
from chains import CONFIG
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth
from wire_service import reconstructed

from streamrecon.client import Server
from streamrecon.mrd.wire.messages import ConfigText, Image, Message
from streamrecon.output.formats import ScanResults, write_harvest

SCENE = Scene(
    "head for maps", matrix=(40, 64, 60), voxel_mm=(3.6, 3.2, 3.2), n_coils=2, snr=100.0,
    tilt_deg=(10.0, 5.0),
)  # fmt: skip
PACE_S = 3.0
# A smooth head without skull and scalp is not recognised as a brain.
FIND_VEINS = "<name>FindVeins</name>"
ANYWHERE = FIND_VEINS + '<property name="anywhere" value="true"/>'


@dataclass(frozen=True)
class Played:
    """Images in the order they came, and the files the client made of them."""

    images: tuple[Image, ...]
    folder: Path


@pytest.fixture(scope="module")
def played(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The scene at the pace of a scanner."""

    def paced() -> Iterator[Message]:
        messages = list(simulate(SCENE).messages())
        for message in messages:
            yield message
            time.sleep(PACE_S / len(messages))

    text = (CONFIG / "gre_full.xml").read_text("utf-8")
    assert FIND_VEINS in text
    reply = reconstructed(paced(), server, ConfigText(text.replace(FIND_VEINS, ANYWHERE)))
    folder = tmp_path_factory.mktemp("maps")
    write_harvest(ScanResults(header_xml(SCENE), reply.images), folder, ["nifti"])
    return Played(tuple(reply.images), folder)


def quantities(played: Played) -> list[str]:
    return [image.meta["STREAMRECON_Quantity"][0] for image in played.images]


def test_swi_and_its_projection_leave_before_the_susceptibility_map(played: Played) -> None:
    order = quantities(played)
    for early in ("swi", "minip", "chi_preview"):
        assert order.index(early) < order.index("chi"), order
    assert order.index("magnitude") < order.index("swi")


NAMES = {
    "swi": "arbitrary", "minIP": "arbitrary", "tswi": "arbitrary", "desc-tswi_minIP": "arbitrary",
    "Chimap": "ppm", "desc-preview_Chimap": "ppm", "desc-chi_maxIP": "ppm", "R2starmap": "1/s",
    "desc-sd_R2starmap": "1/s", "T2starmap": "s", "fieldmap": "Hz", "mask": "arbitrary",
    "phasequality": "arbitrary", "snr": "arbitrary", "veins": "arbitrary",
}  # fmt: skip


def test_every_map_has_its_name_and_its_unit_in_the_file_beside_it(played: Played) -> None:
    maps = {
        path.name.split("_", 1)[1].removesuffix(".nii.gz"): path
        for path in played.folder.glob("*.nii.gz")
        if "_part-" not in path.name
    }
    assert set(maps) == set(NAMES)
    for name, path in maps.items():
        facts = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert facts["Units"] == NAMES[name], name


def values(played: Played, name: str) -> np.ndarray:
    """[Z, Y, X] of a file; axes as the scanner had them."""
    (path,) = (p for p in played.folder.glob(f"*_{name}.nii.gz") if "_desc-" not in p.name)
    return np.asarray(nibabel.load(path).dataobj).T


def test_the_numbers_in_the_files_are_those_of_the_head(played: Played) -> None:
    known = truth(SCENE)
    mask = values(played, "mask") > 0
    field, rate = values(played, "fieldmap"), values(played, "R2starmap")

    assert mask[known.mask].mean() > 0.8  # it ends inside the surface
    error_hz = field[mask] - known.field_ppm[mask] * 42.577478 * SCENE.b0_t
    assert abs(np.median(error_hz)) < 1.0
    assert np.median(abs(error_hz)) < 2.0
    assert np.median(rate[mask]) == pytest.approx(np.median(known.r2_star_hz[mask]), rel=0.03)
    assert values(played, "snr")[mask].min() > 20


def test_the_projection_in_the_file_lies_between_the_slices_that_it_shows(played: Played) -> None:
    (swi,) = played.folder.glob("*_swi.nii.gz")
    (thin,) = set(played.folder.glob("*_minIP.nii.gz")) - set(played.folder.glob("*_desc-*"))
    source, projected = nibabel.load(swi), nibabel.load(thin)
    middle = source.affine @ (2, 3, 0.5, 1)  # two slices of 3.6 mm
    np.testing.assert_allclose(projected.affine @ (2, 3, 0, 1), middle, atol=1e-3)
    facts = json.loads(thin.with_name(thin.name.replace(".nii.gz", ".json")).read_text())
    assert facts["SliceThickness"] == pytest.approx(7.2)
