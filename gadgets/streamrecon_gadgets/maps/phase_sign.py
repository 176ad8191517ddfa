"""The phase sign of a scan is checked against the field of its object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.errors import ReconError
from streamrecon.maps.phase_sign_check import PhaseSignCheck, Verdict, check_phase_sign
from streamrecon.maps.phase_sign_decision import SignDecision, decide_sign
from streamrecon.maps.r2star import fit_log_line
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Echoes, Regions
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, Scan
from streamrecon.qsm.outline.field import OutlineCheck, check_outline
from streamrecon.qsm.pipeline import Quality, susceptibility
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.recon.images.downsample import downsampled
from streamrecon.stream.gadget import Gadget


@dataclass(frozen=True, slots=True)
class ObjectChecks:
    """What the object's outline, and its iron and veins, say of the sign of the phase."""

    outline: OutlineCheck
    iron_and_veins: PhaseSignCheck

    def decide(self, sign: PhaseSign) -> SignDecision:
        """The sign to go on with, given that of the data that were checked."""
        return decide_sign(sign, outline=self.outline.sign, patient=self.iron_and_veins.vote)

    def __str__(self) -> str:
        """Both in words."""
        return f"outline {self.outline}; iron and veins {self.iron_and_veins}"


class CheckPhaseSign(Gadget[Regions | Echoes]):
    """Asks the object for the sign of the phase: first its outline, then its iron and veins.

    The field that the outline makes against air is known beforehand; deep grey matter and veins of
    a coarse susceptibility map are paramagnetic, and are asked only in a brain. A sign that was
    only assumed is turned round here, for everything behind this gadget, and marked as inferred; a
    vendor table only where both checks contradict it. A stated sign is never touched: the doubt is
    told, and stands in the comments of every image. The first volume decides for the scan. A brain
    that is given is one: its iron and veins are asked.
    """

    accepts: ClassVar = (Regions, Echoes)
    only_watches: ClassVar = True
    memory: ClassVar = MemoryUse(echo_voxel_bytes=22, voxel_bytes=60, padded_bytes=16)

    resolution_mm: float = Field(default=2.0, gt=0, description="voxel of the coarse map, mm")

    _decision: SignDecision | None = PrivateAttr(default=None)
    _brain: NDArray[np.bool_] | None = PrivateAttr(default=None)

    def feed(self, item: Regions | Echoes) -> Iterator[Notice | Regions | Echoes]:
        """Check the first volume, and let every volume go on with what was found."""
        if isinstance(item, Regions):
            self._brain = item.brain
            yield item
            return
        if self._decision is None:
            found = _checked(item, self._brain, self.resolution_mm)
            self._decision = found.decide(item.scan.phase_sign)
            text = f"phase sign: {self._decision.reason} ({found})"
            yield Notice(self._decision.level, text)
        scan = _decided(item.scan, self._decision)
        turns = self._decision.turns(item.scan.phase_sign)
        yield replace(item, data=item.data.conj() if turns else item.data, scan=scan)


def check_object(
    echoes: NDArray[np.complexfloating],
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    found: Susceptibility,
    *,
    readout_polarity: Sequence[int] = (),
) -> ObjectChecks:
    """Ask outline, iron and veins for the sign with which a susceptibility map was made.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] of the whole field of view.
    te_s, b0_t
        Echo times [s] and static field [T].
    geometry
        Their grid.
    found
        The map that was made of them.
    readout_polarity
        +1 or -1 per echo where readouts alternate.

    Raises
    ------
    ReconError
        If there is not a time for each echo, or the mask is empty.
    """
    outline = check_outline(echoes, te_s, b0_t, geometry, readout_polarity=readout_polarity)
    r2_star = (
        fit_log_line(np.abs(echoes), te_s, found.mask, noise=found.total.fit.noise)
        if len(te_s) > 1
        else None
    )
    iron_and_veins = check_phase_sign(
        found.map.chi_ppm,
        found.mask,
        geometry,
        is_brain=found.total.is_brain,
        r2_star_per_s=r2_star,
    )
    return ObjectChecks(outline, iron_and_veins)


def _checked(item: Echoes, brain: NDArray[np.bool_] | None, resolution_mm: float) -> ObjectChecks:
    """What the object says by a coarse map; undecided where there is none."""
    scan = item.scan
    te_s, readout_polarity = scan.echoes.times_s(), scan.echoes.readout_polarity
    echoes, grid = downsampled(item.data, scan.geometry, resolution_mm)
    mask = None if brain is None else _coarse_mask(brain, scan.geometry, resolution_mm)
    try:
        found = susceptibility(
            echoes, te_s, scan.b0_t, grid,
            quality=Quality.FAST, mask=mask, readout_polarity=readout_polarity,
        )  # fmt: skip
        return check_object(echoes, te_s, scan.b0_t, grid, found, readout_polarity=readout_polarity)
    except ReconError as e:  # no head, or no signal: the sign is then nobody's concern
        unknown = OutlineCheck((None, None, None), 0, str(e))
        return ObjectChecks(unknown, PhaseSignCheck(Verdict.UNDECIDED, None, None))


def _coarse_mask(
    brain: NDArray[np.bool_], geometry: Geometry, resolution_mm: float
) -> NDArray[np.bool_]:
    """A mask on the grid of the coarse map."""
    fractions, _ = downsampled(brain[None].astype(np.complex64), geometry, resolution_mm)
    return np.asarray(fractions[0].real > 0.5)


def _decided(scan: Scan, decision: SignDecision) -> Scan:
    """The scan with the sign found, and what every image is to say of it."""
    old = f"phase sign {scan.phase_sign}"
    comments = tuple(text for text in scan.comments if text != old)
    if decision.sign != scan.phase_sign:
        comments = (*comments, f"phase sign {decision.sign}")
    elif decision.level is Level.WARNING:
        comments = (*scan.comments, f"phase sign {decision.reason}")
    else:
        comments = scan.comments
    return replace(
        scan, protocol=replace(scan.protocol, phase_sign=decision.sign), comments=comments
    )
