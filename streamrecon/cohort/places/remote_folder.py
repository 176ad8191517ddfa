"""A folder that fsspec reads: in an object store, on a web server, in an archive."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote, unquote

from streamrecon.cohort.job import FileState
from streamrecon.cohort.places.url_errors import plain_errors, without_credentials
from streamrecon.cohort.scan_tree import Listing
from streamrecon.errors import ConfigError, DataError
from streamrecon.file_kinds import kind_of_bytes
from streamrecon.machine.optional_packages import optional_package

_START = 400  # bytes, by which a kind is known
_TIMES = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")
_WEB = ("http://", "https://")
_TEMPORARY = ".unfinished-"


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """What lies below a URL; there need not be real folders.

    A worker gets the URL and opens it for itself.
    """

    url: str = field(repr=False)  # engines print arguments in their logs

    def __str__(self) -> str:
        return without_credentials(self.url)

    @property
    def name(self) -> str:
        """Last part of the path, of an archive without its ending; else the host or bucket."""
        path = str(self).partition("?")[0].rstrip("/").rpartition("/")[2]
        return path.rpartition("@")[2].removesuffix(".zip").removesuffix(".tar").rstrip(":")

    def states(self, below: str = "") -> dict[PurePath, FileState]:
        """All files below the URL, or below a folder of it, with size and time.

        Raises
        ------
        ConfigError
            As `plain_errors`; or if a name leads out of the folder.
        """
        fs, root = self._opened()
        top = _joined(root, below)
        with plain_errors(self.url, needed="a folder that can be listed"):
            found = _listed(fs, top)
            infos = [fs.info(path) if each.get("size") is None else each
                     for path, each in found.items()]  # fmt: skip
        names = [self._name(path, root) for path in found]
        return {
            name: _state(info)
            for name, info in sorted(zip(names, infos, strict=True), key=lambda each: each[0])
            if not name.name.startswith(_TEMPORARY)
        }

    def listing(self, states: Mapping[PurePath, FileState]) -> Listing:
        """Its files as `find_scans` takes them; of those whose kind is asked the start is read."""

        def kinds(names: Sequence[PurePath]) -> list[str]:
            filled = [name for name in names if states[name].bytes]
            starts = dict(zip(filled, self._starts(filled), strict=True))
            return [kind_of_bytes(starts.get(name, b"")) for name in names]

        return Listing(str(self), self.name, tuple(states), kinds)

    def fetch(self, name: PurePath, folder: Path) -> None:
        """Copy a file to its name in a folder of this machine, with its time if that is known.

        Raises
        ------
        ConfigError, DataError
            As `plain_errors`; or if it has not the size that it should have.
        """
        fs, root = self._opened()
        path, copy = self._path(root, name), folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with plain_errors(self._url_of(name), needed="the file that was listed"):
            state = _state(fs.info(path))
            fs.get_file(path, str(copy))
        size = copy.stat().st_size
        if state.bytes not in {size, -1}:
            raise DataError(
                f"{without_credentials(self._url_of(name))}: found {size} bytes, needed "
                f"{state.bytes} as its file system says"
            )
        if state.mtime_ns >= 0:
            os.utime(copy, ns=(state.mtime_ns, state.mtime_ns))

    def put(self, path: Path, name: PurePath) -> None:
        """Copy a file of this machine there, so that it has its name when it is whole.

        File systems that can rename get it under another name first; object stores show an object
        when it is whole.

        Raises
        ------
        ConfigError
            As `plain_errors`.
        """
        fs, root = self._opened()
        final = self._path(root, name)
        with plain_errors(self._url_of(name), needed="a place that can be written to"):
            if not _renames(fs):
                fs.put_file(str(path), final)
                return
            scratch = self._path(root, name.with_name(f"{_TEMPORARY}{os.getpid()}-{name.name}"))
            try:
                fs.put_file(str(path), scratch)
            except BaseException:
                with suppress(Exception):  # the first error is the one to tell
                    fs.rm_file(scratch)
                raise
            if fs.exists(final):
                fs.rm_file(final)
            fs.mv(scratch, final)

    def remove(self, name: PurePath) -> None:
        """Remove a file."""
        fs, root = self._opened()
        with plain_errors(self._url_of(name), needed="a file that can be removed"):
            fs.rm_file(self._path(root, name))

    def _opened(self) -> tuple[Any, str]:
        core = optional_package("fsspec.core", "batch", needed_by=str(self))
        with plain_errors(self.url, needed="a folder"):
            fs, root = core.url_to_fs(self.url)
            fs.invalidate_cache()  # what it knows may be of an earlier scan
        return fs, root.rstrip("/")

    def _starts(self, names: Sequence[PurePath]) -> list[bytes]:
        fs, root = self._opened()
        paths = [self._path(root, name) for name in names]
        with plain_errors(self.url, needed="files that can be read"):
            found = fs.cat_ranges(paths, 0, _START, on_error="raise") if paths else []
            return [bytes(each[:_START]) for each in found]

    def _name(self, path: str, root: str) -> PurePath:
        inside = path.removeprefix(root).lstrip("/")
        name = PurePath(unquote(inside) if self._is_web else inside)
        if not inside or ".." in name.parts or name.is_absolute():
            shown = without_credentials(path)
            raise ConfigError(f"{self}: found {shown}, needed a folder with files of plain names")
        return name

    def _path(self, root: str, name: PurePath) -> str:
        return _joined(root, quote(name.as_posix()) if self._is_web else name.as_posix())

    def _url_of(self, name: PurePath) -> str:
        first, *others = self.url.split("::")
        path, mark, query = first.partition("?")
        return "::".join([f"{path.rstrip('/')}/{name.as_posix()}{mark}{query}", *others])

    @property
    def _is_web(self) -> bool:
        """Whether its names are parts of addresses."""
        return self.url.startswith(_WEB) and "::" not in self.url


def _joined(root: str, name: str) -> str:
    return "/".join(part for part in (root, name) if part)


def _listed(fs: Any, top: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401  (has no types)
    """Paths of all files → what is known of them.

    fsspec's own search passes over what it may not read; that of an object store does not, and
    needs few requests.
    """
    spec: Any = import_module("fsspec.spec")
    asyn: Any = import_module("fsspec.asyn")
    of_walk = (spec.AbstractFileSystem.find, asyn.AsyncFileSystem._find)  # noqa: SLF001
    if getattr(type(fs), "_find", type(fs).find) not in of_walk:
        return {p: i for p, i in fs.find(top, detail=True).items() if not p.endswith("/")}
    found: dict[str, dict[str, Any]] = {}
    for _, _, files in fs.walk(top, detail=True, on_error="raise"):
        found |= {str(info["name"]): info for info in files.values()}
    return found


def _renames(fs: Any) -> bool:  # noqa: ANN401  (has no types)
    """Whether it has a way of its own to rename: the usual one copies and removes."""
    spec: Any = import_module("fsspec.spec")
    return type(fs).mv is not spec.AbstractFileSystem.mv


def _state(info: Mapping[str, Any]) -> FileState:
    times = (info.get(name) for name in _TIMES)
    time = next((each for each in times if each is not None), None)
    size = info.get("size")
    return FileState(-1 if size is None else int(size), _ns(time))


def _ns(time: object) -> int:
    """A time as file systems tell it [ns]; -1 where it is none."""
    if isinstance(time, str):
        try:
            time = (
                datetime.fromisoformat(time)
                if re.match(r"\d{4}-", time)
                else parsedate_to_datetime(time)
            )
        except ValueError:
            return -1
    if isinstance(time, datetime):
        time = time.timestamp()
    if not isinstance(time, (int, float)) or not math.isfinite(time):
        return -1
    return round(time * 1e9)
