"""Volumes go into files and come back as they were: values, place, quantity."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from narrowing import given
from streamrecon_simulator import SCENES, simulate

import streamrecon as sr
from streamrecon.errors import ConfigError, DataError

SHAPE = (5, 8, 7)
TURNED = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
GRIDS = {
    "axial": np.eye(3)[::-1],
    "oblique": TURNED * np.sign(np.linalg.det(TURNED)) * -1,
    "left-handed": TURNED * np.sign(np.linalg.det(TURNED)),
}


def grid(kind: str) -> sr.Geometry:
    return sr.Geometry(SHAPE, (2.5, 1.25, 1.5), GRIDS[kind], (12.5, -20.0, 31.25))


def chi_map(kind: str) -> sr.Volume:
    """Susceptibility in whole ppb, as DICOM keeps it."""
    ppb = np.random.default_rng(4).integers(-400, 400, SHAPE)
    return sr.volume(ppb / 1e3, grid(kind), "chi", b0_t=3.0, comments=["zero: whole brain"])


@pytest.fixture(scope="module")
def echoes() -> tuple[sr.Volume, ...]:
    return sr.reconstruct(simulate(SCENES["marker"]).messages())


def by_kind(volumes: tuple[sr.Volume, ...]) -> dict[tuple[sr.Quantity, int | None], sr.Volume]:
    return {(volume.quantity, volume.echo): volume for volume in volumes}


@pytest.mark.parametrize("kind", GRIDS)
def test_a_map_comes_back_from_nifti_with_its_unit_and_place(kind: str, tmp_path: Path) -> None:
    chi = chi_map(kind)

    (path,) = [each for each in sr.write(chi, tmp_path) if each.suffix == ".gz"]
    (back,) = sr.read(path)

    np.testing.assert_array_equal(back.values, chi.values)
    assert back.geometry.same_as(chi.geometry, tolerance_mm=1e-3)
    assert (back.quantity, back.echo, back.scan.b0_t) == (sr.Quantity.CHI, None, 3.0)
    assert back.comments == ("zero: whole brain",)


@pytest.mark.parametrize("kind", ["axial", "oblique"])
def test_a_map_comes_back_from_dicom_in_ppm(kind: str, tmp_path: Path) -> None:
    chi = chi_map(kind)

    paths = sr.write(chi, tmp_path, ["dicom"])
    (back,) = sr.read(tmp_path)

    assert len(paths) == SHAPE[0]
    assert back.quantity is sr.Quantity.CHI
    np.testing.assert_allclose(back.values, chi.values, atol=1e-6)
    assert back.geometry.same_as(chi.geometry, tolerance_mm=0.01)


@pytest.mark.parametrize("form", ["nifti", "mrd"])
def test_echoes_of_a_scan_come_back_as_they_were(
    echoes: tuple[sr.Volume, ...], tmp_path: Path, form: str
) -> None:
    sr.write(echoes, tmp_path, [form])

    back = by_kind(sr.read(tmp_path if form == "nifti" else next(tmp_path.glob("*.h5"))))

    assert set(back) == set(by_kind(echoes))
    for key, volume in by_kind(echoes).items():
        np.testing.assert_array_equal(back[key].values, volume.values)
        assert back[key].geometry.same_as(volume.geometry, tolerance_mm=1e-3)
        times = back[key].scan.echoes.times_s()
        echo = given(volume.echo)
        assert times[echo] == pytest.approx(volume.scan.echoes.times_s()[echo])
        assert back[key].scan.phase_sign.value == volume.scan.phase_sign.value


def test_a_sheet_is_drawn_and_unknown_formats_are_refused(
    echoes: tuple[sr.Volume, ...], tmp_path: Path
) -> None:
    assert [path.suffix for path in sr.write(echoes, tmp_path, ["png"])] == [".png"]
    with pytest.raises(ConfigError, match="format: found jpeg"):
        sr.write(echoes, tmp_path, ["jpeg"])
    with pytest.raises(ConfigError, match="found no volume"):
        sr.write([], tmp_path)
    with pytest.raises(ConfigError, match="needed those of an MRD scan"):
        sr.write(chi_map("axial"), tmp_path, ["mrd"])


def test_what_a_file_of_others_does_not_say_has_to_be_given(tmp_path: Path) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    nibabel.Nifti1Image(values.astype(np.float32), np.diag([1, 2, 3, 1])).to_filename(
        tmp_path / "x.nii"
    )

    with pytest.raises(ConfigError, match="x: found no quantity beside it, needed quantity="):
        sr.read(tmp_path / "x.nii")
    with pytest.raises(ConfigError, match="x: found no field strength beside it, needed b0_t="):
        sr.read(tmp_path / "x.nii", quantity="r2star")
    (given,) = sr.read(tmp_path / "x.nii", quantity="r2star", b0_t=1.5)

    np.testing.assert_array_equal(given.values, values.T)
    assert given.geometry.voxel_mm == (3.0, 2.0, 1.0)
    assert given.quantity is sr.Quantity.R2_STAR


def test_a_sidecar_of_others_says_time_and_field(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.ones((2, 3, 4), np.float32), np.eye(4))
    image.to_filename(tmp_path / "m.nii")
    (tmp_path / "m.json").write_text(json.dumps({"EchoTime": 0.02, "MagneticFieldStrength": 7}))

    (volume,) = sr.read(tmp_path / "m.nii", quantity=sr.Quantity.MAGNITUDE)

    assert (volume.scan.b0_t, volume.scan.echoes.te_s, volume.echo) == (7.0, (0.02,), 0)


def test_arrays_that_cannot_be_meant_make_no_volume() -> None:
    good = np.zeros(SHAPE)

    with pytest.raises(DataError, match="values: found"):
        sr.volume(good[1:], grid("axial"), "chi", b0_t=3.0)
    with pytest.raises(DataError, match=r"values: found ±40 .*, needed ppm"):
        sr.volume(good + 40, grid("axial"), "chi", b0_t=3.0)
    with pytest.raises(ConfigError, match="quantity: found 'qsm', needed one of magnitude"):
        sr.volume(good, grid("axial"), "qsm", b0_t=3.0)
    with pytest.raises(ConfigError, match="needed seconds"):
        sr.volume(good, grid("axial"), "phase", b0_t=3.0, te_s=20.0)
    assert sr.volume(good > 1, grid("axial"), "mask", b0_t=3.0).values.dtype == np.float32


def test_a_map_refers_to_the_echo_images_that_are_written_with_it(
    echoes: tuple[sr.Volume, ...], tmp_path: Path
) -> None:
    first = echoes[0]
    chi = replace(first, quantity=sr.Quantity.CHI, echo=None, values=first.values * 0)

    sr.write([chi, *echoes], tmp_path / "all", ["dicom"])
    sr.write([chi, first], tmp_path / "some", ["dicom"])

    read = {
        name: [pydicom.dcmread(path) for path in (tmp_path / name).rglob("*.dcm")]
        for name in ("all", "some")
    }
    uids = {image.SOPInstanceUID for image in read["all"]}
    maps = [image for image in read["all"] if "SourceImageSequence" in image]
    assert len(maps) == first.geometry.shape[0]
    for image in maps:
        told = {item.ReferencedSOPInstanceUID for item in image.SourceImageSequence}
        assert len(told) == len(echoes)
        assert told <= uids
    assert not any("SourceImageSequence" in image for image in read["some"])
