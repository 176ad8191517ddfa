"""`streamrecon analyze cmro2`: oxygen consumption from blood flow and venous saturation."""

from __future__ import annotations

import argparse
import math

import numpy as np

from streamrecon.analysis.oxygen.oximetry_reading import reading_of_consumption
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import (
    Analysed,
    add_folder,
    analyse,
    labels_of,
)
from streamrecon.commands.study_inputs.blood_options import add_blood, blood_of
from streamrecon.errors import ConfigError
from streamrecon.output.readings.label_map import values_on_grid
from streamrecon.output.readings.map_folder import MapFolder

_FLOWS = (2.0, 300.0)  # ml/100 g/min: of a brain 50, of a region far less or more


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Cerebral oxygen consumption (CMRO2) by Fick's principle, of the brain and of each region "
        "of a label map. For research use, not for diagnosis."
    )
    needed = add_folder(parser, labels="used")
    add_blood(parser)
    flow = needed.add_mutually_exclusive_group(required=True)
    flow.add_argument(
        "--cbf", type=there, metavar="FILE",
        help="NIfTI of blood flow [ml/100 g/min] on the grid of the maps",
    )  # fmt: skip
    flow.add_argument(
        "--cbf-value", type=float, metavar="ML", help="blood flow of the brain [ml/100 g/min]"
    )
    needed.add_argument(
        "--yv", type=float, required=True, metavar="FRACTION",
        help="venous saturation, as `analyze oximetry` gives it for the whole brain",
    )  # fmt: skip
    parser.add_argument("--yv-sd", type=float, metavar="FRACTION", help="its standard deviation")
    parser.add_argument(
        "--territory-yv", action="append", default=[], metavar="NAME=YV[,SD]",
        help="saturation of the veins that drain a region of the label map; may be repeated",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Work out and report it; 0 given, 1 flagged, 2 refused."""
    return analyse(options, "cmro2", lambda maps: _analysed(maps, options))


def _analysed(maps: MapFolder, options: argparse.Namespace) -> Analysed:
    flows = _flows(maps, options)
    for name, (flow, _) in flows.items():
        if not _FLOWS[0] <= flow <= _FLOWS[1]:
            raise ConfigError(
                f"cerebral blood flow of {name}: found {flow:.3g}, needed ml/100 g/min"
            )
    if not 0 <= options.yv <= 1:
        raise ConfigError(f"--yv: found {options.yv:g}, needed a fraction of 0 to 1")
    blood = blood_of(options)
    doubts = () if options.hct is not None else (f"haematocrit {blood.haematocrit:g} assumed",)
    own = dict(_territory(text) for text in options.territory_yv)
    if unknown := sorted(own.keys() - flows.keys()):
        known = ", ".join(flows)
        raise ConfigError(f"--territory-yv: found no flow of {', '.join(unknown)}, have {known}")
    return Analysed(
        reading=reading_of_consumption(
            flows, options.yv, options.yv_sd, blood, own=own, doubts=doubts
        )
    )


def _territory(text: str) -> tuple[str, tuple[float, float | None]]:
    """Name, saturation and its standard deviation, if that is given.

    >>> _territory("left MCA=0.55,0.02"), _territory("pons=0.6")
    (('left MCA', (0.55, 0.02)), ('pons', (0.6, None)))
    """
    name, _, numbers = text.rpartition("=")
    try:
        yv, *sd = (float(number) for number in numbers.split(","))
    except ValueError:
        yv, sd = math.nan, []
    if not name or not 0 <= yv <= 1 or len(sd) > 1:
        raise ConfigError(f"--territory-yv: found {text!r}, needed NAME=YV or NAME=YV,SD")
    return name.strip(), (yv, sd[0] if sd else None)


def _flows(maps: MapFolder, options: argparse.Namespace) -> dict[str, tuple[float, int]]:
    """Mean flow and voxels of the brain and of each region."""
    if options.cbf is None:
        return {"brain": (options.cbf_value, 0)}
    flow = values_on_grid(options.cbf, maps.geometry)
    labels = labels_of(options, maps)
    regions = {"brain": maps.mask()} | ({} if labels is None else dict(labels.regions()))
    found = {}
    for name, region in regions.items():
        known = region & np.isfinite(flow) & (flow != 0)
        if known.any():
            found[name] = (float(flow[known].mean()), int(known.sum()))
    if not found:
        raise ConfigError(f"{options.cbf.name}: found no blood flow inside the brain")
    return found
