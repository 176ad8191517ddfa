"""`streamrecon convert`: writes a scan, raw lines or images, in another form of MRD."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from streamrecon.commands.run_setup.existing import there
from streamrecon.errors import ConfigError
from streamrecon.mrd.files.hdf5_writer import FileWriter
from streamrecon.mrd.files.open_scan import open_scan
from streamrecon.mrd.files.plain_stream import write_stream
from streamrecon.mrd.version2.stream import Mrd2Writer
from streamrecon.mrd.wire.messages import Close, Message
from streamrecon.storage.atomic_file import whole

_FORMS = {".h5": "hdf5", ".hdf5": "hdf5", ".mrd": "stream", ".mrd2": "mrd2"}


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Write a scan in another form: MRD 1 as HDF5 or as a plain stream, or MRD 2. Lines and"
        " pixels keep every bit; of a header what both versions have."
    )
    parser.add_argument("source", type=there, metavar="FILE", help="a scan or images, of any form")
    parser.add_argument("target", type=Path, metavar="OUT", help="the new file")
    parser.add_argument(
        "--to",
        choices=sorted(set(_FORMS.values())),
        help="form of the new file; by its name where not given (.h5, .mrd, .mrd2)",
    )
    parser.add_argument("--group", metavar="NAME", help="group of the scan in an HDF5 file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the new file, whole or not at all."""
    form = options.to or _FORMS.get(options.target.suffix.lower())
    if form is None:
        raise ConfigError(
            f"{options.target.name}: found no form in the name, needed one of"
            f" {', '.join(_FORMS)}, or --to"
        )
    with closing(open_scan(options.source, options.group)) as scan, whole(options.target) as path:
        _WRITERS[form](scan, path)
    print(options.target)
    return 0


def _as_hdf5(scan: Iterable[Message], path: Path) -> None:
    with FileWriter(path) as file:
        for message in scan:
            file.write(message)


def _as_stream(scan: Iterable[Message], path: Path) -> None:
    with path.open("wb") as file:
        write_stream(scan, file)
        write_stream([Close()], file)


def _as_mrd2(scan: Iterable[Message], path: Path) -> None:
    with path.open("wb") as file:
        writer = Mrd2Writer(file)
        for message in scan:
            writer.send(message)
        writer.send(Close())


_WRITERS = {"hdf5": _as_hdf5, "stream": _as_stream, "mrd2": _as_mrd2}
