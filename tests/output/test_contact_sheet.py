"""The contact sheet: every tile is there, legible, windowed as said, the right way round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamrecon.model.geometry import Geometry
from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.output.preview.contact_sheet import contact_sheet
from streamrecon.output.preview.tiles import Window, positive_window, signed_window

_AXIAL = np.eye(3)[::-1]
_TILE, _LABEL, _GAP, _TITLE = 240, 20, 6, 30


def stack(label: str, values: np.ndarray, *, echo: int = 0, te_s: float | None = None) -> Stack:
    geometry = Geometry(values.shape, (2.0, 1.0, 1.0), _AXIAL)
    return Stack(
        values=values,
        geometry=geometry,
        label=label,
        unit="rad" if label == "phase" else "",
        series=0,
        echo=echo,
        te_s=te_s,
        repetition=0,
        channel=0,
        thickness_mm=2.0,
        comments=(),
        meta={},
        header=np.zeros(1, IMAGE)[0],
    )


def tile_of(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    top = _TITLE + row * (_TILE + _LABEL + _GAP) + _LABEL
    left = _GAP + column * (_TILE + _GAP)
    return sheet[top : top + _TILE, left : left + _TILE]


def label_of(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    top = _TITLE + row * (_TILE + _LABEL + _GAP)
    left = _GAP + column * (_TILE + _GAP)
    return sheet[top : top + _LABEL, left : left + _TILE]


@pytest.fixture
def two_echoes() -> list[Stack]:
    """One slice, halves left and right, echoes 100 and 25 (patient's right) on nothing."""
    magnitude = np.zeros((1, 64, 64), np.float32)
    magnitude[:, :, :32] = 100.0  # x grows to L: low x is the patient's right
    phase = np.full((1, 64, 64), np.pi / 2, np.float32)
    return [
        stack("magnitude", magnitude, te_s=0.004),
        stack("phase", phase, te_s=0.004),
        stack("magnitude", magnitude / 4, echo=1, te_s=0.009),
        stack("phase", -phase, echo=1, te_s=0.009),
    ]


def test_echoes_go_to_the_right_and_quantities_down(two_echoes: list[Stack]) -> None:
    sheet = np.asarray(contact_sheet(two_echoes, "phantom"))

    assert sheet.shape[0] == _TITLE + 2 * (_TILE + _LABEL + _GAP) + _GAP
    assert sheet.shape[1] >= 2 * (_TILE + _GAP) + _GAP
    centre = (slice(60, 110), slice(30, 90))  # away from the letters
    assert tile_of(sheet, 0, 0)[centre].mean() == pytest.approx(255, abs=1)
    assert tile_of(sheet, 0, 1)[centre].mean() == pytest.approx(255 / 4, abs=1)
    assert tile_of(sheet, 1, 0)[centre].mean() == pytest.approx(255 * 0.75, abs=1)
    assert tile_of(sheet, 1, 1)[centre].mean() == pytest.approx(255 * 0.25, abs=1)


def test_the_patients_right_is_on_the_left(two_echoes: list[Stack]) -> None:
    tile = tile_of(np.asarray(contact_sheet(two_echoes, "phantom")), 0, 0)

    assert tile[60:110, 30:90].mean() > 250
    assert tile[60:110, 150:210].mean() < 5


def test_every_tile_and_the_sheet_have_words(two_echoes: list[Stack]) -> None:
    sheet = np.asarray(contact_sheet(two_echoes, "phantom"))

    inked = [(label_of(sheet, r, c) > 128).sum() for r in (0, 1) for c in (0, 1)]
    assert min(inked) > 100  # "phase  TE 4.00 ms …": about 20 letters of some 10 pixels
    assert (sheet[:_TITLE] > 128).sum() > 200


def test_wrapped_phase_is_not_smoothed_between_its_two_ends() -> None:
    phase = np.full((1, 32, 32), 3.1, np.float32)
    phase[:, :, 16:] = -3.1

    sheet = np.asarray(contact_sheet([stack("phase", phase)], ""))

    assert set(np.unique(tile_of(sheet, 0, 0)[60:110, 30:210])) == {2, 253}


def test_a_complex_volume_is_shown_by_magnitude_and_phase() -> None:
    values = np.full((1, 64, 64), 50j, np.complex64)

    sheet = np.asarray(contact_sheet([stack("complex", values)], ""))

    assert tile_of(sheet, 0, 0)[60:110, 30:90].mean() == pytest.approx(255, abs=1)
    assert tile_of(sheet, 0, 1)[60:110, 30:90].mean() == pytest.approx(255 * 0.75, abs=1)


def test_complex_volumes_are_not_shown_twice(two_echoes: list[Stack]) -> None:
    both = [*two_echoes, replace(two_echoes[0], label="complex", values=two_echoes[0].values * 1j)]

    assert contact_sheet(both, "").size == contact_sheet(two_echoes, "").size


def test_more_echoes_than_fit_are_continued_below() -> None:
    stacks = [stack("magnitude", np.ones((1, 16, 16), np.float32), echo=e) for e in range(11)]

    sheet = contact_sheet(stacks, "")

    assert sheet.size == (6 * (_TILE + _GAP) + _GAP, _TITLE + 2 * (_TILE + _LABEL + _GAP) + _GAP)


def test_a_slab_is_cut_three_ways_in_true_proportions() -> None:
    values = np.ones((60, 48, 40), np.float32)  # 120 x 48 x 40 mm

    sheet = np.asarray(contact_sheet([stack("magnitude", values)], ""))

    coronal = tile_of(sheet, 1, 0) > 200
    assert coronal.any(axis=1).sum() == _TILE
    assert coronal[20:100].any(axis=0).sum() == pytest.approx(_TILE * 40 / 120, abs=1)


def test_a_single_spike_does_not_darken_the_rest() -> None:
    values = np.full((1, 100, 100), 10.0)
    values[0, 0, 0] = 1e6

    assert positive_window([values]) == Window(0.0, 10.0)


def test_a_signed_map_has_zero_in_the_middle() -> None:
    values = np.array([-0.1, 0.0, 0.3])

    grey = signed_window([values]).grey(np.array([0.0, np.nan, np.inf, -np.inf]))

    assert grey.tolist() == [128, 0, 255, 0]


def test_a_long_title_is_shown_whole_over_a_single_column() -> None:
    short = contact_sheet([stack("magnitude", np.ones((1, 16, 16), np.float32))], "a")
    long = contact_sheet([stack("magnitude", np.ones((1, 16, 16), np.float32))], "a" * 60)

    assert long.width > short.width
    assert (np.asarray(long)[:_TITLE, -20:] > 128).any()
    assert not (np.asarray(long)[:_TITLE, -6:] > 128).any()
