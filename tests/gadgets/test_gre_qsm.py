"""Susceptibility in a chain: what comes, in which order, and what is told when there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import in_units, run_chain, texts, volumes
from streamrecon_simulator.phantoms.phantom import SPHERES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.errors import DataError
from streamrecon.model.images import Regions, Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Header, Image
from streamrecon.qsm.field_maps import ChiMap, FieldMap, LocalFieldMap
from streamrecon.qsm.pipeline import Quality

SMALL = Scene(
    "spheres", phantom=SPHERES, matrix=(29, 30, 31), voxel_mm=(6.0, 6.0, 6.0), n_coils=2, snr=100.0,
    te_s=(0.004, 0.008, 0.012), oversampling=(1.0, 1.0, 1.0), phase_sign=-1,
)  # fmt: skip
NOISE = replace(SMALL, snr=1e-4)


@pytest.fixture(scope="module")
def emitted() -> list[object]:
    """What the chain makes of a small scan, with everything switched on."""
    return run_chain(
        "gre_qsm.xml",
        simulate(SMALL).messages(),
        b0_hz="true",
        mask="true",
        local_field="true",
        uncertainty="true",
    )


def images_of(emitted: list[object]) -> list[Image]:
    """Magnitude and phase of the echoes as a console would get them."""
    series = ImageSeries()
    parts = (Quantity.MAGNITUDE, Quantity.PHASE)
    return [
        image
        for item in emitted
        if isinstance(item, Volume) and item.quantity in parts
        for image in series.images(item)
    ]


def test_the_preview_comes_before_the_map_and_is_marked(emitted: list[object]) -> None:
    kinds = [item.quantity for item in emitted if isinstance(item, Volume)]

    assert kinds.index(Quantity.CHI_PREVIEW) < kinds.index(Quantity.CHI)
    (preview,), (chi,) = (volumes(emitted, q) for q in (Quantity.CHI_PREVIEW, Quantity.CHI))
    assert "preview, quality fast" in preview.comments
    assert "map, quality standard" in chi.comments
    for volume in (preview, chi):
        assert any(comment.startswith("zero: whole mask") for comment in volume.comments)


def test_preview_and_map_are_series_of_their_own(emitted: list[object]) -> None:
    series = ImageSeries()
    (preview,), (chi,) = (
        series.images(volumes(emitted, q)[0]) for q in (Quantity.CHI_PREVIEW, Quantity.CHI)
    )

    assert preview.header["image_series_index"] != chi.header["image_series_index"]
    assert preview.meta["SeriesDescription"] != chi.meta["SeriesDescription"]


def test_every_echo_comes_too(emitted: list[object]) -> None:
    for quantity in (Quantity.MAGNITUDE, Quantity.PHASE):
        assert [volume.echo for volume in volumes(emitted, quantity)] == [0, 1, 2]


def test_the_field_in_hz_is_that_in_ppm_times_the_frequency(emitted: list[object]) -> None:
    (field,) = (item for item in emitted if isinstance(item, FieldMap))
    (b0,) = volumes(emitted, Quantity.FIELD_HZ)

    np.testing.assert_allclose(b0.values, field.total.fit.field_ppm * 127.732, rtol=1e-4)
    assert np.abs(b0.values).max() > 1


def test_local_field_and_mask_come_where_they_are_asked_for(emitted: list[object]) -> None:
    local = [item for item in emitted if isinstance(item, LocalFieldMap)]
    (image,), (mask,) = (volumes(emitted, q) for q in (Quantity.LOCAL_FIELD, Quantity.MASK))

    assert [item.is_preview for item in local] == [True, False]
    np.testing.assert_allclose(in_units(image), local[1].shown_ppm, atol=0.6e-3)  # whole ppb
    assert set(np.unique(mask.values)) == {0, 1}


def test_the_uncertainty_is_that_of_the_map(emitted: list[object]) -> None:
    final = next(item for item in emitted if isinstance(item, ChiMap) and not item.is_preview)
    (sd,) = volumes(emitted, Quantity.CHI_SD)

    inside = sd.values[final.mask]
    assert (inside >= 0).all()
    assert 0 < np.median(inside) < np.abs(final.chi_ppm).max() / 10


def test_noise_gives_magnitude_and_phase_and_a_warning() -> None:
    emitted = run_chain("gre_qsm.xml", simulate(NOISE).messages())

    kinds = {item.quantity for item in emitted if isinstance(item, Volume)}
    assert kinds == {Quantity.MAGNITUDE, Quantity.PHASE}
    warnings = [i.text for i in emitted if isinstance(i, Notice) and i.level is Level.WARNING]
    (ended,) = (text for text in warnings if text.startswith("branch "))
    assert ended.startswith("branch qsm ended without a result: [recon] MapField: ")


def test_images_in_give_the_map_of_raw_data(emitted: list[object]) -> None:
    header = next(iter(simulate(SMALL).messages()))
    assert isinstance(header, Header)
    (expected,) = volumes(emitted, Quantity.CHI)

    again = run_chain("gre_qsm_images.xml", [header, *images_of(emitted)])

    (chi,) = volumes(again, Quantity.CHI)
    assert chi.geometry.same_as(expected.geometry)
    # magnitude and phase are rounded to float32, the maps to whole ppb, nothing else differs
    error_ppm = np.abs(in_units(chi) - in_units(expected))
    assert error_ppm.max() <= 1e-3 * np.ptp(in_units(expected)) + 1e-3
    assert any("taken off before" in text for text in texts(again))
    assert sum(isinstance(item, Image) for item in again) == 6


def test_a_scan_without_images_is_refused_by_the_chain_for_images() -> None:
    header = next(iter(simulate(SMALL).messages()))

    with pytest.raises(DataError, match="images: found none"):
        run_chain("gre_qsm_images.xml", [header])


def test_a_brain_that_is_given_is_the_mask_and_its_region_the_zero(emitted: list[object]) -> None:
    field = next(item for item in emitted if isinstance(item, FieldMap))
    region = np.zeros(field.total.mask.shape, bool)
    region[10:16, 10:16, 10:16] = True
    regions = Regions(brain=field.total.mask, reference=region)

    messages = [regions, *simulate(SMALL).messages()]
    found = run_chain("gre_qsm.xml", messages, reference="region", quality="fast")

    (chi,) = (item for item in found if isinstance(item, ChiMap))
    assert chi.quality is Quality.FAST
    np.testing.assert_array_equal(chi.mask, field.total.mask)
    assert abs(chi.chi_ppm[region].mean()) < 1e-5


def test_a_removal_of_the_background_that_is_chosen_makes_the_map_and_not_the_preview() -> None:
    found = run_chain("gre_qsm.xml", simulate(SMALL).messages(), background="lbv")

    preview, chi = (item for item in found if isinstance(item, ChiMap))
    assert [item.found.local.method for item in (preview, chi)] == ["PDF", "LBV"]
    assert any(text.startswith("background: LBV, ") for text in chi.comments)
    assert (chi.mask <= preview.mask).all()
    assert chi.mask.sum() < preview.mask.sum()
