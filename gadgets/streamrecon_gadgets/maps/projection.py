"""Volumes get their projections: sliding slabs in mm."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from pydantic import Field

from streamrecon.maps.projection import Extreme, project_slabs
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.stream.gadget import Gadget

_PROJECTED = MappingProxyType(
    {
        Quantity.SWI: (Quantity.SWI_MINIP, Extreme.MINIMUM),
        Quantity.TSWI: (Quantity.TSWI_MINIP, Extreme.MINIMUM),
        Quantity.CHI: (Quantity.CHI_MIP, Extreme.MAXIMUM),
    }
)


class ProjectSlabs(Gadget[Volume]):
    """Adds projections behind volumes: darkest of SWI and tSWI, brightest of susceptibility.

    Each slice lies in the middle of its slab and says how thick it is; n slices and slabs of w give
    n - w + 1.
    """

    accepts: ClassVar = (Volume,)

    slab_mm: float = Field(default=8.0, gt=0, description="thickness of a slab, mm")
    swi: bool = Field(default=True, description="minimum projections of SWI")
    tswi: bool = Field(default=True, description="minimum projections of tSWI")
    chi: bool = Field(default=False, description="maximum projections of susceptibility")

    def feed(self, item: Volume) -> Iterator[Volume]:
        """Let the volume go on, then its projection where one is wanted."""
        yield item
        wanted = {Quantity.SWI: self.swi, Quantity.TSWI: self.tswi, Quantity.CHI: self.chi}
        if wanted.get(item.quantity, False):
            yield self._projection(item)

    def _projection(self, item: Volume) -> Volume:
        quantity, extreme = _PROJECTED[item.quantity]
        slices = grid_of(item.scan.protocol.encoding).is_2d
        found = project_slabs(
            np.asarray(item.in_unit(), np.float32),
            item.geometry,
            slab_mm=self.slab_mm,
            thickness_mm=item.scan.slice_thickness_mm if slices else None,
            extreme=extreme,
        )
        return Volume(
            found.values,
            found.geometry,
            quantity,
            item.scan,
            repetition=item.repetition,
            comments=(*item.comments, f"{extreme.value} over {found.slab_mm:.1f} mm"),
            slab_mm=found.slab_mm,
        )
