r"""Change of the nuclei between two visits, against what two visits differ by without one.

.. math:: RC = 1.96\sqrt2\,SD_w = 2.77\,SD_w

Two visits of an unchanged patient differ by more than RC in one of twenty regions. SD_w is that of
24 people who travelled between sites at 3 T: 2.4 ppb and 1.0 1/s at one site, 4.2 ppb and 1.3 1/s
between sites; substantia nigra and red nucleus scatter about twice as much in χ. Where the noise of
these two scans is larger, it counts instead. What SD_w does not know is told as a reason: another
reference, another reconstruction, another voxel, a brain mask of another size.

χ is compared by the mean of whole regions, which neither blur nor decay moves, see
`streamrecon.analysis.deep_nuclei.whole_mean`; where a visit lacks it, by robust means, with a flag.

References
----------
Naji et al. (2022) NMR Biomed 35, on 24 travelling heads; Lin et al. (2015) Am J Neuroradiol 36:467,
on nigra and red nucleus; Jacobson and Truax (1991) J Consult Clin Psychol 59:12,
doi:10.1037/0022-006X.59.1.12, on the reliable change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from streamrecon.analysis.deep_nuclei.iron_rows import WHOLE_MEAN
from streamrecon.analysis.deep_nuclei.nuclei import Nucleus, place_of
from streamrecon.analysis.positions.likeness import LEAST_LIKENESS
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.analysis.zeros import WHOLE_BRAIN, WHOLE_MASK
from streamrecon.errors import ReconError

RELIABLE = 2.77
"""Times SD_w is the reliable change."""

SD_WITHIN: Mapping[str, tuple[float, float]] = {"chi": (2.36, 4.16), "r2star": (0.97, 1.27)}
"""SD_w at one site and between two: of χ [ppb], of R2* [1/s]."""

CHANGED, UNCHANGED = "changed", "no reliable change"
"""Qualities of a difference."""

_WHOLE = {WHOLE_BRAIN, WHOLE_MASK}
_SCATTERS = {Nucleus.NIGRA: 2.0, Nucleus.RED: 2.0}
_MASK_CHANGE = 0.05  # of its volume
_DOIS = ("10.1037/0022-006X.59.1.12",)
_METHOD = (
    "means of χ of the same whole regions and robust means of R2*, moved by rigid registration, "
    "against the same reference; reliable change index"
)
_BY_CORES = "by robust means: no mean of the whole region in both visits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One of the two scans, as far as a change depends on it.

    Parameters
    ----------
    values
        Of its iron reading.
    made
        How its maps were made: anything that a change of would change numbers, by name.
    """

    values: Sequence[Value]
    made: Mapping[str, str]

    @property
    def mask_mm3(self) -> float | None:
        """Volume of the brain mask, where the reading tells it."""
        volumes = (v.number for v in self.values if v.name == "volume" and v.subject in _WHOLE)
        return next(volumes, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What lies between the visits.

    Parameters
    ----------
    same_site
        Whether scanner and protocol were the same.
    years
        Time between them; ``None`` where nobody knows.
    """

    same_site: bool
    years: float | None = None


def require_same_head(likeness: float) -> None:
    """Refuse a pair of scans whose registered images are too unlike, see `Motion.likeness`.

    Raises
    ------
    ReconError
        If they are.
    """
    if likeness < LEAST_LIKENESS:
        raise ReconError(
            f"registration: found a likeness of {likeness:.2f}, needed {LEAST_LIKENESS}: "
            "another head, or none"
        )


def read_change(before: Visit, after: Visit, interval: Interval, reference: str) -> Reading:
    """Change of every region that both visits have, χ against ``reference``.

    Where the mask now is no brain, the whole mask stands for the whole brain.
    """
    if reference == WHOLE_BRAIN and any(v.reference == WHOLE_MASK for v in after.values):
        reference = WHOLE_MASK
    parameters: dict[str, float | str | bool] = {
        "reference": reference,
        "same_site": interval.same_site,
    }
    reasons = tuple(_doubts(before, after, interval))
    changes = tuple(_changes(before, after, interval, reference))
    if not changes:
        reasons = (f"no region has χ against the reference {reference} in both visits",)
    outcome = Outcome.FLAGGED if reasons else Outcome.GIVEN
    return Reading(
        kind="change",
        outcome=outcome if changes else Outcome.REFUSED,
        method=_METHOD,
        values=changes,
        reasons=reasons,
        parameters=parameters,
        dois=_DOIS,
    )


def _changes(before: Visit, after: Visit, interval: Interval, reference: str) -> Iterator[Value]:
    """Rows of every region and quantity."""
    for word, unit, zero in (("chi", "ppb", reference), ("r2star", "1/s", "")):
        for old, new in _same_means(before, after, word, zero):
            yield from _rows(old, new, (word, unit), interval)


def _same_means(before: Visit, after: Visit, word: str, zero: str) -> Iterator[tuple[Value, Value]]:
    """The mean of every region in both visits: of the whole of it, else the robust one."""
    whole, robust = (
        [{v.subject: v for v in visit.values if (v.name, v.reference) == (name, zero)}
         for visit in (before, after)]
        for name in (WHOLE_MEAN, f"robust_mean_{word}")
    )  # fmt: skip
    for region, old in robust[0].items():
        if word == "chi" and region in whole[0] and region in whole[1]:
            yield whole[0][region], whole[1][region]
        elif region in robust[1]:
            flags = (*old.flags, _BY_CORES) if word == "chi" else old.flags
            yield replace(old, flags=flags), robust[1][region]


def _rows(old: Value, new: Value, quantity: tuple[str, str], interval: Interval) -> Iterator[Value]:
    """Change, its limit, its size in standard deviations, and its pace."""
    word, unit = quantity
    sd = _sd_within(old, new, word, same_site=interval.same_site)
    change = new.number - old.number
    numbers = {
        f"change_{word}": (change, unit),
        f"limit_{word}": (RELIABLE * sd, unit),
        f"z_change_{word}": (change / (math.sqrt(2) * sd), ""),
    }
    if interval.years:
        numbers[f"pace_{word}"] = (change / interval.years, f"{unit}/a")
    sigma = None if old.sigma is None or new.sigma is None else math.hypot(old.sigma, new.sigma)
    for name, (number, its_unit) in numbers.items():
        yield Value(
            subject=new.subject, name=name, number=number, unit=its_unit,
            sigma=sigma if name == f"change_{word}" else None, reference=new.reference,
            voxels=min(old.voxels, new.voxels), flags=tuple({*old.flags, *new.flags}),
            quality=CHANGED if abs(change) > RELIABLE * sd else UNCHANGED,
        )  # fmt: skip


def _sd_within(old: Value, new: Value, word: str, *, same_site: bool) -> float:
    """Standard deviation of one visit without a change, by people or by noise, the larger."""
    of_people = SD_WITHIN[word][0 if same_site else 1]
    nucleus = place_of(new.subject).nucleus
    if word == "chi" and nucleus is not None:
        of_people *= _SCATTERS.get(nucleus, 1.0)
    if old.sigma is None or new.sigma is None:
        return of_people
    return max(of_people, math.sqrt((old.sigma**2 + new.sigma**2) / 2))


def _doubts(before: Visit, after: Visit, interval: Interval) -> Iterator[str]:
    """What makes the visits differ without a change of the patient."""
    if not interval.same_site:
        yield "the visits are of two sites: the limits are wider"
    for name in sorted({*before.made, *after.made}):
        was, now = before.made.get(name, "unknown"), after.made.get(name, "unknown")
        if was != now:
            yield f"{name}: found {was} before and {now} now"
    was_mm3, now_mm3 = before.mask_mm3, after.mask_mm3
    if was_mm3 and now_mm3 and abs(now_mm3 / was_mm3 - 1) > _MASK_CHANGE:
        ratio = now_mm3 / was_mm3
        yield f"the mask has {ratio:.0%} of its volume before: the whole brain is another zero"
