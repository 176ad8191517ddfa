"""The page of a scan: everything is there, in its colours, cut where something is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.look import Kind
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.caption import Caption
from streamrecon.output.preview.cuts import LEADING, Cuts, by_kind, cuts_of, leading
from streamrecon.output.preview.scan_sheet import contact_sheet, rows_sheet, scan_row
from streamrecon.output.preview.shown import Shown
from streamrecon.output.preview.tiles import draw_plane

_AXIAL = np.eye(3)[::-1]  # x grows to L, y to P, z to S
WORDS = Caption("GRE 3D", ("64 x 64 x 1 voxels",), ())


def shown(
    quantity: Quantity,
    values: NDArray[np.generic],
    *,
    te_s: float | None = None,
    voxel_mm: tuple[float, float, float] = (2.0, 1.0, 1.0),
) -> Shown:
    geometry = Geometry(values.shape, voxel_mm, _AXIAL)
    return Shown(quantity.label, values, geometry, quantity.unit, quantity, te_s)


def half(value: float, shape: tuple[int, int, int] = (1, 64, 64)) -> NDArray[np.float32]:
    """The patient's right half of a slice on nothing."""
    values = np.zeros(shape, np.float32)
    values[..., : shape[2] // 2] = value
    return values


def drawn(cuts: Cuts, plane: int = 0) -> NDArray[np.uint8]:
    """One plane, a pixel to a millimetre."""
    smooth = not cuts.shown.is_angle
    return np.asarray(draw_plane(cuts.planes[plane], cuts.window, 1.0, smooth=smooth))


@pytest.fixture
def two_echoes() -> list[Shown]:
    """Echoes 100 and 25 on nothing, phase +π/2 and -π/2 everywhere."""
    return [
        shown(Quantity.MAGNITUDE, half(100.0), te_s=0.004),
        shown(Quantity.PHASE, np.full((1, 64, 64), np.pi / 2, np.float32), te_s=0.004),
        shown(Quantity.MAGNITUDE, half(25.0), te_s=0.009),
        shown(Quantity.PHASE, np.full((1, 64, 64), -np.pi / 2, np.float32), te_s=0.009),
    ]


def test_echoes_of_a_quantity_share_a_window_so_that_their_decay_is_seen(
    two_echoes: list[Shown],
) -> None:
    first, _, second, _ = cuts_of(two_echoes)

    bright, dark = (drawn(each)[20:40, 10:22].mean() for each in (first, second))
    assert bright == pytest.approx(255, abs=1)
    assert dark == pytest.approx(255 / 4, abs=1)


def test_the_patients_right_is_on_the_left(two_echoes: list[Shown]) -> None:
    picture = drawn(cuts_of(two_echoes)[0])

    width = picture.shape[1]
    assert picture[:, width // 8].mean() > 250
    assert picture[:, -2].mean() < 5


def test_phase_is_left_out_where_there_is_no_object(two_echoes: list[Shown]) -> None:
    _, phase, *_ = cuts_of(two_echoes)

    (plane,) = phase.planes
    assert np.isfinite(plane.pixels[:, 5:30]).all()
    assert np.isnan(plane.pixels[:, 36:]).all()
    assert (drawn(phase)[:, 37:] == 0).all()


def test_wrapped_phase_is_not_mixed_between_its_two_ends() -> None:
    phase = np.full((1, 32, 32), 3.1, np.float32)
    phase[:, :, 16:] = -3.1

    (cuts,) = cuts_of([shown(Quantity.PHASE, phase)])
    picture = np.asarray(draw_plane(cuts.planes[0], cuts.window, 7.3, smooth=False))

    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2
    assert np.abs(np.diff(picture.astype(int), axis=1)).max() < 12  # both ends are one colour


def test_maps_are_left_out_where_they_are_zero_throughout_but_not_where_one_voxel_is() -> None:
    chi = np.full((1, 32, 32), 0.05, np.float32)
    chi[:, :, 20:] = 0.0
    chi[:, 7, 7] = 0.0

    (cuts,) = cuts_of([shown(Quantity.CHI, chi)])

    known = np.isfinite(cuts.planes[0].pixels)
    assert known[:, :20].all()
    assert not known[:, 20:].any()


@pytest.mark.parametrize("masked", [False, True])
def test_zeros_that_were_rounded_are_no_hole(masked: bool) -> None:
    chi = np.zeros((9, 32, 32), np.float32)
    chi[:, 4:28, 4:28] = 0.05
    chi[2:7, 10:20, 10:20] = 0.0  # -0.0004 … 0.0004 ppm
    chi[:, 22:25, 22:25] = 0.0  # reaches the outermost slices: known by the mask alone
    mask = np.zeros(chi.shape, np.float32)
    mask[:, 3:28, 3:28] = 1.0  # the map has lost a rim of it

    volumes = [shown(Quantity.CHI, chi), *([shown(Quantity.MASK, mask)] if masked else [])]
    known = np.isfinite(cuts_of(volumes)[0].planes[0].pixels)

    assert known[10:20, 10:20].all()
    assert known[22:25, 22:25].all() == masked
    assert not known[:, 30:].any()
    assert not known[30:].any()


def test_zeros_of_a_map_that_was_not_rounded_are_a_hole() -> None:
    chi = np.full((9, 32, 32), 0.0512345, np.float32)
    chi[2:7, 10:20, 10:20] = 0.0

    (cuts,) = cuts_of([shown(Quantity.CHI, chi)])

    assert not np.isfinite(cuts.planes[0].pixels)[10:20, 10:20].any()


@pytest.mark.parametrize("quantity", [Quantity.CHI_SD, Quantity.FIELD_SD, Quantity.R2_STAR_SD])
def test_a_standard_deviation_is_seen_however_small_it_is(quantity: Quantity) -> None:
    small = half(0.0004)
    small[..., :4] = 0.05  # at the rim of the head, where there is no signal

    (cuts,) = cuts_of([shown(quantity, small)])

    assert cuts.window.high == pytest.approx(3 * 0.0004)
    assert cuts.window.colours is quantity.row.look.colours
    assert 50 < drawn(cuts)[20:40, 10:22].mean() < 120  # a third of the bar


def test_a_complex_volume_is_shown_by_magnitude_and_phase() -> None:
    magnitude, phase = cuts_of([shown(Quantity.COMPLEX, np.full((1, 64, 64), 50j, np.complex64))])

    assert magnitude.shown.quantity is Quantity.MAGNITUDE
    assert magnitude.planes[0].pixels.max() == pytest.approx(50)
    assert phase.planes[0].pixels == pytest.approx(np.pi / 2)


def test_complex_volumes_are_not_shown_twice(two_echoes: list[Shown]) -> None:
    both = [*two_echoes, shown(Quantity.COMPLEX, half(1.0).astype(np.complex64))]

    assert len(cuts_of(both)) == len(two_echoes)


def test_the_page_has_every_volume_once(two_echoes: list[Shown]) -> None:
    maps = [shown(q, half(0.1)) for q in (Quantity.CHI, Quantity.SWI, Quantity.T2_STAR)]
    cuts = cuts_of([*two_echoes, *maps])

    large = leading(cuts)

    assert [each.label for each in large] == [
        "magnitude 9.0 ms",
        "SWI",
        "chi",
        "T2*",
        "phase 9.0 ms",
    ]
    rest = by_kind([each for each in cuts if each not in large])
    assert [each.label for each in rest] == ["magnitude 4.0 ms", "phase 4.0 ms"]


def test_the_rest_is_in_the_order_of_its_kinds() -> None:
    every = [shown(q, half(1.0)) for q in Quantity if q is not Quantity.COMPLEX]

    kinds = [each.shown.kind for each in by_kind(cuts_of(every))]

    assert kinds == sorted(kinds, key=list(Kind).index)


def test_every_leading_output_has_a_kind() -> None:
    assert all(quantity.row.look.kind is not Kind.OTHER for place in LEADING for quantity in place)


def test_a_whole_scan_fits_on_one_page() -> None:
    """As many volumes as `gre_full` makes: wider than high, and legible on a screen."""
    several = [
        shown(q, np.ones((24, 40, 32), np.float32), te_s=te_s, voxel_mm=(6.0, 4.0, 5.0))
        for q in (Quantity.MAGNITUDE, Quantity.PHASE)
        for te_s in (0.004, 0.01, 0.016, 0.022)
    ]
    others = [q for q in Quantity if q not in {Quantity.MAGNITUDE, Quantity.PHASE}][:15]
    maps = [shown(q, np.ones((24, 40, 32), np.float32), voxel_mm=(6.0, 4.0, 5.0)) for q in others]

    page = contact_sheet(cuts_of([*several, *maps]), WORDS)

    assert page.width < 1500
    assert page.height < 1500


def test_the_page_says_name_facts_and_remarks() -> None:
    cuts = cuts_of([shown(Quantity.MAGNITUDE, half(1.0))])

    plain, commented = (
        contact_sheet(cuts, Caption("GRE", ("3 T",), comments))
        for comments in ((), ("the phase sign is assumed",))
    )

    assert commented.height > plain.height
    caption = np.asarray(plain)[: plain.height - 300]
    assert (caption > 100).sum() > 100


def test_a_slab_is_drawn_in_its_true_proportions() -> None:
    values = np.ones((60, 48, 40), np.float32)  # 120 x 48 x 40 mm

    (cuts,) = cuts_of([shown(Quantity.MAGNITUDE, values)])

    assert [drawn(cuts, n).shape[:2] for n in range(3)] == [(48, 40), (120, 40), (120, 48)]


def test_a_scan_is_cut_through_its_nuclei_and_not_through_its_middle() -> None:
    z, y, x = np.indices((40, 40, 40))
    ball = (z - 20) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 < 17**2
    nucleus = (z - 26) ** 2 + (y - 15) ** 2 + (x - 25) ** 2 < 4**2
    chi = np.where(nucleus, 0.18, np.where(ball, 0.01, 0.0)).astype(np.float32)
    magnitude = np.where(ball, 100.0, 1.0).astype(np.float32)

    of_magnitude, of_chi = cuts_of(
        [
            shown(Quantity.MAGNITUDE, magnitude, voxel_mm=(2.0, 2.0, 2.0)),
            shown(Quantity.CHI, chi, voxel_mm=(2.0, 2.0, 2.0)),
        ]
    )

    for plane in of_chi.planes:
        assert np.nanmax(plane.pixels) == pytest.approx(0.18)
    axial = of_magnitude.planes[0].pixels
    assert (axial == 100).sum() == pytest.approx(ball[26].sum(), rel=0.15)  # the same cut


def test_the_box_of_the_object_fills_the_page() -> None:
    values = np.zeros((40, 60, 60), np.float32)
    values[10:30, 20:40, 25:45] = 100.0  # 20 voxels each way, of 2 mm

    (cuts,) = cuts_of([shown(Quantity.MAGNITUDE, values, voxel_mm=(2.0, 2.0, 2.0))])

    high, wide = cuts.planes[0].size_mm
    assert 40 < high < 40 + 2 * 6 + 6  # its size, a margin on both sides, smoothing
    assert 40 < wide < 40 + 2 * 6 + 6


def test_a_preview_on_a_coarser_grid_is_cut_at_the_same_place() -> None:
    fine = np.zeros((40, 40, 40), np.float32)
    fine[30] = 100.0  # the only section there is
    coarse = np.zeros((20, 20, 20), np.float32)
    coarse[15] = 7.0

    first, second = cuts_of(
        [
            shown(Quantity.MAGNITUDE, fine, voxel_mm=(2.0, 2.0, 2.0)),
            shown(Quantity.MAGNITUDE_PREVIEW, coarse, voxel_mm=(4.0, 4.0, 4.0)),
        ]
    )

    assert first.planes[0].pixels.max() == 100
    assert second.planes[0].pixels.max() == 7


def test_a_scan_of_many_is_one_row() -> None:
    cuts = cuts_of([shown(q, half(0.1)) for q in (Quantity.MAGNITUDE, Quantity.CHI)])

    row = scan_row(cuts, WORDS)
    sheet = rows_sheet([row, row, row])

    assert row.height < 2 * row.width
    assert sheet.height == pytest.approx(3 * row.height, abs=30)
    assert sheet.width == pytest.approx(row.width, abs=30)
