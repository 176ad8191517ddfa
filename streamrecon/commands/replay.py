"""`streamrecon replay`: runs files through a chain, without a server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from streamrecon.commands.run_setup.chains import chosen_chain, pseudonym_secret
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import (
    add_chain,
    add_header,
    add_output,
    add_storage,
    given_header,
    lines_if_shown,
    writable,
    write,
)
from streamrecon.console import Watch, complain
from streamrecon.errors import ConfigError, StreamReconError, in_words
from streamrecon.model.notice import Level, Notice
from streamrecon.output.names import all_different
from streamrecon.replay import replay

_OF_CUT_SCANS = {"incomplete": "reconstruct"}


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = "Reconstruct each file as the service would; one folder for each."
    parser.add_argument("files", type=there, nargs="+", metavar="FILE", help="MRD files or streams")
    parser.add_argument("--stop", action="store_true", help="stop at the first file that fails")
    parser.add_argument(
        "--recover",
        action="store_true",
        help="take raw copies that were cut (.part): without CLOSE, with lines missing",
    )
    add_chain(parser, "a packaged chain by name, or a chain file")
    add_storage(parser)
    add_output(parser, "folder for the folders")
    add_header(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Reconstruct file after file; 1 if any failed."""
    status, secret, header = 0, pseudonym_secret(), given_header(options)
    for file, folder in zip(options.files, _folders(options.files, options.output), strict=True):
        try:
            writable(folder)
            usual = _OF_CUT_SCANS if options.recover else {}
            chain = chosen_chain(options, session=file.name, tables=folder, usual=usual)
            with Watch(file.name, total=lines_if_shown(options, file)) as watch:
                watch.say(Notice(Level.INFO, f"{file.name}, to {folder}"))
                given = {"group": options.group, "header": header}
                harvest = replay(file, chain, watch, **given, is_cut=options.recover)
            write(replace(harvest, secret=secret), folder, options.format)
        except ConfigError:
            raise  # the next file would meet the same chain
        except (StreamReconError, MemoryError) as e:
            complain(f"{file.name}: {in_words(e).replace(f'{file.name}: ', '', 1)}")
            status = 1
            if options.stop:
                break
    return status


def _folders(files: Sequence[Path], output: Path) -> list[Path]:
    """A folder for each file, named like it; files of one name are numbered."""
    return [output / name for name in all_different(file.stem for file in files)]
