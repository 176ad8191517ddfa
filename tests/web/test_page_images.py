"""Slices are drawn where the patient's sides are, in the window that was asked for."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from dicom_scans import GRIDS, scan_of
from narrowing import all_of, as_a
from PIL import Image as Picture

from streamrecon.errors import DataError, HeaderError
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.look import Colours
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Close, Header, Image, Message
from streamrecon.mrd.wire.writer import encode
from streamrecon.output.preview.shown import Shown
from streamrecon.web.downloads import zipped
from streamrecon.web.image_files import ImageFiles, NoImagesError
from streamrecon.web.pictures import Wanted, facts_of, slice_png

GRID = Geometry((21, 40, 32), (3.0, 1.0, 1.5), np.eye(3)[::-1])  # z to S, y to P, x to L
HEADER = Header(
    b"<ismrmrdHeader><experimentalConditions><H1resonanceFrequency_Hz>123200000"
    b"</H1resonanceFrequency_Hz></experimentalConditions></ismrmrdHeader>"
)


def spot(z: int, y: int, x: int, value: float = 0.2) -> Shown:
    values = np.zeros(GRID.shape, np.float32)
    values[z, y, x] = value
    return Shown("chi", values, GRID, "ppm", Quantity.CHI)


def drawn(volume: Shown, plane: str, number: int, **more: Any) -> np.ndarray:
    wanted = Wanted(plane, number, -0.2, 0.2, Colours.GREY)
    overlay = more.pop("overlay", None)
    png = slice_png(volume, replace(wanted, **more), overlay)
    return np.array(Picture.open(io.BytesIO(png)))


@pytest.mark.parametrize(
    ("plane", "number", "where"),
    [
        ("axial", 15, ((30 + 0.5) / 40, (4 + 0.5) / 32)),  # rows to posterior, columns to left
        ("coronal", 30, ((20 - 15 + 0.5) / 21, (4 + 0.5) / 32)),  # rows to inferior
        ("sagittal", 4, ((20 - 15 + 0.5) / 21, (30 + 0.5) / 40)),
    ],
)
def test_a_voxel_is_drawn_at_its_place_in_its_slice_alone(
    plane: str, number: int, where: tuple[float, float]
) -> None:
    volume = spot(15, 30, 4)

    here = drawn(volume, plane, number)[..., 0].astype(float)
    beside = drawn(volume, plane, number + 1)[..., 0]

    peak = np.array(np.unravel_index(here.argmax(), here.shape)) + 0.5
    assert np.abs(peak / here.shape - where).max() < 0.5 / 21
    assert np.ptp(beside) == 0


def test_a_picture_has_the_proportions_of_the_patient() -> None:
    sizes = {plane: drawn(spot(1, 1, 1), plane, 1).shape for plane in ("axial", "coronal")}

    assert sizes["axial"][1] / sizes["axial"][0] == pytest.approx(48 / 40, abs=0.01)
    assert sizes["coronal"][1] / sizes["coronal"][0] == pytest.approx(48 / 63, abs=0.01)


def test_the_window_goes_from_black_to_white_and_keeps_the_sign() -> None:
    values = np.broadcast_to(np.linspace(-0.2, 0.2, 32, dtype=np.float32), GRID.shape)
    ramp = Shown("chi", values, GRID, "ppm", Quantity.CHI)

    row = drawn(ramp, "axial", 3)[10, :, 0].astype(int)
    narrow = drawn(ramp, "axial", 3, low=-0.1, high=0.1)[10, :, 0]

    assert (row[0], row[-1]) == (0, 255)
    assert (np.diff(row) >= 0).all()
    assert (narrow[: len(narrow) // 5] == 0).all()
    assert (narrow[-len(narrow) // 5 :] == 255).all()


def test_an_outline_follows_the_mask_and_leaves_its_inside() -> None:
    inside = np.zeros(GRID.shape, np.float32)
    inside[:, 10:30, 8:24] = 1
    mask = Shown("mask", inside, GRID, "", Quantity.MASK)
    plain, lined = (drawn(spot(1, 1, 1), "axial", 3, overlay=o) for o in (None, mask))

    changed = (plain != lined).any(axis=-1)
    rows, columns = np.nonzero(changed)
    high, wide = changed.shape
    assert abs(rows.min() / high - 10 / 40) < 0.01
    assert abs((rows.max() + 1) / high - 30 / 40) < 0.01
    assert abs(columns.min() / wide - 8 / 32) < 0.01
    assert not changed[high // 2, wide // 2]


def test_a_mask_of_another_grid_and_a_slice_beyond_the_end_are_refused() -> None:
    other = Geometry((5, 40, 32), (3.0, 1.0, 1.5), np.eye(3)[::-1])
    mask = Shown("mask", np.ones(other.shape, np.float32), other, "", Quantity.MASK)

    with pytest.raises(DataError, match="another grid"):
        drawn(spot(1, 1, 1), "axial", 3, overlay=mask)
    with pytest.raises(DataError, match="found 21, needed 0 to 20"):
        drawn(spot(1, 1, 1), "axial", 21)


def test_the_page_is_told_window_planes_and_letters() -> None:
    (facts,) = all_of(dict, facts_of([spot(1, 1, 1)]))

    assert (facts["label"], facts["unit"], facts["colours"]) == ("chi", "ppm", "grey")
    assert facts["low"] == -facts["high"] < 0
    planes = [(p["name"], p["edges"]) for p in facts["planes"]]
    assert planes == [("axial", "RLAP"), ("coronal", "RLSI"), ("sagittal", "APSI")]
    assert facts["counts"] == {"axial": 21, "coronal": 40, "sagittal": 32}


def test_the_page_begins_where_the_section_is_large_and_the_map_departs_from_tissue() -> None:
    """An egg off the centre, with a nucleus off the egg's: closed forms on an anisotropic grid."""
    z, y, x = (
        (np.arange(n) - n // 2).reshape([-1 if axis == other else 1 for other in range(3)]) * mm
        for axis, (n, mm) in enumerate(zip(GRID.shape, GRID.voxel_mm, strict=True))
    )
    egg = ((z - 9) / 15) ** 2 + ((y - 4) / 11) ** 2 + ((x + 6) / 12) ** 2 < 1
    nucleus = (z - 12) ** 2 + (y - 7) ** 2 + (x + 3) ** 2 < 16
    magnitude = Shown("magnitude", egg.astype(np.float32), GRID, "", Quantity.MAGNITUDE)
    chi = Shown("chi", nucleus.astype(np.float32) * 0.3, GRID, "ppm", Quantity.CHI)
    far = Geometry(GRID.shape, (3.0, 2.0, 1.5), GRID.axes_lps)
    of_others = Shown("other", np.zeros(GRID.shape, np.float32), far, "", None)

    plain, *_ = facts_of([magnitude])
    striking, mapped, other = facts_of([magnitude, chi, of_others])

    # z of 21 x 3 mm, y of 40 x 1 mm, x of 32 x 1.5 mm, each counted from the grid's corner
    assert plain["start"] == {"axial": 10 + 3, "coronal": 20 + 4, "sagittal": 16 - 4}
    assert striking["start"] == mapped["start"]
    assert striking["start"] == {"axial": 10 + 4, "coronal": 20 + 7, "sagittal": 16 - 2}
    assert other["start"] == {"axial": 10, "coronal": 20, "sagittal": 16}
    assert facts_of([]) == []


def kept(folder: Path) -> bytes:
    """A kept scan with two echoes of magnitude and a map."""
    scan = scan_of(GRIDS["even"])
    shape = scan.geometry.shape
    values = np.random.default_rng(0).uniform(0.1, 1, shape).astype(np.float32)
    volumes = [
        Volume(values, scan.geometry, Quantity.MAGNITUDE, scan, echo=0),
        Volume(values / np.float32(2), scan.geometry, Quantity.MAGNITUDE, scan, echo=1),
        Volume(values - np.float32(0.5), scan.geometry, Quantity.CHI, scan),
    ]
    messages: list[Message] = [
        HEADER,
        *(
            image
            for volume in volumes
            for image in images_of(volume, series=volume.quantity.row.series)
        ),
        Close(),
    ]
    (folder / "images").mkdir(exist_ok=True)
    return b"".join(bytes(piece) for message in messages for piece in encode(message))


def test_images_are_read_while_they_arrive_in_pieces_of_any_size(tmp_path: Path) -> None:
    stream = kept(tmp_path)
    path = tmp_path / "images" / "a.mrd.part"
    files, seen = ImageFiles(tmp_path), []
    for end in [*range(0, len(stream), 997), len(stream)]:
        path.write_bytes(stream[:end])
        try:
            seen.append(len(files.volumes("a.mrd")))
        except NoImagesError:
            seen.append(0)
    path.rename(tmp_path / "images" / "a.mrd")

    whole = files.volumes("a.mrd")

    assert sorted(seen) == seen
    assert set(seen) == {0, 1, 2, 3}
    assert [(v.label, v.te_s) for v in whole] == [
        ("magnitude", 0.005),
        ("magnitude", 0.0125),
        ("chi", None),
    ]
    assert whole[2].values == pytest.approx(as_a(np.ndarray, whole[0].values) - 0.5, abs=1e-5)


def test_images_without_a_place_hide_no_others(tmp_path: Path) -> None:
    stream = kept(tmp_path)
    placeless = np.zeros(1, IMAGE)[0]
    placeless["image_series_index"] = 4
    odd = b"".join(map(bytes, encode(Image(placeless, np.ones((1, 1, 2, 3), np.float32)))))
    (tmp_path / "images" / "a.mrd").write_bytes(stream[:-2] + odd + stream[-2:])
    (tmp_path / "images" / "b.mrd").write_bytes(odd)

    labels = [volume.label for volume in ImageFiles(tmp_path).volumes("a.mrd")]

    assert labels == ["magnitude", "magnitude", "chi"]
    with pytest.raises(HeaderError, match="voxel size"):
        ImageFiles(tmp_path).volumes("b.mrd")


@pytest.mark.parametrize("name", ["", "../web-token", "/etc/passwd", "gone.mrd", ".."])
def test_names_that_are_no_kept_file_find_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "web-token").write_text("secret")

    with pytest.raises(NoImagesError):
        ImageFiles(tmp_path).volumes(name)


def test_only_the_last_sessions_stay_in_memory(tmp_path: Path) -> None:
    stream = kept(tmp_path)
    files = ImageFiles(tmp_path)
    for n in range(6):
        (tmp_path / "images" / f"{n}.mrd").write_bytes(stream)
        files.volumes(f"{n}.mrd")

    assert len(files._opened) == 3


def test_a_download_holds_every_volume_with_its_numbers(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    stream = kept(tmp_path)
    (tmp_path / "images" / "a.mrd").write_bytes(stream)
    files = ImageFiles(tmp_path)

    path = zipped(files, "a.mrd", "nifti")

    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".nii.gz")]
        archive.extractall(tmp_path / "made")
    (chi,) = [name for name in names if "Chimap" in name]
    values = nibabel.load(tmp_path / "made" / chi).get_fdata()
    assert len(names) == 3
    assert np.sort(values.ravel()) == pytest.approx(
        np.sort(files.volumes("a.mrd")[2].values.ravel()), abs=1e-6
    )
