"""Options that say which images of a scan are given, and what they do not say themselves."""

from __future__ import annotations

import argparse

from streamrecon.commands.run_setup.existing import there, there_or_auto


def add_given_scan(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Images, echo times, field, phase sign and mask; give the group, for what else is a scan."""
    scan = parser.add_argument_group("the scan")
    scan.add_argument(
        "folder", type=there, nargs="?", metavar="DICOM_FOLDER",
        help="DICOM images of one scan, in place of the options that name its parts: phase and"
        " magnitude, else real and imaginary part",
    )  # fmt: skip
    scan.add_argument(
        "--phase", type=there, nargs="+", metavar="FILE",
        help="one 4-D file, or a file for each echo in their order; or DICOM files or folders, of"
        " which the phase images are taken; or one difference of two echoes",
    )  # fmt: skip
    scan.add_argument("--mag", type=there, nargs="+", metavar="FILE", help="magnitude, likewise")
    for part in ("real", "imag"):
        scan.add_argument(
            f"--{part}", type=there, nargs="+", metavar="FILE",
            help=f"{part}{'inary' if part == 'imag' else ''} part, in place of phase and magnitude",
        )  # fmt: skip
    scan.add_argument(
        "--te", nargs="+", default=[], metavar="TE",
        help="echo times in ms or s, as 4 8.5 or 0.004,0.0085 or 4ms 8.5ms (JSON sidecars)",
    )  # fmt: skip
    scan.add_argument("--b0", type=float, metavar="T", help="field strength (JSON sidecar)")
    scan.add_argument(
        "--sign", choices=("+1", "-1", "auto"), default="auto",
        help="+1 if the phase grows with the field, -1 if it falls; auto: of the sidecar, else of"
        " the vendor, else found by the object's outline, or iron and veins (auto)",
    )  # fmt: skip
    scan.add_argument(
        "--phase-ends", type=float, nargs=2, metavar=("LOW", "HIGH"),
        help="numbers that stand for -π and +π, where the range of the phase does not say it",
    )  # fmt: skip
    scan.add_argument(
        "--mask", type=there_or_auto, metavar="FILE|auto",
        help="brain, as 0 and 1 or probabilities; auto: the one beside the magnitude, named"
        " NAME_desc-brain_mask.nii.gz or NAME_mask.nii.gz (found in the images)",
    )  # fmt: skip
    return scan
