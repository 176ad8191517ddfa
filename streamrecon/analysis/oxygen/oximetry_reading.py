"""Oximetry, vein density and oxygen consumption as readings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.oxygen.blood import SI_OVER_CGS, Blood
from streamrecon.analysis.oxygen.oximetry import VeinOxygen, VeinQuality, WholeBrain, whole_brain
from streamrecon.analysis.oxygen.vein_density import density_values, vein_density
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.maps.centrelines import CentreLines
from streamrecon.maps.veins import lost_to_voxels
from streamrecon.model.geometry import Geometry

Flags = NDArray[np.bool_]

ASSUMED_HAEMATOCRIT = 0.42
"""What is taken, and flagged, where none is given; women have about 0.40."""

_TISSUE = "surrounding tissue"
_FEWEST_VEINS = 5
_OXIMETRY = (
    "fit of a cylinder through the point spread to the complex echoes about each vein, "
    "susceptometry of sinuses, slope of the map of wide veins; combined by inverse variance"
)


def reading_of_oxygen(
    veins: Sequence[VeinOxygen],
    blood: Blood,
    *,
    assumed: bool,
    parameters: Mapping[str, float | str | bool] | None = None,
    doubts: Sequence[str] = (),
) -> Reading:
    """Saturation and extraction of every vein and of the whole brain.

    Refused without a single good vein; flagged where the haematocrit was assumed, where fewer than
    five veins are good, or where methods contradict each other.
    """
    brain = whole_brain(veins, blood)
    reasons = list(doubts)
    if assumed:
        reasons.insert(
            0,
            f"haematocrit not given: {blood.haematocrit:g} assumed; 0.03 more would make Yv "
            f"{0.03 / blood.haematocrit * (1 - 0.6):.2f} higher",
        )
    stated = {**blood_parameters(blood), **(parameters or {})}
    if brain is None:
        none = f"no vein of {len(veins)} is good: {_counts(veins)}"
        return Reading(
            kind="oximetry",
            outcome=Outcome.REFUSED,
            method=_OXIMETRY,
            reasons=(none, *reasons),
            parameters=stated,
        )
    if brain.veins < _FEWEST_VEINS:
        reasons.append(f"only {brain.veins} veins are good: {_counts(veins)}")
    apart = [
        vein.subject for vein in veins if vein.quality is VeinQuality.GOOD and not vein.agrees()
    ]
    if apart:
        reasons.append(f"methods contradict each other in {', '.join(apart)}")
    return Reading(
        kind="oximetry",
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method=_OXIMETRY,
        values=(*_of_brain(brain, blood), *(v for vein in veins for v in _of_vein(vein, blood))),
        reasons=tuple(reasons),
        parameters=stated,
        dois=("10.1002/mrm.20892", "10.1002/mrm.1072", "10.1002/mrm.23302"),
    )


def reading_of_density(
    lines: CentreLines,
    veins: Flags,
    regions: Mapping[str, Flags],
    geometry: Geometry,
    *,
    doubts: Sequence[str] = (),
) -> Reading:
    """Length and volume of veins in each region; flagged where voxels are coarse."""
    reasons = (*doubts, *lost_to_voxels(geometry))
    values = [
        value
        for name, region in regions.items()
        for value in density_values(name, vein_density(lines, veins, region, geometry))
    ]
    return Reading(
        kind="veins",
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method="length of the smoothed centre-lines and voxels of the vein mask, over the region's "
        "volume",
        values=tuple(values),
        reasons=reasons,
    )


def reading_of_consumption(
    flow_ml: Mapping[str, tuple[float, int]],
    saturation: float,
    saturation_sd: float | None,
    blood: Blood,
    *,
    own: Mapping[str, tuple[float, float | None]] | None = None,
    doubts: Sequence[str] = (),
) -> Reading:
    """CMRO2 of each territory from its flow [ml/100 g/min] and voxels, and a saturation.

    A territory with a saturation of its own (``own``: Yv and its standard deviation) has that. Of
    the others, which have the whole brain's, what they take up beyond the mean shows in their
    flow alone: they are flagged where there are own ones.
    """
    values, given = [], own or {}
    for name, (flow, voxels) in flow_ml.items():
        per_point = flow * blood.capacity_umol_per_ml()
        yv, yv_sd = given.get(name, (saturation, saturation_sd))
        is_mean = bool(given) and name not in given and name != "brain"
        flags = ("saturation of the whole brain",) if is_mean else ()
        values += [
            Value(
                subject=name, name="cmro2", number=blood.consumption(flow, yv),
                unit="umol/(100 g min)", voxels=voxels, flags=flags,
                sigma=None if yv_sd is None else per_point * yv_sd,
            ),
            Value(
                subject=name, name="cbf", number=flow, unit="mL/(100 g min)", voxels=voxels
            ),
            Value(subject=name, name="yv", number=yv, unit="1", sigma=yv_sd, flags=flags),
        ]  # fmt: skip
    return Reading(
        kind="cmro2",
        outcome=Outcome.FLAGGED if doubts else Outcome.GIVEN,
        method="Fick: CBF times oxygen capacity times (Ya - Yv); dissolved oxygen left out",
        values=tuple(values),
        reasons=tuple(doubts),
        parameters={
            **blood_parameters(blood),
            "yv": saturation,
            "capacity_umol_per_ml": blood.capacity_umol_per_ml(),
        },
    )


def blood_parameters(blood: Blood) -> dict[str, float | str | bool]:
    """The constants, as a report prints them."""
    return {
        "haematocrit": blood.haematocrit,
        "delta_chi_deoxygenated_ppm_si": blood.deoxygenated_ppm,
        "delta_chi_deoxygenated_ppm_cgs": blood.deoxygenated_ppm / SI_OVER_CGS,
        "chi_oxygenated_ppm_si": blood.oxygenated_ppm,
        "chi_tissue_ppm_si": blood.tissue_ppm,
        "ya": blood.arterial,
        "model": blood.model.value,
    }


def _of_brain(brain: WholeBrain, blood: Blood) -> Iterator[Value]:
    oef = blood.extraction_of(brain.saturation)
    for name, number, sigma in (
        ("yv", brain.saturation, brain.sd),
        ("oef", oef, brain.sd / blood.arterial),
        ("yv_spread", brain.spread, None),
    ):
        yield Value(subject="whole brain", name=name, number=number, unit="1", sigma=sigma)
    yield Value(subject="whole brain", name="good_veins", number=float(brain.veins), unit="")


def _of_vein(vein: VeinOxygen, blood: Blood) -> Iterator[Value]:
    sd = blood.saturation_sd(vein.chi_sd_ppm)
    saturation = blood.saturation_of(vein.chi_ppm)
    flags = () if vein.agrees() else ("methods contradict each other",)
    rows = (
        ("yv", saturation, sd, "1"),
        ("oef", blood.extraction_of(saturation), sd / blood.arterial, "1"),
        ("delta_chi", vein.chi_ppm, vein.chi_sd_ppm, "ppm"),
        ("radius", vein.radius_mm, vein.radius_sd_mm, "mm"),
        ("angle_to_b0", math.degrees(vein.angle_rad), None, "deg"),
        ("length", vein.length_mm, None, "mm"),
    )
    for name, number, sigma, unit in rows:
        if math.isfinite(number):
            yield Value(
                subject=vein.subject,
                name=name,
                number=number,
                unit=unit,
                sigma=sigma if sigma is not None and math.isfinite(sigma) else None,
                reference=_TISSUE if name == "delta_chi" else "",
                voxels=vein.voxels,
                quality=vein.quality.value,
                flags=flags,
            )


def _counts(veins: Sequence[VeinOxygen]) -> str:
    count = {quality: sum(vein.quality is quality for vein in veins) for quality in VeinQuality}
    return ", ".join(f"{n} {quality.value}" for quality, n in count.items() if n) or "none found"
