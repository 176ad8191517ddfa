"""Magnitude and phase images of any maker put together by echo and by place."""

from dataclasses import replace

import numpy as np
import pytest
from mrd_headers import header_of

from streamrecon.errors import DataError, HeaderError
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.images.echo_images import echo_pairs
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Image, Meta

PROTOCOL = read_protocol(header_of())
NZ, NY, NX = 3, 4, 5
TIMES_MS = ("4", "9.5")


def image(kind: int, echo: int, slice_: int, te_ms: str = "", **changes: object) -> Image:
    """One slice; its pixels tell kind, echo and slice."""
    header = np.zeros(1, IMAGE)[0]
    header["matrix_size"], header["channels"] = (NX, NY, 1), 1
    header["field_of_view"] = (NX * 1.0, NY * 1.5, 2.0)
    header["read_dir"], header["phase_dir"], header["slice_dir"] = np.eye(3)
    header["position"] = (0, 0, 2.0 * slice_)
    header["image_type"], header["contrast"], header["slice"] = kind, echo, slice_
    for name, value in changes.items():
        header[name] = value
    meta: Meta = {"EchoTime": (te_ms,)} if te_ms else {}
    pixels = np.full((1, 1, NY, NX), 100 * kind + 10 * echo + slice_, np.uint16)
    return Image(header, pixels, meta)


def scan(**changes: object) -> list[Image]:
    """Two echoes of three slices, magnitude and phase, in no good order."""
    return [
        image(kind, echo, k, TIMES_MS[echo], **changes)
        for k in (2, 0, 1)
        for kind in (2, 1)
        for echo in (1, 0)
    ]


def expected(kind: int) -> np.ndarray:
    """Values of the pixels [E, Z]."""
    return 100 * kind + 10 * np.arange(2)[:, None] + np.arange(3)


def check(images: list[Image]) -> None:
    (pair,), _ = echo_pairs(images, PROTOCOL)

    np.testing.assert_array_equal(pair.magnitude[:, :, 0, 0], expected(1))
    np.testing.assert_array_equal(pair.phase[:, :, -1, -1], expected(2))
    assert pair.scan.echoes.te_s == (0.004, 0.0095)
    assert pair.scan.geometry.shape == (NZ, NY, NX)
    assert pair.scan.geometry.voxel_mm == pytest.approx((2.0, 1.5, 1.0))
    assert pair.scan.geometry.centre_lps_mm[2] == pytest.approx(2.0)


def test_slices_come_together_in_any_order() -> None:
    check(scan())


def test_slices_without_a_counter_are_told_apart_by_their_places() -> None:
    check(scan(slice=0))


def test_echoes_without_a_counter_are_told_apart_by_their_times() -> None:
    check(scan(contrast=0))


def test_kinds_in_series_of_their_own_are_paired() -> None:
    images = scan()
    for each in images:
        each.header["image_series_index"] = 7 * each.header["image_type"] + each.header["contrast"]

    check(images)


def test_repetitions_are_pairs_of_their_own() -> None:
    pairs, _ = echo_pairs([*scan(), *scan(repetition=1)], PROTOCOL)

    assert [pair.repetition for pair in pairs] == [0, 1]


def test_an_echo_without_phase_is_refused() -> None:
    images = [i for i in scan() if not (i.header["image_type"] == 2 and i.header["contrast"] == 1)]

    with pytest.raises(DataError, match=r"magnitude of 2 \(echoes 1, 2\); phase of 1 \(echoes 1\)"):
        echo_pairs(images, PROTOCOL)


def test_the_same_echo_twice_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"2 volumes of magnitude that say they are echo 0 \(series \[0\]\)"
    ):
        echo_pairs([*scan(), *scan()], PROTOCOL)


def test_phase_at_another_place_is_refused() -> None:
    images = [
        replace(i, header=moved(i.header)) if i.header["image_type"] == 2 else i for i in scan()
    ]

    with pytest.raises(DataError, match="lies at another place"):
        echo_pairs(images, PROTOCOL)


def moved(header: np.void) -> np.void:
    """The header of an image 3 mm away."""
    there = header.copy()
    there["position"][0] += 3
    return there


def test_echo_times_that_nobody_gives_are_missed() -> None:
    images = [replace(i, meta={}) for i in scan()]
    silent = replace(PROTOCOL, echoes=replace(PROTOCOL.echoes, te_s=(), readout_polarity=()))

    with pytest.raises(HeaderError, match="TE: found 0 in the header for 2 echoes"):
        echo_pairs(images, silent)
