"""Whose study the maps of DICOM images join, where they are written as DICOM themselves."""

from __future__ import annotations

import argparse
from dataclasses import replace

from streamrecon.commands.image_inputs.echo_files import EchoFiles
from streamrecon.errors import ConfigError
from streamrecon.model.scan import Ids


def add_dicom_output(parser: argparse._ArgumentGroup) -> None:
    """Give the parser the option."""
    parser.add_argument(
        "--dicom", action="store_true",
        help="write the maps as DICOM too, in the study and frame of reference of the images,"
        " which must be DICOM themselves",
    )  # fmt: skip


def formats_of(options: argparse.Namespace) -> list[str]:
    """What is written."""
    return ["nifti", "png", *(["dicom"] if options.dicom else [])]


def joined(files: EchoFiles, *, dicom: bool) -> EchoFiles:
    """The files with the names that are needed, and without any where none is.

    Raises
    ------
    ConfigError
        If DICOM is wanted and the images name no study.
    """
    if not dicom:
        return replace(files, ids=Ids())
    if not files.ids.study_uid:
        raise ConfigError("--dicom: found images that name no study, needed DICOM")
    return files
