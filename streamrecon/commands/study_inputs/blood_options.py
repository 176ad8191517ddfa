"""Options that say what is known of a patient's blood."""

from __future__ import annotations

import argparse

from streamrecon.analysis.oxygen.blood import DEOXYGENATED_PPM_CGS, SI_OVER_CGS, Blood, BloodModel
from streamrecon.analysis.oxygen.oximetry_reading import ASSUMED_HAEMATOCRIT


def add_blood(parser: argparse.ArgumentParser) -> None:
    """Give the parser haematocrit, arterial saturation and the constants."""
    parser.add_argument(
        "--hct", type=float, metavar="FRACTION",
        help="haematocrit, 0.42 for 42 %%; without it 0.42 is assumed and the reading is flagged",
    )  # fmt: skip
    parser.add_argument(
        "--ya", type=float, default=0.98, metavar="FRACTION",
        help="arterial saturation (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--delta-chi", choices=sorted(DEOXYGENATED_PPM_CGS), default="spees-2001",
        help="who measured the susceptibility of deoxygenated cells: "
        "spees-2001 0.27, jain-2012 0.273, weisskoff-1992 0.18 ppm cgs (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--tissue-ppm", type=float, default=0.0, metavar="PPM",
        help="susceptibility of tissue less plasma, SI (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--model", choices=[model.value for model in BloodModel], default=BloodModel.FULL.value,
        help="textbook leaves out oxygenated cells and tissue: Yv 0.03 higher (%(default)s)",
    )  # fmt: skip


def blood_of(options: argparse.Namespace) -> Blood:
    """The blood that the options describe.

    Raises
    ------
    ReconError
        If a fraction is none.
    """
    return Blood(
        haematocrit=ASSUMED_HAEMATOCRIT if options.hct is None else options.hct,
        deoxygenated_ppm=SI_OVER_CGS * DEOXYGENATED_PPM_CGS[options.delta_chi],
        tissue_ppm=options.tissue_ppm,
        arterial=options.ya,
        model=BloodModel(options.model),
    )
