"""Which pair of images the command line gives: phase and magnitude, or real and imaginary part."""

from __future__ import annotations

import argparse
from pathlib import Path

from streamrecon.commands.image_inputs.complex_files import read_complex_files
from streamrecon.commands.image_inputs.echo_files import EchoFiles, read_echo_files
from streamrecon.errors import ConfigError


def first_of_pair(options: argparse.Namespace) -> Path:
    """First file of the one pair that is given.

    Raises
    ------
    ConfigError
        If there is none, half of one, or two.
    """
    names = ("phase", "mag", "real", "imag")
    found = tuple(name for name in names if getattr(options, name))
    if found not in {names[:2], names[2:]}:
        shown = " and ".join(f"--{name}" for name in found) or "neither"
        raise ConfigError(f"found {shown}, needed --phase and --mag, --real and --imag, or --local")
    if options.real and options.phase_ends:
        raise ConfigError("--phase-ends: found with --real and --imag, which have their own scale")
    path: Path = getattr(options, found[0])[0]
    return path


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
