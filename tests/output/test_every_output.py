"""Every output, on every way out: wire, DICOM, NIfTI, pictures; and its words stay."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from itertools import chain
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from every_output import SCAN, dicom_of, facts_of, over_the_wire, volume_of
from narrowing import as_a, given

from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.value_representations import decimal
from streamrecon.errors import DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Image
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode
from streamrecon.output.formats import ScanResults, write_harvest
from streamrecon.output.names import stems
from streamrecon.output.preview.read_back import pictures_of
from streamrecon.output.ras import from_ras

ROOT = Path(__file__).parents[2]
OF_RECORD = json.loads(Path(__file__).with_name("outputs.json").read_text(encoding="utf-8"))
"""By label: what consoles, archives and scripts of sites rely on. Lines are added, not changed."""

every_output = pytest.mark.parametrize("quantity", Quantity, ids=lambda each: each.label)
every_dicom_output = pytest.mark.parametrize(
    "quantity", [each for each in Quantity if each.dicom], ids=lambda each: each.label
)


@pytest.mark.parametrize("label", OF_RECORD)
def test_an_output_keeps_its_numbers_and_words(label: str) -> None:
    (quantity,) = (each for each in Quantity if each.label == label)

    assert facts_of(quantity) == OF_RECORD[label]


def test_every_output_is_on_record() -> None:
    missing = {each.label: facts_of(each) for each in Quantity if each.label not in OF_RECORD}

    assert not missing, f"tests/output/outputs.json lacks {json.dumps(missing)}"


def test_every_output_is_made_by_something() -> None:
    sources = [*(ROOT / "streamrecon").rglob("*.py"), *(ROOT / "gadgets").rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)

    unmade = [each for each in Quantity if not re.search(rf"Quantity\.{each.name}\b", text)]
    assert unmade == []


@pytest.mark.parametrize(
    "name_of",
    [
        lambda each: each.row.series,
        lambda each: each.label,
        lambda each: each.dicom.number if each.dicom else each,
        lambda each: each.dicom.suffix if each.dicom else each,
        lambda each: stems([over_the_wire(volume_of(each))[1]], "p")[0],
        lambda each: each.row.image_type if each.row.part else each,
    ],
    ids=["series", "label", "DICOM number", "DICOM suffix", "file", "image type"],
)
def test_no_two_outputs_share_a_number_or_a_name(name_of: Callable[[Quantity], object]) -> None:
    names = [name_of(each) for each in Quantity]

    assert [each for each, name in zip(Quantity, names, strict=True) if names.count(name) > 1] == []


@every_output
def test_the_words_fit_where_they_go(quantity: Quantity) -> None:
    assert re.fullmatch("[a-z][a-z0-9_]*", quantity.label)
    assert 0 < quantity.row.series < 2**15  # u16 on the wire, read as signed by some
    if quantity.dicom is not None:
        assert 0 < quantity.dicom.number < 100  # the hundreds are the scanner's own series
        assert re.fullmatch("[A-Za-z0-9_]{1,16}", quantity.dicom.suffix)  # also an LUT's label
        assert len(quantity.dicom.image_type) >= 4
        assert float(decimal(quantity.dicom.slope)) == quantity.dicom.slope


@every_output
def test_an_output_comes_over_the_wire_as_what_it_is(quantity: Quantity) -> None:
    volume = volume_of(quantity)
    sent = b"".join(chain(*(encode(image) for image in ImageSeries().images(volume))))

    (message,) = MrdParser().receive(sent)
    image = as_a(Image, message)
    (stack,) = ScanResults(b"", [image]).stacks

    assert (stack.label, stack.unit) == (quantity.label, quantity.unit)
    assert stack.series == quantity.row.series
    np.testing.assert_array_equal(stack.values, volume.values)


@every_dicom_output
def test_the_numbers_can_be_had_back_from_dicom(quantity: Quantity) -> None:
    volume, form = volume_of(quantity), given(quantity.dicom)

    datasets = [pydicom.dcmread(BytesIO(part10(each))) for each in dicom_of(volume).datasets]

    stored = np.stack([each.pixel_array for each in datasets])
    if form.unit is None:  # an arbitrary unit: the brightest voxel takes half of the range
        found, step = stored / stored.max(), 2**-14
    else:
        mapping = datasets[0].RealWorldValueMappingSequence[0]
        found = stored * mapping.RealWorldValueSlope / form.per_unit
        step = mapping.RealWorldValueSlope / form.per_unit
    np.testing.assert_allclose(found, volume.values, rtol=0, atol=0.5001 * step)


@pytest.mark.parametrize("label", ["real", "imaginary", "complex"])
def test_parts_that_dicom_has_no_form_for_are_refused_by_name(label: str) -> None:
    (quantity,) = (each for each in Quantity if each.dicom is None and each.label == label)

    with pytest.raises(DataError, match=f"{label}: has no DICOM form"):
        dicom_of(volume_of(quantity))


@every_output
def test_an_output_becomes_a_nifti_file_and_a_picture(quantity: Quantity, tmp_path: Path) -> None:
    volume = volume_of(quantity)
    (image,) = ImageSeries().images(volume)

    nifti, sheet = write_harvest(ScanResults(b"", [image]), tmp_path, ["nifti", "png"])

    assert nifti.name == f"{stems([over_the_wire(volume)[1]], '')[0]}.nii.gz"
    loaded = nibabel.load(nifti)
    values, grid = from_ras(np.asanyarray(loaded.dataobj), loaded.affine)
    assert grid.same_as(SCAN.geometry)
    np.testing.assert_array_equal(values, volume.values)
    assert json.loads(nifti.with_suffix("").with_suffix(".json").read_text())["Units"] == (
        quantity.unit or "arbitrary"
    )
    assert sheet.stat().st_size > 0
    (scan,) = pictures_of(tmp_path)
    first = scan.cuts[0]
    assert first.shown.unit == quantity.unit
    assert first.window.low < first.window.high


@every_dicom_output
def test_the_conformance_statement_has_a_line_for_every_output(quantity: Quantity) -> None:
    form = given(quantity.dicom)
    text = (ROOT / "docs" / "reference" / "dicom-conformance.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]

    found = [cells for cells in lines if cells[1].strip("`") == f"_{form.suffix}"]

    assert len(found) == 1, f"found {len(found)} lines for _{form.suffix}, needed one"
    (line,) = found
    assert line[0] == str(form.number)
    assert line[2].split("\\") == list(form.image_type)
    assert line[3].split(",")[0] == ("signed" if form.signed else "unsigned")
    assert line[5] == (f"{form.concept.value} {form.concept.scheme}" if form.concept else "–")
