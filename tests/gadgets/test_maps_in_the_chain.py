"""SWI, projections and R2* out of the chain files, against the simulated head."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from chains import in_units, run_chain, texts, volumes
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth

from streamrecon.maps.phase_mask import phase_mask
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import Message
from streamrecon.qsm.field_maps import LocalFieldMap

SCENE = Scene(
    "odd oblique head", matrix=(27, 44, 51), voxel_mm=(5.0, 4.5, 4.0), n_coils=3,
    tilt_deg=(20.0, 10.0), snr=100.0,
)  # fmt: skip


@cache
def messages(*, n_echoes: int = 4) -> tuple[Message, ...]:
    return tuple(simulate(replace(SCENE, te_s=SCENE.te_s[-n_echoes:])).messages())


@cache
def outputs(chain: str) -> tuple[object, ...]:
    # the head of closed forms has no skull, and is an object
    wanted = {"FindVeins.anywhere": "true"} if chain == "gre_full.xml" else {}
    return tuple(run_chain(chain, messages(), **wanted))


def one(emitted: Iterable[object], quantity: Quantity) -> Volume:
    (volume,) = volumes(emitted, quantity)
    return volume


def magnitude_of(emitted: Iterable[object]) -> np.ndarray:
    """Root of the sum of squares of the echoes."""
    return np.sqrt(sum(v.values**2 for v in volumes(emitted, Quantity.MAGNITUDE)))


def test_swi_is_the_magnitude_weighted_by_the_phase_of_the_local_field() -> None:
    emitted = outputs("gre_swi.xml")
    swi = one(emitted, Quantity.SWI)
    (local,) = (item for item in emitted if isinstance(item, LocalFieldMap))

    turned = 2 * np.pi * 42.577478 * 3.0 * 0.020 * local.local.field_ppm
    np.testing.assert_allclose(
        swi.values, local.total.magnitude * phase_mask(turned), rtol=1e-5, atol=1e-3
    )
    together = magnitude_of(emitted)
    outside = ~local.local.mask
    np.testing.assert_allclose(swi.values[outside], together[outside], rtol=1e-4)
    assert (swi.values[local.local.mask] < 0.9 * together[local.local.mask]).mean() > 0.02
    assert any("phase of 20.0 ms at 3.00 T" in text for text in texts(emitted))


def test_a_minimum_projection_says_how_thick_it_is_and_lies_in_the_middle() -> None:
    emitted = outputs("gre_swi.xml")
    swi, projected = one(emitted, Quantity.SWI), one(emitted, Quantity.SWI_MINIP)

    np.testing.assert_array_equal(projected.values, np.minimum(swi.values[:-1], swi.values[1:]))
    assert projected.slab_mm == pytest.approx(10.0)  # two slices of 5 mm
    ends = [swi.geometry.affine_lps() @ (z, 3, 4, 1) for z in (0, 1)]
    np.testing.assert_allclose(
        projected.geometry.affine_lps() @ (0, 3, 4, 1), np.mean(ends, axis=0), atol=1e-6
    )


@pytest.mark.parametrize("chain", ["gre_swi.xml", "gre_single_echo_swi.xml"])
def test_slices_with_gaps_have_swi_and_projections_in_their_places(chain: str) -> None:
    """Slices of 3 mm every 4.5 mm: 12 mm are nearest to three of them, which span 12 mm."""
    scene = replace(
        SCENE, slices=True, matrix=(9, 44, 51), voxel_mm=(3.0, 4.5, 4.0), gap_mm=1.5,
        left_handed=True, centre_lps_mm=(4.0, -6.0, 8.0),
    )  # fmt: skip
    emitted = run_chain(chain, simulate(scene).messages(), slab_mm="12")
    swi, projected = one(emitted, Quantity.SWI), one(emitted, Quantity.SWI_MINIP)

    darkest = np.minimum(np.minimum(swi.values[:-2], swi.values[1:-1]), swi.values[2:])
    np.testing.assert_array_equal(projected.values, darkest)
    assert projected.slab_mm == pytest.approx(12.0)  # two steps and one slice
    assert projected.values.shape == (7, 44, 51)
    middle = np.array(scene.matrix) // 2
    normal = scene.geometry.axes_lps[0]
    for volume, first in ((swi, 0), (projected, 1)):
        for z in (0, 6):
            expected = scene.centre_lps_mm + (z + first - middle[0]) * 4.5 * normal
            found = volume.geometry.affine_lps() @ (z, *middle[1:], 1)
            np.testing.assert_allclose(found[:3], expected, atol=1e-4)
    head = magnitude_of(emitted) > 0.2 * magnitude_of(emitted).max()
    assert (swi.values[head] < 0.9 * magnitude_of(emitted)[head]).mean() > 0.01


@pytest.mark.parametrize("kind", ["classic", "clear"])
@pytest.mark.parametrize("n_echoes", [1, 4])
def test_without_a_field_map_one_echo_or_many_make_both_polarities(
    kind: str, n_echoes: int
) -> None:
    emitted = run_chain(
        "gre_single_echo_swi.xml",
        messages(n_echoes=n_echoes),
        **{"SwiImages.kind": kind, "SwiImages.shows": "both"},
    )
    veins, calcium = one(emitted, Quantity.SWI), one(emitted, Quantity.SWI_DIA)
    head = truth(SCENE).mask
    # the factors of opposite phases: where one is below 1 the other is 1
    assert (veins.values[head] < 0.97 * calcium.values[head]).mean() > 0.02
    assert (calcium.values[head] < 0.97 * veins.values[head]).mean() > 0.02
    assert one(emitted, Quantity.SWI_MINIP).values.shape == (26, 44, 51)
    assert "dark: diamagnetic" in calcium.comments


def test_a_single_echo_still_has_swi_from_its_local_field() -> None:
    emitted = run_chain("gre_swi.xml", messages(n_echoes=1))
    assert one(emitted, Quantity.SWI).values.max() > 0
    assert any("magnitude of 1 echo" in text for text in texts(emitted))


def test_everything_comes_out_of_the_full_chain_once() -> None:
    emitted = outputs("gre_full.xml")
    found = [v.quantity for v in emitted if isinstance(v, Volume) and v.echo is None]
    expected = {
        Quantity.SWI, Quantity.SWI_MINIP, Quantity.CHI_PREVIEW, Quantity.CHI, Quantity.CHI_MIP,
        Quantity.TSWI, Quantity.TSWI_MINIP, Quantity.R2_STAR, Quantity.T2_STAR, Quantity.R2_STAR_SD,
        Quantity.FIELD_HZ, Quantity.MASK, Quantity.PHASE_QUALITY, Quantity.SNR,
        Quantity.VEINS,
    }  # fmt: skip
    assert sorted(q.label for q in found) == sorted(q.label for q in expected)
    warned = [text for text in texts(emitted) if text.startswith(("WRN", "ERR"))]
    assert [text.split(":")[:2] for text in warned] == [["WRN veins", " voxels of 4.5 mm"]]


def test_r2_star_is_that_of_the_head_within_its_uncertainty() -> None:
    emitted = outputs("gre_full.xml")
    known = truth(SCENE)
    rate, spread = one(emitted, Quantity.R2_STAR).values, one(emitted, Quantity.R2_STAR_SD).values
    time = one(emitted, Quantity.T2_STAR).values
    # away from edges, where voxels hold one tissue and echoes do not ring
    flat = np.zeros_like(known.mask)
    core = known.r2_star_hz[1:-1, 1:-1, 1:-1]
    flat[1:-1, 1:-1, 1:-1] = known.mask[1:-1, 1:-1, 1:-1]
    for axis in range(3):
        for way in (-1, 1):
            neighbour = np.roll(known.r2_star_hz, way, axis)[1:-1, 1:-1, 1:-1]
            flat[1:-1, 1:-1, 1:-1] &= neighbour == core
    flat &= spread > 0

    error = rate[flat] - known.r2_star_hz[flat]

    assert flat.sum() > 3000
    assert abs(np.median(error)) < 0.3
    assert abs(np.median(error / spread[flat])) < 0.2
    np.testing.assert_allclose(time[flat] * np.maximum(rate[flat], 2), 1, rtol=1e-4)


def test_true_swi_is_the_magnitude_weighted_by_the_final_map() -> None:
    emitted = outputs("gre_full.xml")
    chi, image = in_units(one(emitted, Quantity.CHI)), one(emitted, Quantity.TSWI).values
    together = magnitude_of(emitted)
    weight = np.clip(1 - chi / 0.45, 0, 1) ** 2
    half_a_ppb = 2 / 0.45 * 0.5e-3
    assert np.abs(image - together * weight).max() <= 1.01 * half_a_ppb * together.max()


def test_r2_star_of_one_echo_is_told_to_be_missing() -> None:
    emitted = run_chain("gre_full.xml", messages(n_echoes=1))
    assert not volumes(emitted, Quantity.R2_STAR)
    assert any("one echo has no decay" in text for text in texts(emitted))
    assert volumes(emitted, Quantity.SWI)
