"""K-space volumes become one complex image per echo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import PrivateAttr

from streamrecon.model.images import Echoes
from streamrecon.model.kspace import Calibration, KSpace
from streamrecon.model.notice import Level, Notice
from streamrecon.recon.assemble import HybridSpace
from streamrecon.recon.coils import Sensitivities, estimate_sensitivities
from streamrecon.recon.combine import combine_coils
from streamrecon.recon.grid import grid_of
from streamrecon.recon.polarity import signed, without_polarity
from streamrecon.stream.gadget import Gadget


class CombineCoils(Gadget[Calibration | KSpace]):
    """Transforms the last axis and combines the coils of all echoes with one set of sensitivities.

    Phase is kept: between echoes it is the object's, and between repetitions too, since all take
    the sensitivities of the first. The ramp between bipolar echoes is taken off, and the scanner's
    phase sign is applied here, once.
    """

    accepts: ClassVar = (Calibration, KSpace)
    stock_names: ClassVar = ("SimpleReconGadget", "GenericReconCartesianFFTGadget")

    _sensitivities: Sensitivities | None = PrivateAttr(default=None)

    def feed(self, item: Calibration | KSpace) -> Iterator[object]:
        """Look at the coils as soon as the centre of k-space is in; combine each volume."""
        if isinstance(item, Calibration):
            if self._sensitivities is None:
                grid = grid_of(item.encoding)
                self._sensitivities = estimate_sensitivities(item.data, grid)
            return
        grid = grid_of(item.scan.protocol.encoding)
        space = HybridSpace(item.data, item.last_axis, item.calibration, item.sampled, grid)
        if self._sensitivities is None:  # lines of the centre are missing
            self._sensitivities = estimate_sensitivities(item.calibration, grid)
        images = combine_coils(space, self._sensitivities)
        scan, repetition = item.scan, item.repetition
        del item, space  # the raw data are not needed any more
        if len(set(scan.echoes.polarity)) > 1:
            images, told = without_polarity(images, scan.echoes)
            yield Notice(Level.INFO, told)
        yield Echoes(signed(images, scan.phase_sign.value), scan, repetition)
