"""Coarse images of the central lines, each as soon as it is made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamrecon.acquisition.early_lines import EarlyLines
from streamrecon.acquisition.open_volume import OpenVolume
from streamrecon.maps.phase_mask import target_te_s
from streamrecon.maps.swi import root_sum_squares, swi_from_field
from streamrecon.model.images import Echoes, Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.qsm.pipeline import Quality, invert, local_field
from streamrecon.qsm.total_field import total_field
from streamrecon.recon.images.bipolar_readout import signed, without_bipolar_phase
from streamrecon.recon.images.coil_combination import combine_coils
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.recon.kspace.readout import ReadoutTransform
from streamrecon.recon.parallel.unfolding import unfolding


def preview_images(item: EarlyLines) -> Iterator[Volume | None]:
    """Magnitude, SWI, susceptibility; ``None`` after steps without an image, to leave off at."""
    echoes = _combined(item)
    scan, te_s = echoes.scan, echoes.scan.echoes.times_s()
    geometry, b0_t = scan.geometry, scan.b0_t

    def volume(values: NDArray[np.float32], quantity: Quantity, *doubts: str) -> Volume:
        comment = f"PREVIEW from the central {item.fraction:.0%} of k-space"
        return Volume(values, geometry, quantity, scan, comments=(*scan.comments, comment, *doubts))

    magnitude = root_sum_squares(echoes.data)
    yield volume(magnitude, Quantity.MAGNITUDE_PREVIEW)
    total = total_field(
        echoes.data, te_s, b0_t, geometry, readout_polarity=scan.echoes.readout_polarity
    )
    yield None
    local = local_field(total, geometry, quality=Quality.FAST)
    yield None
    swi = swi_from_field(magnitude, local.field_ppm, b0_t, target_te_s(b0_t))
    yield volume(swi, Quantity.SWI_PREVIEW)
    chi = invert(total, local, geometry, quality=Quality.FAST)
    yield volume(chi.map.chi_ppm, Quantity.CHI_PREVIEW, *chi.doubts)


def _combined(item: EarlyLines) -> Echoes:
    """The echoes of the lines, as if there were no others."""
    grid = grid_of(item.protocol.encoding)
    n_channels = item.lines[0].data.shape[1]
    readout = ReadoutTransform(grid.x, n_channels=n_channels, mix=item.mix)
    opened = OpenVolume(item.protocol, grid, readout)
    for lines in item.lines:
        if len(lines):
            opened.add(lines)
    volume = opened.finish(0)
    space, scan = volume.space, volume.scan
    images = combine_coils(space, unfolding(space.calibration, space.lattice, grid))
    if len(set(scan.echoes.readout_polarity)) > 1:
        images, _ = without_bipolar_phase(images, scan.echoes)
    return Echoes(signed(images, scan.phase_sign.value), scan)
