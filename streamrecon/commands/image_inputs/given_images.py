"""Which pair of images the command line gives: phase and magnitude, or real and imaginary part."""

from __future__ import annotations

import argparse
from pathlib import Path

from streamrecon.commands.image_inputs.complex_files import read_complex_files
from streamrecon.commands.image_inputs.dicom_files import parts_in
from streamrecon.commands.image_inputs.echo_files import EchoFiles, read_echo_files
from streamrecon.errors import ConfigError, DataError
from streamrecon.file_kinds import kind_of_file
from streamrecon.model.complex_part import Part

_PHASED, _COMPLEX = ("phase", "mag"), ("real", "imag")


def first_of_pair(options: argparse.Namespace) -> Path:
    """First file of the one pair that is given; a DICOM folder is taken for the pair that it has.

    Raises
    ------
    ConfigError
        If there is none, half of one, or two.
    DataError
        If a folder has no pair.
    """
    if options.folder is not None:
        _take_folder(options)
    found = tuple(name for name in (*_PHASED, *_COMPLEX) if getattr(options, name))
    if found not in {_PHASED, _COMPLEX}:
        shown = " and ".join(f"--{name}" for name in found) or "neither"
        raise ConfigError(f"found {shown}, needed --phase and --mag, --real and --imag, or --local")
    if options.real and options.phase_ends:
        raise ConfigError("--phase-ends: found with --real and --imag, which have their own scale")
    path: Path = getattr(options, found[0])[0]
    return path


def _take_folder(options: argparse.Namespace) -> None:
    """Set the options of the pair that is in the folder: phase and magnitude if they are."""
    folder: Path = options.folder
    given = [f"--{name}" for name in (*_PHASED, *_COMPLEX) if getattr(options, name)]
    if given:
        raise ConfigError(f"found a folder and {given[0]}, needed one of both")
    if not folder.is_dir():
        raise ConfigError(f"{folder}: found {kind_of_file(folder)}, needed a folder of DICOM files")
    parts = parts_in(folder)
    if parts >= {Part.PHASE, Part.MAGNITUDE}:
        options.phase = options.mag = [folder]
    elif parts >= {Part.REAL, Part.IMAGINARY}:
        options.real = options.imag = [folder]
    else:
        found = " and ".join(sorted(part.value for part in parts)) or "no part of complex images"
        raise DataError(
            f"{folder}: found {found}, needed DICOM of phase and magnitude, or of real and "
            "imaginary part"
        )


def read_given(options: argparse.Namespace) -> EchoFiles:
    """Echoes of the pair that is given.

    Raises
    ------
    ConfigError, DataError
        As `read_echo_files` and `read_complex_files`.
    """
    if options.real:
        return read_complex_files(options.real, options.imag, te=options.te, b0_t=options.b0)
    ends = None if options.phase_ends is None else tuple(options.phase_ends)
    return read_echo_files(options.phase, options.mag, te=options.te, b0_t=options.b0, ends=ends)
