"""Images of scanners that cannot be echoes are refused with what was found, or doubted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from images_as_sent import (
    IMAGINARY,
    MAGNITUDE,
    PHASE,
    REAL,
    SCENE,
    TRUTH,
    assembled,
    changed,
    dicom_json,
    radians,
    sent,
)

from streamrecon.errors import DataError, HeaderError
from streamrecon.mrd.wire.messages import Image

DZ, DY, DX = SCENE.voxel_mm


def without(images: list[Image], **fields: int) -> list[Image]:
    return [i for i in images if any(int(i.header[k]) != v for k, v in fields.items())]


def spaced(apart_mm: float) -> list[Image]:
    normal = SCENE.geometry.axes_lps[0]
    first = np.array([1.0, 2.0, 3.0])
    return sent(change=lambda i: changed(i, position=first + i.header["slice"] * apart_mm * normal))


def uneven() -> list[Image]:
    normal = SCENE.geometry.axes_lps[0]
    heights = DZ * np.array([0, 1, 2, 4, 5, 6, 7])
    return sent(change=lambda i: changed(i, position=heights[i.header["slice"]] * normal))


HALF = np.array([1, 0.5, 1])[:, None, None, None]  # of the second echo

REFUSED: dict[str, tuple[Callable[[], list[Image]], str]] = {
    "phase of one echo missing": (
        lambda: without(sent(), image_type=PHASE, contrast=2),
        r"magnitude of 3 \(echoes 1, 2, 3\); phase of 2 \(echoes 1, 2\), needed magnitude and",
    ),
    "no phase": (lambda: sent(kinds=(MAGNITUDE,)), r"found magnitude of 3 .*, needed magnitude"),
    "no magnitude": (lambda: sent(kinds=(PHASE,)), r"found phase of 3 \(echoes 1, 2, 3\), needed"),
    "slices that overlap": (
        lambda: spaced(2.0), r"slices 2 mm apart and 3 mm thick, which overlap"
    ),
    "slices at one place": (
        lambda: spaced(0.0), r"found 7 slices at 1 places, needed as many: 0 mm apart"
    ),
    "gaps wider than slices": (
        lambda: spaced(6.5), r"slices 3 mm thick and 6.5 mm apart, needed gaps no wider"
    ),
    "a slice missing": (lambda: without(sent(), slice=3), r"slices \[3\] of 7 are missing"),
    "a slice missing that is not counted": (
        uneven, r"7 slices .* mm apart with deviations of .* mm, needed equal distances"
    ),
    "one echo in two series that say the same": (
        lambda: [*sent(), *sent(change=lambda i: changed(i, image_series_index=11))],
        r"say they are echo 0 \(series \[.*11.*AssembleImages.series chooses",
    ),
    "magnitude uncorrected, phase corrected": (
        lambda: sent(change=lambda i: changed(
            i, {"ImageTypeValue4": ("DIS2D" if i.header["image_type"] == PHASE else "ND",)}
        )),
        r"magnitude uncorrected; phase with DIS2D, needed one correction",
    ),
    "phase in numbers of nobody": (
        lambda: sent(lambda kind: radians(kind) * (1 if kind == MAGNITUDE else 777)),
        r"phase: found numbers of -2\d\d\d.* needed one of the ranges",
    ),
    "phase of one echo in another scale": (
        lambda: sent(lambda kind: radians(kind) * (1 if kind == MAGNITUDE else HALF)),
        r"found echo 2 to wrap at -1.571 and 1.571 rad",
    ),
    "real parts without a sign": (
        lambda: sent(lambda _: np.abs(TRUTH).astype(np.uint16), kinds=(REAL, IMAGINARY)),
        r"real parts of .* and imaginary ones of .*, needed both with their sign",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_with_what_was_found(name: str) -> None:
    make, reason = REFUSED[name]

    with pytest.raises((DataError, HeaderError), match=reason):
        assembled(make())


def test_magnitudes_in_another_order_are_doubted() -> None:
    _, said = assembled(sent(lambda k: radians(k)[::-1] if k == MAGNITUDE else radians(k)))

    assert any("found echo 2 1.2 times as bright as the one before" in text for text in said)


def test_series_that_did_not_come_are_refused() -> None:
    with pytest.raises(DataError, match=r"found the series \[10, 20\], needed \[7\] of them"):
        assembled(sent(), series="7 10")


def test_a_description_that_cannot_be_read_is_passed_over_and_told() -> None:
    images = sent(change=lambda i: changed(i, {"DicomJson": ("bm8ganNvbg==",)}))

    (echoes,), said = assembled(images)

    assert any("DicomJson: cannot be read, passed over" in text for text in said)
    np.testing.assert_allclose(echoes.data, TRUTH, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"position": (np.nan, 0, 0)}, "needed finite numbers"),
        ({"slice_dir": (np.inf, 0, 0)}, "needed finite numbers"),
    ],
)
def test_places_that_are_no_numbers_are_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(HeaderError, match=reason):
        assembled(sent(change=lambda image: changed(image, **change)))


@pytest.mark.parametrize(
    "tags",
    [
        {"t00180086": float("inf"), "t00180081": 1e400},
        {"t00180086": 70_000, "t00200100": -3},
        {"t00180086": ((1, 2),), "t00080008": ({"a": 1},), "t2005100e": 1e-300, "t00281053": 1e-300,
         "t00281052": 0.0},
        {"t00280030": ("wide", "high"), "t00200032": (0.0,)},
    ],
    ids=["infinite", "beyond", "of other kinds", "no numbers"],
)  # fmt: skip
def test_a_description_that_says_nonsense_changes_nothing(tags: dict[str, object]) -> None:
    images = sent(change=lambda i: changed(i, dicom_json(**tags) if i.header["slice"] else {}))

    (echoes,), _ = assembled(images)

    assert echoes.scan.geometry.same_as(SCENE.geometry, tolerance_mm=1e-3)
    assert echoes.data.shape == TRUTH.shape
