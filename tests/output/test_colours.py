"""Windows and colours of pictures: the field's habits, readable without seeing hues."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamrecon.model.outputs.look import Colours
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.colours import (
    Window,
    coloured,
    positive_window,
    signed_window,
    window_of,
)
from streamrecon.output.preview.tiles import words_of

_RAMP = np.linspace(0, 1, 101, dtype=np.float32)


def lightness(colours: Colours) -> np.ndarray:
    """CIE L* of a ramp, after IEC 61966-2-1 and CIE 15:2004."""
    linear = ((coloured(_RAMP, colours) / 255 + 0.055) / 1.055) ** 2.4
    luminance = np.maximum(linear @ (0.2126, 0.7152, 0.0722), 1e-6)
    return np.asarray(116 * np.cbrt(luminance) - 16)


@pytest.mark.parametrize("colours", [Colours.GREY, Colours.SEQUENTIAL])
def test_more_is_lighter(colours: Colours) -> None:
    assert (np.diff(lightness(colours)) > 0).all()


@pytest.mark.parametrize("colours", [Colours.DIVERGING, Colours.CYCLIC])
def test_the_middle_is_the_lightest(colours: Colours) -> None:
    slopes = np.diff(lightness(colours))

    assert (slopes[:50] > 0).all()
    assert (slopes[50:] < 0).all()


def test_both_ends_of_an_angle_are_one_colour() -> None:
    low, high = coloured(np.array([0, 1], np.float32), Colours.CYCLIC)

    assert (low == high).all()


@pytest.mark.parametrize("colours", [Colours.DIVERGING, Colours.CYCLIC])
def test_the_two_sides_differ_in_blue_against_red_which_the_colour_blind_tell_apart(
    colours: Colours,
) -> None:
    below, above = coloured(np.array([0.25, 0.75], np.float32), colours).astype(int)

    assert below[2] - below[0] > 80
    assert above[0] - above[2] > 80


def test_what_is_no_number_is_black() -> None:
    assert (coloured(np.array([np.nan], np.float32), Colours.DIVERGING) == 0).all()


@pytest.mark.parametrize(
    ("quantity", "low", "high", "colours"),
    [
        (Quantity.CHI, -0.15, 0.15, Colours.GREY),
        (Quantity.R2_STAR, 0.0, 60.0, Colours.SEQUENTIAL),
        (Quantity.T2_STAR, 0.0, 0.08, Colours.SEQUENTIAL),
        (Quantity.FIELD, -1.0, 1.0, Colours.DIVERGING),
        (Quantity.FIELD_HZ, -100.0, 100.0, Colours.DIVERGING),
        (Quantity.LOCAL_FIELD, -0.1, 0.1, Colours.GREY),  # DICOM's, in ppb there
        (Quantity.PHASE, -math.pi, math.pi, Colours.CYCLIC),
    ],
    ids=lambda each: getattr(each, "label", ""),
)
def test_a_quantity_has_its_window_whatever_its_values_are(
    quantity: Quantity, low: float, high: float, colours: Colours
) -> None:
    window = window_of(quantity, quantity.unit, [np.array([-7.0, 300.0])])

    assert (window.low, window.high) == pytest.approx((low, high))
    assert window.colours is colours


def test_a_signal_to_noise_ratio_is_windowed_by_its_values_not_by_what_dicom_says() -> None:
    snr = window_of(Quantity.SNR, "", [np.linspace(0.0, 400.0, 1001)])

    assert snr.low == 0.0
    assert snr.high == pytest.approx(398.0)
    assert Quantity.SNR.row.dicom is not None
    assert Quantity.SNR.row.dicom.window == (50.0, 100.0)


def test_a_map_in_another_unit_than_ours_is_windowed_by_its_values() -> None:
    window = window_of(Quantity.CHI, "ppb", [np.array([-80.0, 0.0, 40.0])])

    assert window.high == pytest.approx(80, rel=0.02)
    assert window.low == -window.high


def test_a_strangers_phase_is_known_by_unit_and_range() -> None:
    wrapped = window_of(None, "rad", [np.array([-3.0, 3.0])])
    unwrapped = window_of(None, "rad", [np.array([-30.0, 3.0])])

    assert wrapped.high == pytest.approx(math.pi)
    assert unwrapped.high > 20


def test_a_single_spike_does_not_darken_the_rest() -> None:
    values = np.full((1, 100, 100), 10.0)
    values[0, 0, 0] = 1e6

    assert positive_window([values]) == Window(0.0, 10.0)


def test_a_signed_map_has_zero_in_the_middle() -> None:
    fractions = signed_window([np.array([-0.1, 0.0, 0.3])]).fraction(
        np.array([0.0, np.inf, -np.inf])
    )

    assert fractions == pytest.approx([0.5, 1.0, 0.0])


def test_a_thin_mask_is_seen() -> None:
    mask = np.zeros(10_000)
    mask[17] = 1.0

    assert window_of(None, "", [mask]) == Window(0.0, 1.0)


def test_times_are_told_in_milliseconds() -> None:
    assert words_of(Window(0.0, 0.08), "s") == ("0", "80", "ms")
    assert words_of(Window(0.0, 60.0), "1/s") == ("0", "60", "/s")
