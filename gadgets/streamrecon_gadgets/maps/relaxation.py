"""Echoes and their field become maps of decay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field, PrivateAttr

from streamrecon.maps.dephasing import Dephasing, Profile, dephasing
from streamrecon.maps.r2star import Decay, fit_decay, t2_star_s
from streamrecon.model.images import Echoes, Volume, volume_of
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.phase.image_noise import typical
from streamrecon.qsm.field_maps import FieldMap
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.stream.gadget import Gadget

_MOST_DEPARTING = 0.8  # of the head; fat, myelin water and flow make less


class DecayImages(Gadget[Echoes | FieldMap]):
    """Adds R2* behind each total field, from the echoes that it was made of, and T2* and more.

    Losses by a field that varies within a voxel are taken off: ``auto`` knows that a slice is a box
    and that an encoded axis loses nothing until its echo leaves k-space; ``box`` takes the 3-D sinc
    of the literature; ``off`` nothing.
    """

    accepts: ClassVar = (Echoes, FieldMap)
    memory: ClassVar = MemoryUse(echo_voxel_bytes=8, voxel_bytes=50)

    r2_star: bool = Field(default=True, description="send R2*, 1/s")
    t2_star: bool = Field(default=False, description="send T2*, s")
    s0: bool = Field(default=False, description="send the signal at TE = 0")
    uncertainty: bool = Field(
        default=False, description="send the standard deviation of R2*, 1/s; 0 is not to be trusted"
    )
    misfit: bool = Field(default=False, description="send the misfit, in deviations of the noise")
    gradient: Profile = Field(default=Profile.AUTO, description="what a field gradient takes")
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
        head, noise = item.total.fit.region, typical(item.total.fit.noise)
        comment = f"gradient {self.gradient.value}, noise {noise:.3g}, {decay.in_words(head)}"
        is_none = decay.departing_fraction(head) > _MOST_DEPARTING
        yield _notice(comment, doubted=is_none)
        yield from self._images(decay, item, comment)

    def _fit(self, echoes: Echoes, field: FieldMap) -> Decay:
        return fit_decay(
            np.abs(echoes.data),
            echoes.scan.echoes.times_s(),
            field.total.fit.region,
            noise=field.total.fit.noise,
            dephasing=self._dephasing(field),
            steps=self.steps,
        )

    def _dephasing(self, field: FieldMap) -> Dephasing | None:
        scan = field.scan
        slices = grid_of(scan.protocol.encoding).is_2d
        return dephasing(
            field.field_hz,
            field.total.fit.region,
            scan.geometry,
            profile=self.gradient,
            slice_mm=scan.slice_thickness_mm if slices else None,
        )

    def _images(self, decay: Decay, field: FieldMap, comment: str) -> Iterator[Volume]:
        head = field.total.fit.region
        wanted = (
            (self.r2_star, Quantity.R2_STAR, decay.r2_star_per_s),
            (self.t2_star, Quantity.T2_STAR, t2_star_s(decay.r2_star_per_s, head)),
            (self.s0, Quantity.S0, decay.s0),
            (self.uncertainty, Quantity.R2_STAR_SD, decay.trusted_sd_per_s),
            (self.misfit, Quantity.R2_STAR_MISFIT, decay.residual),
        )
        for is_wanted, quantity, values in wanted:
            if is_wanted:
                yield volume_of(field.scan, quantity, values, field.repetition, comment)


def _notice(comment: str, *, doubted: bool) -> Notice:
    """What was fitted; a warning where next to nothing of the head decays as an exponential."""
    if not doubted:
        return Notice(Level.INFO, f"R2*: {comment}")
    question = "are the echoes in one scale, and their noise right?"
    return Notice(Level.WARNING, f"R2*: {comment}; {question}")
