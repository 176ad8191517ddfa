"""`streamrecon show`: a folder of results, in whichever format, on one page."""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan

from streamrecon.cli import main
from streamrecon.errors import DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.cuts import Cuts
from streamrecon.output.preview.planes import View, planes_of
from streamrecon.output.preview.read_back import pictures_of

CHAIN = """<configuration><version>2</version><stream>
<gadget><name>WhitenNoise</name></gadget><gadget><name>AssembleKSpace</name></gadget>
<gadget><name>CombineCoils</name></gadget><gadget><name>EchoImages</name></gadget>
<gadget><name>SendDicom</name></gadget></stream></configuration>"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The oblique marker in all formats."""
    folder = tmp_path_factory.mktemp("show")
    write_scan(simulate(SCENES["marker"]), folder / "marker.h5")
    (folder / "chain.xml").write_text(CHAIN)
    chain = str(folder / "chain.xml")
    assert main(["replay", str(folder / "marker.h5"), "--config", chain, "-o", str(folder)]) == 0
    return folder / "marker"


def only(results: Path, folder: Path, pattern: str) -> Path:
    """A folder that has the results of one format alone."""
    for file in results.rglob(pattern):
        shutil.copy(file, folder)
    return folder


def magnitudes_of(folder: Path) -> list[Cuts]:
    return [
        each
        for scan in pictures_of(folder)
        for each in scan.cuts
        if each.shown.quantity is Quantity.MAGNITUDE
    ]


def test_the_page_needs_no_other_file_and_has_every_volume(results: Path, tmp_path: Path) -> None:
    status = main(["show", str(results), "-o", str(tmp_path)])

    page = (tmp_path / "show.html").read_text()
    assert status == 0
    assert page.count("<article") == 4  # magnitude and phase of two echoes
    assert set(re.findall(r'(?:src|href|url)[=(]"?([^"]{5})', page)) == {"data:"}
    assert "-3.14 to 3.14 rad" in page
    assert "<dt>EchoTime</dt><dd>0.005</dd>" in page
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert len(pictures) == 1 + 4  # the sheet, and the planes of each
    brightest = max(
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each)))).max() for each in pictures
    )
    assert brightest == 255
    with Image.open(tmp_path / "show.png") as sheet:
        assert sheet.width > sheet.height / 2


@pytest.mark.parametrize("pattern", ["*_images.h5", "*.dcm"])
def test_every_format_shows_the_same_voxels_at_the_same_place(
    results: Path, tmp_path: Path, pattern: str
) -> None:
    nifti = next(each for each in magnitudes_of(results) if each.shown.te_s == 0.005)

    others = magnitudes_of(only(results, tmp_path, pattern))

    assert len(others) == 2
    place = nifti.shown.geometry
    same = [each for each in others if each.shown.geometry.same_as(place, tolerance_mm=0.01)]
    assert same
    ratios = []
    for p in same:
        one, other = (
            planes_of(each.shown.values, place, View())[0].pixels.astype(float)
            for each in (p, nifti)
        )
        ratios.append(np.corrcoef(one.ravel(), other.ravel())[0, 1])
    assert max(ratios) > 0.999


@pytest.mark.parametrize("pattern", ["*.nii.gz", "*_images.h5"])
def test_of_many_scans_each_has_a_row(results: Path, tmp_path: Path, pattern: str) -> None:
    for name in ("monday", "tuesday"):
        (tmp_path / name).mkdir()
        only(results, tmp_path / name, pattern)

    assert main(["show", str(tmp_path)]) == 0

    page = (tmp_path / "show.html").read_text()
    assert page.count("<section") == 2
    assert page.count("<article") == 0
    assert page.index("monday") < page.index("tuesday")


def test_a_strangers_bids_names_say_what_is_in_them(results: Path, tmp_path: Path) -> None:
    for file in results.glob("*_part-*.nii.gz"):
        image = nibabel.load(file)
        nibabel.save(image, tmp_path / file.name.removeprefix("simulated-gre"))  # no JSON beside it

    (scan,) = pictures_of(tmp_path)

    assert [each.shown.quantity for each in scan.cuts].count(Quantity.MAGNITUDE) == 2


def test_names_from_a_folder_are_text_and_not_markup(results: Path, tmp_path: Path) -> None:
    source = next(results.glob("*echo-1_part-mag*.nii.gz"))
    shutil.copy(source, tmp_path / "a<b>&c.nii.gz")

    main(["show", str(tmp_path)])

    page = (tmp_path / "show.html").read_text()
    assert "a&lt;b&gt;&amp;c" in page
    assert "<b>" not in page


def test_an_empty_folder_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path)]) == 2
    assert "found no NIfTI, MRD or DICOM images" in capsys.readouterr().err


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.nii.gz").write_bytes(b"no image")

    with pytest.raises(DataError, match=r"broken\.nii\.gz"):
        list(pictures_of(tmp_path))
