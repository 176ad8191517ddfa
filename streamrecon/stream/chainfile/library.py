"""Finds chain files by name: only in known folders, only plain names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from streamrecon.errors import ConfigError

_ENDING = ".xml"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_PACKAGE = "streamrecon.chains"  # the folder config/ of the repository


def find_chain_file(name: str, folders: Iterable[Path] = ()) -> bytes:
    """Text of the chain file called ``name``, with or without ``.xml``.

    The packaged files come first, so that a folder cannot change what a packaged name means.

    Raises
    ------
    ConfigError
        If the name is no plain file name, or no folder has it; with the nearest known name.
    """
    if not _PLAIN.fullmatch(name):
        raise ConfigError(f"config name: found {name[:80]!r}, needed a plain file name")
    file_name = name if name.endswith(_ENDING) else name + _ENDING
    packaged = resources.files(_PACKAGE) / file_name
    if packaged.is_file():
        return packaged.read_bytes()
    for folder in folders:
        if (folder / file_name).is_file():
            return (folder / file_name).read_bytes()
    near = get_close_matches(file_name, chain_file_names(folders), n=1)
    hint = f"; did you mean {near[0].removesuffix(_ENDING)}?" if near else ""
    raise ConfigError(f"config {name!r}: unknown{hint}")


def chain_file_names(folders: Iterable[Path] = ()) -> list[str]:
    """File names that `find_chain_file` knows, sorted."""
    packaged = {entry.name for entry in resources.files(_PACKAGE).iterdir()}
    found = {entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()}
    return sorted(name for name in packaged | found if name.endswith(_ENDING))
