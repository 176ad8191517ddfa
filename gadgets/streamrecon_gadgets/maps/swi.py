"""Local fields, echoes and susceptibility become susceptibility-weighted images."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.maps.clear_swi import swi_clear
from streamrecon.maps.phase_mask import Darkens, target_te_s
from streamrecon.maps.swi import LOWPASS_MM, swi_classic, swi_from_field, true_swi
from streamrecon.model.images import Echoes, Volume, volume_of
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.phase.magnitude import correct_bias_field, signal_mask
from streamrecon.qsm.field_maps import ChiMap, LocalFieldMap
from streamrecon.stream.gadget import Gadget
from streamrecon.units import MIB

Shown = Literal["paramagnetic", "diamagnetic", "both"]
_SHOWN = "what is dark: veins and iron, or calcium and myelin, or an image of each"

_MEMORY_OF_KINDS = {
    "classic": MemoryUse(echo_voxel_bytes=8, voxel_bytes=36),
    "field": MemoryUse(echo_voxel_bytes=8, voxel_bytes=50),
    "clear": MemoryUse(echo_voxel_bytes=18, voxel_bytes=70, fixed_bytes=4 * MIB),
}


class Kind(Enum):
    """Where the phase of an image comes from."""

    FIELD = "field"
    CLASSIC = "classic"
    CLEAR = "clear"


class SwiImages(Gadget[Echoes | LocalFieldMap]):
    """Adds susceptibility-weighted images: from the first local field of a volume, or its echoes.

    From the field nothing is filtered and nothing wraps; classic is the homodyne high pass, clear
    takes all echoes and evens the coils. Only field needs gadgets that make a local field.
    """

    accepts: ClassVar = (Echoes, LocalFieldMap)

    kind: Kind = Field(default=Kind.FIELD, description="where the phase comes from")
    shows: Shown = Field(default="paramagnetic", description=_SHOWN)
    te_s: float = Field(
        default=0.0, ge=0, lt=0.2, description="field: time that its phase grows, s; 0: by B0"
    )
    power: int = Field(default=4, ge=1, le=16, description="field, classic: power of the factor")
    lowpass_mm: float = Field(
        default=LOWPASS_MM, gt=0, description="classic: voxel of the smooth reference, mm"
    )
    strength: float = Field(default=4.0, gt=0, description="clear: power of the factor")
    even: bool = Field(default=False, description="field: take off the coils' brightness")

    _done: set[int] = PrivateAttr(default_factory=set)

    def memory_use(self) -> MemoryUse:
        """That of its kind."""
        return _MEMORY_OF_KINDS[self.kind.value]

    def feed(self, item: Echoes | LocalFieldMap) -> Iterator[object]:
        """Let the message go on, then the images that are made of it."""
        yield item
        if isinstance(item, Echoes) is (self.kind is Kind.FIELD):
            return
        scan, repetition, comment = self._facts(item)
        if repetition in self._done:
            return
        self._done.add(repetition)
        yield Notice(Level.INFO, f"SWI: {comment}")
        for darkens in _wanted(self.shows):
            quantity = Quantity.SWI if darkens is Darkens.PARAMAGNETIC else Quantity.SWI_DIA
            image = self._image(item, darkens)
            yield volume_of(scan, quantity, image, repetition, comment, f"dark: {darkens.value}")

    def _facts(self, item: Echoes | LocalFieldMap) -> tuple[Scan, int, str]:
        if isinstance(item, Echoes):
            made = f"{self.kind.value}, from {_counted(item.scan)}"
            return item.scan, item.repetition, made
        scan = item.scan
        made = (
            f"phase of {1e3 * self._te_s(scan):.1f} ms at {scan.b0_t:.2f} T, "
            f"magnitude of {_counted(scan)}, local field by quality {item.quality.value}"
        )
        return scan, item.repetition, made

    def _te_s(self, scan: Scan) -> float:
        return self.te_s or target_te_s(scan.b0_t)

    def _image(self, item: Echoes | LocalFieldMap, darkens: Darkens) -> NDArray[np.float32]:
        if isinstance(item, LocalFieldMap):
            scan, magnitude = item.scan, item.total.magnitude
            if self.even:
                magnitude = correct_bias_field(magnitude, signal_mask(magnitude), scan.geometry)
            long_s = self._te_s(scan)
            return swi_from_field(
                magnitude,
                item.local.field_ppm,
                scan.b0_t,
                long_s,
                power=self.power,
                darkens=darkens,
            )
        geometry, te_s = item.scan.geometry, item.scan.echoes.times_s()
        if self.kind is Kind.CLEAR:
            return swi_clear(
                item.data,
                te_s,
                geometry,
                noise=item.noise,
                strength=self.strength,
                darkens=darkens,
            )
        return swi_classic(
            item.data, geometry, lowpass_mm=self.lowpass_mm, power=self.power, darkens=darkens
        )


class TrueSwiImages(Gadget[ChiMap]):
    """Adds magnitudes that susceptibility darkens: the same for every direction of a vein.

    Previews of a map are left alone.
    """

    accepts: ClassVar = (ChiMap,)

    shows: Shown = Field(default="paramagnetic", description=_SHOWN)
    full_ppm: float = Field(default=0.45, gt=0, description="susceptibility that is black, ppm")
    power: int = Field(default=2, ge=1, le=16, description="power of the factor")

    def feed(self, item: ChiMap) -> Iterator[ChiMap | Volume]:
        """Let the map go on, then its images."""
        yield item
        if item.is_preview:
            return
        for darkens in _wanted(self.shows):
            yield self._image(item, darkens)

    def _image(self, item: ChiMap, darkens: Darkens) -> Volume:
        values = true_swi(
            item.found.total.magnitude,
            item.chi_ppm,
            full_ppm=self.full_ppm,
            power=self.power,
            darkens=darkens,
        )
        quantity = Quantity.TSWI if darkens is Darkens.PARAMAGNETIC else Quantity.TSWI_DIA
        comments = (*item.comments, f"dark: {darkens.value}")
        return volume_of(item.scan, quantity, values, item.repetition, *comments)


def _wanted(shows: Shown) -> tuple[Darkens, ...]:
    return tuple(Darkens) if shows == "both" else (Darkens(shows),)


def _counted(scan: Scan) -> str:
    return "1 echo" if len(scan.echoes) == 1 else f"{len(scan.echoes)} echoes"
