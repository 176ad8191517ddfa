"""The phase sign of a scan is checked against its own susceptibility."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field, PrivateAttr

from streamrecon.errors import ReconError
from streamrecon.maps.phase_sign_check import PolarityCheck, Verdict, check_polarity
from streamrecon.maps.r2star import fit_log_line
from streamrecon.model.images import Echoes
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, Scan, SignOrigin
from streamrecon.qsm.pipeline import Quality, susceptibility
from streamrecon.recon.images.downsample import downsampled
from streamrecon.stream.gadget import Gadget


class CheckPhaseSign(Gadget[Echoes]):
    """Asks deep grey matter and veins of a coarse susceptibility map for the sign of the phase.

    Where they disagree with a sign that was only assumed, it is turned round here, for everything
    behind this gadget, and marked as inferred. A sign that somebody gave is never touched: the
    doubt is told, and stands in the comments of every image. It is asked once a scan.
    """

    accepts: ClassVar = (Echoes,)

    resolution_mm: float = Field(default=2.0, gt=0, description="voxel of the coarse map, mm")

    _check: PolarityCheck | None = PrivateAttr(default=None)

    def feed(self, item: Echoes) -> Iterator[Notice | Echoes]:
        """Check the first volume, and let every volume go on with what was found."""
        if self._check is None:
            self._check = _checked(item, self.resolution_mm)
            yield _notice(self._check, item.scan.phase_sign)
        if self._check.verdict is not Verdict.DISAGREES:
            yield item
        elif item.scan.phase_sign.origin is SignOrigin.ASSUMED:
            yield replace(item, data=item.data.conj(), scan=_inferred(item.scan))
        else:
            doubt = f"sign of phase and susceptibility in doubt: {self._check}"
            yield replace(item, scan=replace(item.scan, remarks=(*item.scan.remarks, doubt)))


def _checked(item: Echoes, resolution_mm: float) -> PolarityCheck:
    """The check of a coarse map; undecided where there is no map at all."""
    scan = item.scan
    te_s = scan.echoes.times_s()
    echoes, grid = downsampled(item.data, scan.geometry, resolution_mm)
    try:
        found = susceptibility(
            echoes, te_s, scan.b0_t, grid, quality=Quality.FAST, polarity=scan.echoes.polarity
        )
    except ReconError:  # no head, or no signal: the sign is then nobody's concern
        return PolarityCheck(Verdict.UNDECIDED, None, None)
    several = len(te_s) > 1
    noise = found.total.fit.noise
    r2_star = fit_log_line(np.abs(echoes), te_s, found.mask, noise=noise) if several else None
    return check_polarity(found.map.chi_ppm, found.mask, grid, r2_star_per_s=r2_star)


def _notice(check: PolarityCheck, sign: PhaseSign) -> Notice:
    assumed = sign.origin is SignOrigin.ASSUMED
    turned = check.verdict is Verdict.DISAGREES and assumed
    doubtful = check.verdict is Verdict.DISAGREES or (
        check.verdict is Verdict.UNDECIDED and assumed
    )
    text = f"polarity: {check} with phase sign {sign}"
    return Notice(
        Level.WARNING if doubtful else Level.INFO,
        f"{text}: turned round, {-sign.value:+d} is inferred" if turned else text,
    )


def _inferred(scan: Scan) -> Scan:
    """The scan with the other sign and its origin; a remark on the assumed one goes."""
    old = f"phase sign {scan.phase_sign}"
    sign = PhaseSign(-scan.phase_sign.value, SignOrigin.INFERRED)
    remarks = (*(text for text in scan.remarks if text != old), f"phase sign {sign}")
    return replace(scan, protocol=replace(scan.protocol, phase_sign=sign), remarks=remarks)
