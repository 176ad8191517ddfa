"""The phase sign of a scan is checked against the field of its object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field, PrivateAttr

from streamrecon.errors import ReconError
from streamrecon.maps.phase_sign_check import PhaseSignCheck, Verdict, check_phase_sign
from streamrecon.maps.phase_sign_decision import SignDecision, decide_sign
from streamrecon.maps.r2star import fit_log_line
from streamrecon.model.images import Echoes
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import Scan
from streamrecon.qsm.outline.field import OutlineCheck, check_outline
from streamrecon.qsm.pipeline import Quality, susceptibility
from streamrecon.recon.images.downsample import downsampled
from streamrecon.stream.gadget import Gadget


class CheckPhaseSign(Gadget[Echoes]):
    """Asks the object for the sign of the phase: first its outline, then its iron and veins.

    The field that the outline makes against air is known beforehand; deep grey matter and veins of
    a coarse susceptibility map are paramagnetic, and are asked only in a brain. A sign that was
    only assumed is turned round here, for everything behind this gadget, and marked as inferred; a
    vendor table only where both checks contradict it. A stated sign is never touched: the doubt is
    told, and stands in the comments of every image. The first volume decides for the scan.
    """

    accepts: ClassVar = (Echoes,)
    only_watches: ClassVar = True

    resolution_mm: float = Field(default=2.0, gt=0, description="voxel of the coarse map, mm")

    _decision: SignDecision | None = PrivateAttr(default=None)

    def feed(self, item: Echoes) -> Iterator[Notice | Echoes]:
        """Check the first volume, and let every volume go on with what was found."""
        if self._decision is None:
            outline, patient = _checked(item, self.resolution_mm)
            self._decision = decide_sign(
                item.scan.phase_sign, outline=outline.sign, patient=patient.vote
            )
            found = f"{self._decision.reason} (outline {outline}; iron and veins {patient})"
            yield Notice(self._decision.level, f"phase sign: {found}")
        scan = _decided(item.scan, self._decision)
        turns = self._decision.turns(item.scan.phase_sign)
        yield replace(item, data=item.data.conj() if turns else item.data, scan=scan)


def _checked(item: Echoes, resolution_mm: float) -> tuple[OutlineCheck, PhaseSignCheck]:
    """What outline and patient say of a coarse map; undecided where there is none."""
    scan = item.scan
    te_s, readout_polarity = scan.echoes.times_s(), scan.echoes.readout_polarity
    echoes, grid = downsampled(item.data, scan.geometry, resolution_mm)
    try:
        outline = check_outline(echoes, te_s, scan.b0_t, grid, readout_polarity=readout_polarity)
        found = susceptibility(
            echoes, te_s, scan.b0_t, grid, quality=Quality.FAST, readout_polarity=readout_polarity
        )
    except ReconError as e:  # no head, or no signal: the sign is then nobody's concern
        unknown = OutlineCheck((None, None, None), 0, str(e))
        return unknown, PhaseSignCheck(Verdict.UNDECIDED, None, None)
    several = len(te_s) > 1
    noise = found.total.fit.noise
    r2_star = fit_log_line(np.abs(echoes), te_s, found.mask, noise=noise) if several else None
    patient = check_phase_sign(
        found.map.chi_ppm,
        found.mask,
        grid,
        is_brain=found.total.is_brain,
        r2_star_per_s=r2_star,
    )
    return outline, patient


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
