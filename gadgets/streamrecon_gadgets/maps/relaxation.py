"""Echoes and their field become maps of decay."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import ClassVar

import numpy as np
from pydantic import Field, PrivateAttr

from streamrecon.maps.dephasing import Dephasing, field_gradient
from streamrecon.maps.r2star import Decay, fit_decay, t2_star_s
from streamrecon.model.images import Echoes, FieldMap, Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.quantities import Quantity
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.stream.gadget import Gadget
from streamrecon.units import hz_per_ppm


class Gradient(Enum):
    """What is taken to be lost where the field varies within a voxel."""

    AUTO = "auto"
    BOX = "box"
    OFF = "off"


class DecayImages(Gadget[Echoes | FieldMap]):
    """Adds R2* behind each total field, from the echoes that it was made of, and T2* and more.

    Losses by a field that varies within a voxel are taken off: ``auto`` knows that a slice is a box
    and that an encoded axis loses nothing until its echo leaves k-space; ``box`` takes the 3-D sinc
    of the literature; ``off`` nothing.
    """

    accepts: ClassVar = (Echoes, FieldMap)

    r2_star: bool = Field(default=True, description="send R2*, 1/s")
    t2_star: bool = Field(default=False, description="send T2*, s")
    s0: bool = Field(default=False, description="send the signal at TE = 0")
    uncertainty: bool = Field(
        default=False, description="send the standard deviation of R2*, 1/s; 0 is not to be trusted"
    )
    misfit: bool = Field(default=False, description="send the misfit, in deviations of the noise")
    gradient: Gradient = Field(default=Gradient.AUTO, description="what a field gradient takes")
    steps: int = Field(default=4, ge=1, le=50, description="most Gauss-Newton steps")

    _echoes: dict[int, Echoes] = PrivateAttr(default_factory=dict)

    def feed(self, item: Echoes | FieldMap) -> Iterator[object]:
        """Keep echoes until their field is there; let both go on."""
        yield item
        if isinstance(item, Echoes):
            self._echoes[item.repetition] = item
            return
        echoes = self._echoes.pop(item.repetition)
        if len(echoes.data) < 2:
            yield Notice(Level.WARNING, "R2*: not made, one echo has no decay")
            return
        decay = self._fit(echoes, item)
        doubtful = 1 - decay.trusted.sum() / max(1, int(_head(item).sum()))
        told = f"gradient {self.gradient.value}, noise {item.noise:.3g}"
        yield Notice(Level.INFO, f"R2*: {told}, {doubtful:.1%} of the head lost to gradients")
        yield from self._images(decay, item, told)

    def _fit(self, echoes: Echoes, field: FieldMap) -> Decay:
        return fit_decay(
            np.abs(echoes.data),
            echoes.scan.echoes.times_s(),
            _head(field),
            noise=field.noise,
            dephasing=self._dephasing(field),
            steps=self.steps,
        )

    def _dephasing(self, field: FieldMap) -> Dephasing | None:
        if self.gradient is Gradient.OFF:
            return None
        scan = field.scan
        field_hz = field.field_ppm * np.float32(hz_per_ppm(scan.b0_t))
        slopes = field_gradient(field_hz, _head(field), scan.geometry)
        _, y_mm, x_mm = scan.geometry.voxel_mm
        is_2d, is_box = grid_of(scan.protocol.encoding).is_2d, self.gradient is Gradient.BOX
        z_mm = scan.slice_thickness_mm if is_2d else scan.geometry.voxel_mm[0]
        return Dephasing(slopes, (z_mm, y_mm, x_mm), (is_2d or is_box, is_box, is_box))

    def _images(self, decay: Decay, field: FieldMap, told: str) -> Iterator[Volume]:
        head = _head(field)
        spread = np.where(decay.trusted, decay.sd_per_s, np.float32(0))
        wanted = (
            (self.r2_star, Quantity.R2_STAR, decay.r2_star_per_s),
            (self.t2_star, Quantity.T2_STAR, t2_star_s(decay.r2_star_per_s, head)),
            (self.s0, Quantity.S0, decay.s0),
            (self.uncertainty, Quantity.R2_STAR_SD, spread),
            (self.misfit, Quantity.R2_STAR_MISFIT, decay.residual),
        )
        scan = field.scan
        for is_wanted, quantity, values in wanted:
            if is_wanted:
                yield Volume(
                    values,
                    scan.geometry,
                    quantity,
                    scan,
                    repetition=field.repetition,
                    comments=(*scan.remarks, told),
                )


def _head(field: FieldMap) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the echoes were fitted."""
    return np.asarray(field.sd_ppm > 0)
