"""Combined echoes of a partial scan, their k-space filled or left as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from streamrecon.model.images import Echoes
from streamrecon.model.notice import Level, Notice
from streamrecon.recon.images.partial_fourier import fill_by_pocs, partial_axes, with_phase_of
from streamrecon.stream.gadget import Gadget


class FillPartialFourier(Gadget[Echoes]):
    """Says which axes are partial, and fills their k-space where that is asked for.

    Zero-filled images keep local phase best, so that is the default; see
    docs/explanation/acquisitions.md.
    """

    accepts: ClassVar = (Echoes,)

    method: Literal["zero", "magnitude", "pocs"] = Field(
        default="zero",
        description="leave zeros; magnitude by POCS and phase as measured; both by POCS",
    )
    iterations: int = Field(default=2, ge=1, le=50, description="of POCS")

    def feed(self, item: Echoes) -> Iterator[object]:
        """Tell what is partial, fill, pass the echoes on."""
        ranges, geometry = item.scan.k_range_per_mm, item.scan.geometry
        axes = "".join("zyx"[axis] for axis in partial_axes(ranges, geometry))
        if axes:
            how = "zero-filled" if self.method == "zero" else f"filled by POCS ({self.method})"
            yield Notice(Level.INFO, f"partial k-space along {', '.join(axes)}: {how}")
        if axes and self.method != "zero":
            filled = fill_by_pocs(item.data, ranges, geometry, iterations=self.iterations)
            keeps_phase = self.method == "magnitude"
            data = with_phase_of(item.data, filled) if keeps_phase else filled
            item = replace(item, data=data, noise=None)  # what is filled in has noise of its own
        yield item
