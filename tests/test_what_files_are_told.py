"""What `qsm` and `maps` say of slabs, bottles, phase differences, crops and turned files."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import scanner_scan as scan
from scanner_scan import write_nifti

from streamrecon.cli import main
from streamrecon.commands.image_inputs.complex_files import read_complex_files
from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.errors import DataError

Values = np.ndarray
TURNED = np.array([[1, -1], [0, 1], [2, -1]])
FLIPPED = np.array([[0, -1], [1, 1], [2, -1]])


def pair(folder: Path, values: Values, **changed: object) -> list[str]:
    """Options of magnitude and phase of [X, Y, Z, E]."""
    turned = write_nifti(folder, "phase", np.angle(values), **changed)
    return ["--phase", *turned, "--mag", *write_nifti(folder, "mag", np.abs(values))]


def notices_of(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, *words: str
) -> list[str]:
    quality = ["--set", "quality=fast"] if command == "maps" else ["--quality", "fast"]
    assert main([command, *words, *quality, "-o", str(folder / "out")]) == 0
    return capsys.readouterr().err.splitlines()


def crop(paths: list[str], part: tuple[slice, slice, slice]) -> None:
    for path in paths:
        if path.endswith(".nii.gz"):
            image = nibabel.load(path)
            kept = image.slicer[part]
            np.asarray(kept.dataobj)
            kept.to_filename(path)


def in_another_order(path: Path, order: Values) -> None:
    image = nibabel.load(path)
    turned = image.as_reoriented(order)
    nibabel.Nifti1Image(np.asarray(turned.dataobj), turned.affine).to_filename(path)


@pytest.mark.parametrize("command", ["qsm", "maps"])
def test_a_few_thin_slices_are_a_warning(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = pair(tmp_path, scan.echoes())
    crop(words, np.s_[:, :, 9:13])

    told = notices_of(tmp_path, capsys, command, *words, "--sign", "+1")

    found = "slab too thin for χ: found 8.8 mm of tissue in 4 slices, needed 10 mm in 4"
    (line,) = (line for line in told if "too thin" in line and "preview" not in line)
    assert line.startswith("WRN susceptibility: ")
    assert found in line
    facts = json.loads(next((tmp_path / "out").glob("sub-9_Chimap.json")).read_text("utf-8"))
    assert any(comment.startswith(found) for comment in facts["ImageComments"])


def test_a_local_field_of_one_slice_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, field = scan.field_ppm()
    path = tmp_path / "sub-9_localfield.nii.gz"
    one = (head * field).astype(np.float32)
    one[:, :, :13] = one[:, :, 14:] = 0
    nibabel.Nifti1Image(one, scan.AFFINE).to_filename(path)

    told = notices_of(tmp_path, capsys, "qsm", "--local", str(path), "--b0", "3")

    assert any(line.startswith("WRN slab too thin for χ: found 2.2 mm") for line in told)
    assert any("zero: whole mask" in line for line in told)


def test_a_bottle_has_the_zero_of_its_mask_and_a_mask_that_is_given_that_of_a_brain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*pair(tmp_path, scan.echoes()), "--sign", "+1"]
    mask = tmp_path / "mask.nii.gz"
    nibabel.Nifti1Image(scan.field_ppm()[0].astype(np.uint8), scan.AFFINE).to_filename(mask)

    for name, more, zero in (("a", [], "whole mask"), ("b", ["--mask", str(mask)], "whole brain")):
        folder = tmp_path / name
        told = "\n".join(notices_of(folder, capsys, "qsm", *words, *more))
        facts = json.loads((folder / "out" / "sub-9_Chimap.json").read_text("utf-8"))

        assert f"zero: {zero}" in told
        assert any(text.startswith(f"zero: {zero}") for text in facts["ImageComments"])
        assert ("brain;" in told or "fluid" in told) == (zero == "whole brain")


@pytest.mark.parametrize("command", ["qsm", "maps"])
@pytest.mark.parametrize("is_difference", [True, False])
def test_the_offset_of_a_difference_is_not_told_to_stay(
    command: str, is_difference: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = scan.echoes()
    one = values[..., 2] * values[..., 0].conj() if is_difference else values[..., 2] * 100
    facts = {"EchoTime1": scan.TE_S[0], "EchoTime2": scan.TE_S[2]} if is_difference else {}
    words = pair(tmp_path, (one / 100)[..., None], **facts)

    told = "\n".join(notices_of(tmp_path, capsys, command, *words, "--sign", "+1"))

    assert ("phase offset: cancelled in the difference of two echoes" in told) == is_difference
    assert ("it stays in" in told) != is_difference


def test_a_crop_says_in_words_that_its_outline_tells_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = pair(tmp_path, scan.echoes())
    crop(words, np.s_[9:18, 9:18, 6:15])

    told = "\n".join(notices_of(tmp_path, capsys, "qsm", *words))

    why = "too little of the object lies 40 mm from where the field of view cuts it"
    assert why in next(line for line in told.splitlines() if "outline" in line)
    assert "-, -" not in told


@pytest.mark.parametrize("order", [TURNED, FLIPPED], ids=["turned", "flipped"])
@pytest.mark.parametrize("parts", ["real imag", "phase mag"])
def test_files_whose_axes_a_tool_has_turned_are_put_in_the_order_of_the_first(
    order: Values, parts: str, tmp_path: Path
) -> None:
    values, (one, other) = scan.echoes(), parts.split()
    by_part = {"real": values.real, "imag": values.imag, "phase": np.angle(values)}
    by_part["mag"] = np.abs(values)
    files = [[Path(p) for p in write_nifti(tmp_path, each, by_part[each])] for each in (one, other)]
    read = read_complex_files if one == "real" else read_echo_files
    before = read(*files)
    for path in (*files[1], files[0][2]):  # all of the second part, and an echo of the first
        in_another_order(path, order)

    after = read(*files)

    np.testing.assert_array_equal(after.magnitude, before.magnitude)
    np.testing.assert_array_equal(after.phase, before.phase)
    assert after.geometry.same_as(before.geometry)
    assert not after.doubts


@pytest.mark.parametrize(("part", "first"), [("imag", "real"), ("mag", "phase")])
def test_a_part_at_another_place_is_refused_with_the_difference(
    part: str, first: str, tmp_path: Path
) -> None:
    values = scan.echoes()
    by_part = {"real": values.real, "imag": values.imag, "phase": np.angle(values)}
    by_part["mag"] = np.abs(values)
    files = [
        [Path(p) for p in write_nifti(tmp_path, each, by_part[each])] for each in (first, part)
    ]
    for path in files[1]:
        image = nibabel.load(path)
        moved = image.affine + np.outer([1, 0, 0, 0], [0, 0, 0, 4.0])
        nibabel.Nifti1Image(np.asarray(image.dataobj), moved).to_filename(path)
    read = read_complex_files if first == "real" else read_echo_files

    name = {"imag": "imaginary", "mag": "magnitude"}[part]
    wanted = f"{name}: lies on another grid than the {first} images: corner voxels up to 4 mm away"
    with pytest.raises(DataError, match=wanted):
        read(*files)


def test_files_that_do_not_say_how_they_lie_are_paired_as_they_come(tmp_path: Path) -> None:
    values = scan.echoes()
    sized = [Path(p) for p in write_nifti(tmp_path, "mag", np.abs(values))]
    phase = [Path(p) for p in write_nifti(tmp_path, "phase", np.angle(values))]
    for path in sized:
        image = nibabel.load(path)
        image.header["sform_code"] = image.header["qform_code"] = 0
        data = np.asarray(image.dataobj)
        nibabel.Nifti1Image(data, None, image.header).to_filename(path)

    files = read_echo_files(phase, sized)

    np.testing.assert_array_equal(files.magnitude, np.abs(values).T.astype(np.float32))
    assert any("different places; that of the phase" in doubt for doubt in files.doubts)
