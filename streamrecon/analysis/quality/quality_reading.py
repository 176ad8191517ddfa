"""The quality of a scan as a reading: each measure with its light, and the worst of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from streamrecon.analysis.quality.quality_limits import ESSENTIAL, LIMITS
from streamrecon.analysis.quality.quality_maps import QualityMaps, measures_of
from streamrecon.analysis.quality.quality_measures import slice_angle_deg
from streamrecon.analysis.reading import Light, Outcome, Reading, Value

KIND = "qc"
_SUBJECT = "scan"
_METHOD = (
    "measures of the maps against limits chosen on simulated heads; a green light says that no "
    "usual fault was seen, and nothing of a finding"
)
_ORDER = tuple(Light)  # from good to bad


def read_quality(maps: QualityMaps) -> Reading:
    """Take every measure, and light the worst.

    Raises
    ------
    ReconError
        If the mask is empty or there is no signal.
    """
    return reading_of_measures(
        measures_of(maps), angle_deg=slice_angle_deg(maps.geometry), worked_s=maps.worked_s
    )


def reading_of_measures(
    measures: Mapping[str, float], *, angle_deg: float, worked_s: Mapping[str, float]
) -> Reading:
    """The reading of measures by the names of `LIMITS`.

    Parameters
    ----------
    measures
        NaN for one that could not be taken: it has no light, and is named; without one of
        `ESSENTIAL` the reading is not green but `Light.UNJUDGED`, where nothing worse was seen.
    angle_deg
        Angle between slice axis and B0 [°], which is told without a light.
    worked_s
        Seconds that each gadget had worked.
    """
    lights = {name: LIMITS[name].light(number) for name, number in measures.items()}
    untold = [ESSENTIAL[name] for name in ESSENTIAL if math.isnan(measures.get(name, math.nan))]
    least = Light.UNJUDGED if untold else Light.GREEN
    light = max((least, *lights.values()), key=_ORDER.index)
    reasons = [
        _in_words(name, measures[name], lights[name])
        for name in sorted(lights, key=lambda name: -_ORDER.index(lights[name]))
        if lights[name] is not Light.GREEN
    ]
    reasons += [f"could not be told: {'; '.join(untold)}"] if untold else []
    unknown = [name.replace("_", " ") for name, number in measures.items() if math.isnan(number)]
    if unknown:
        reasons.append(f"not measured: {', '.join(unknown)}")
    timed = sorted(worked_s.items(), key=lambda each: -each[1])
    return Reading(
        kind=KIND,
        outcome=Outcome.GIVEN if light is Light.GREEN else Outcome.FLAGGED,
        method=_METHOD,
        values=(
            *(_value(name, number, lights[name]) for name, number in measures.items()),
            Value(subject=_SUBJECT, name="slice_to_b0", number=angle_deg, unit="deg"),
            *(
                Value(subject=gadget, name="worked", number=seconds, unit="s")
                for gadget, seconds in timed
            ),
        ),
        reasons=tuple(reasons),
        parameters={
            f"{name}_{word}": limit
            for name, row in LIMITS.items()
            for word, limit in (("amber", row.amber), ("red", row.red))
        },
        light=light,
    )


def _value(name: str, number: float, light: Light) -> Value:
    known = not math.isnan(number)
    return Value(
        subject=name.replace("_", " "),
        name="measure",
        number=number,
        unit=LIMITS[name].unit,
        quality=light.value if known else "",
        flags=() if known else ("not measured",),
    )


def _in_words(name: str, number: float, light: Light) -> str:
    limit = LIMITS[name]
    bound = limit.red if light is Light.RED else limit.amber
    unit = "" if limit.unit == "1" else f" {limit.unit}"
    side = "below" if limit.amber > limit.red else "above"
    return f"{limit.says}: {name.replace('_', ' ')} {number:.3g}{unit}, {side} {bound:g}{unit}"
