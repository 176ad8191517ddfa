"""Susceptibility of images in the forms of three vendors: the map of the plain images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from chains import complex_echoes, in_units, run_chain, volumes
from images_as_sent import (
    IMAGINARY,
    MAGNITUDE,
    PHASE,
    REAL,
    changed,
    dicom_json,
    header,
    sent,
)
from streamrecon_simulator.phantoms.phantom import SPHERES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import Header, Image

pytestmark = pytest.mark.long

SCENE = Scene(
    "spheres", phantom=SPHERES, matrix=(29, 30, 31), voxel_mm=(6.0, 6.0, 6.0), n_coils=2, snr=100.0,
    te_s=(0.004, 0.008, 0.012), oversampling=(1.0, 1.0, 1.0),
)  # fmt: skip


@cache
def truth() -> np.ndarray:
    """The complex echoes."""
    echoes = complex_echoes(run_chain("gre_recon.xml", simulate(SCENE).messages()))[0]
    return np.asarray(echoes.data * (2000 / np.abs(echoes.data).max()))


def chi(images: list[Image], head: Header) -> np.ndarray:
    (found,) = volumes(run_chain("gre_qsm_images.xml", [head, *images]), Quantity.CHI)
    return in_units(found)


@cache
def plain() -> np.ndarray:
    parts = {MAGNITUDE: np.abs(truth()), PHASE: np.angle(truth())}
    images = sent(lambda kind: parts[kind].astype(np.float32), packed=True, scene=SCENE)
    return chi(images, header(scene=SCENE))


def siemens_in_one_partition() -> tuple[list[Image], Header]:
    """Twelve bits of phase, packed under the header of the first partition, and warped ones."""
    parts = {MAGNITUDE: np.round(np.abs(truth())),
             PHASE: np.round(np.angle(truth()) * 2048 / np.pi + 2048).clip(0, 4095)}  # fmt: skip
    dz, dy, dx = SCENE.voxel_mm
    normal, (nz, ny, nx) = SCENE.geometry.axes_lps[0], SCENE.matrix

    def one_partition(image: Image) -> Image:
        first = image.header["position"] - nz // 2 * dz * normal
        depth = (nx * dx, ny * dy, dz)
        return changed(image, {"ImageTypeValue4": ("ND",)}, position=first, field_of_view=depth)

    images = sent(lambda kind: parts[kind].astype(np.uint16), packed=True, scene=SCENE,
                  change=one_partition)  # fmt: skip
    warped = [
        changed(replace(image, data=np.roll(image.data, 3, -1)), {"ImageTypeValue4": ("DIS2D",)},
                image_series_index=70 + image.header["image_type"])
        for image in images
    ]  # fmt: skip
    return [*images, *warped], header(scene=SCENE)


def philips_from_dicom() -> tuple[list[Image], Header]:
    """All called magnitude, phase in milliradians, scales and times in the data set."""
    step = 2 * 3142 / 4095
    slopes = (0.5, 0.7, 0.6)
    parts = {
        MAGNITUDE: np.stack([np.abs(e) * s for e, s in zip(truth(), slopes, strict=True)]),
        PHASE: (1e3 * np.angle(truth()) + 3142) / step,
    }

    def described(image: Image) -> Image:
        echo, kind = int(image.header["contrast"]), int(image.header["image_type"])
        word, scale = ("M", (1.0, 0.0)) if kind == MAGNITUDE else ("P", (step, -3142.0))
        meta = dicom_json(
            t00080008=("ORIGINAL", "PRIMARY", word, "FFE"), t00180081=1e3 * SCENE.te_s[echo],
            t00280010=1, t00281053=scale[0], t00281052=scale[1], t2005100e=slopes[echo],
        )  # fmt: skip
        return changed(image, meta, image_type=MAGNITUDE, contrast=0)

    images = sent(lambda kind: np.round(parts[kind]).astype(np.uint16), scene=SCENE,
                  change=described)  # fmt: skip
    return images, header(vendor="Philips", with_te=False, scene=SCENE)


def ge_real_and_imaginary() -> tuple[list[Image], Header]:
    """The other sign, and every second slice turned by half a turn."""
    turned = truth().conj() * (-1.0) ** np.arange(SCENE.matrix[0])[:, None, None]
    parts = {REAL: turned.real, IMAGINARY: turned.imag}
    images = sent(lambda kind: np.round(parts[kind]).astype(np.int16), scene=SCENE,
                  kinds=(REAL, IMAGINARY))  # fmt: skip
    return images, header(vendor="GE MEDICAL SYSTEMS", scene=SCENE)


@pytest.mark.parametrize(
    "form", [siemens_in_one_partition, philips_from_dicom, ge_real_and_imaginary]
)
def test_the_map_is_that_of_the_plain_images(
    form: Callable[[], tuple[list[Image], Header]],
) -> None:
    found, expected = chi(*form()), plain()

    inside = expected != 0
    assert np.corrcoef(found[inside], expected[inside])[0, 1] > 0.999
    # sign and scale: whole numbers and 12 bits of phase cost less than a hundredth
    slope = found[inside] @ expected[inside] / (expected[inside] @ expected[inside])
    assert slope == pytest.approx(1, abs=0.02)
