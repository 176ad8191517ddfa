"""What is done to a scan of a cohort, and the record by which finished work is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

from streamrecon import __version__
from streamrecon.cohort.scan_tree import DICOM, RAW, CohortScan
from streamrecon.errors import StorageError
from streamrecon.storage.atomic_file import whole

BEGUN, DONE, FAILED = "begun", "done", "failed"

_LABELS = "labels"  # what those inputs are called that do not lie in the tree


@dataclass(frozen=True, slots=True)
class Work:
    """The work that all scans of a cohort are given.

    Parameters
    ----------
    raw
        Words behind ``streamrecon replay FILE``, but for the formats.
    images
        Words behind ``streamrecon maps`` and the images.
    raw_sha256, images_sha256
        Of the texts of their chain files.
    dicom
        Whether scans that name their study are written as DICOM too.
    """

    raw: tuple[str, ...]
    images: tuple[str, ...]
    raw_sha256: str
    images_sha256: str
    dicom: bool = False

    def arguments(self, scan: CohortScan) -> tuple[str, ...]:
        """Words of the command line that does it, paths below the tree; but for the output."""
        return self.command(scan, PurePath())

    def command(self, scan: CohortScan, tree: PurePath) -> tuple[str, ...]:
        """The same for a tree that lies there."""
        command = "replay" if scan.kind == RAW else "maps"
        given = (str(tree / each if isinstance(each, PurePath) else each) for each in scan.given)
        return command, *given, *self._words(scan.kind)

    def _words(self, kind: str) -> tuple[str, ...]:
        if kind == RAW:
            return *self.raw, "--format", "nifti,png,dicom" if self.dicom else "nifti,png"
        return *self.images, *(("--dicom",) if self.dicom and kind == DICOM else ())

    def key(self, scan: CohortScan, inputs: Mapping[str, Input]) -> str:
        """The same for the same inputs, work and version of streamrecon, wherever the files lie."""
        words = self._words(scan.kind)
        chain = self.raw_sha256 if scan.kind == RAW else self.images_sha256
        sums = [each.sha256 for each in inputs.values()]
        text = json.dumps([__version__, scan.kind, words, chain, sums])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Input:
    """A file that was read: size, time and checksum."""

    bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a scan's work, kept as JSON beside the results."""

    name: str
    state: str
    key: str
    inputs: dict[str, Input]
    arguments: tuple[str, ...] = ()
    outputs: dict[str, int] = field(default_factory=dict)  # paths below the output → bytes
    seconds: float = 0.0
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    version: str = __version__

    def is_whole(self, output: Path) -> bool:
        """Whether all that was made is there, in its size."""
        there = ((output / path, size) for path, size in self.outputs.items())
        return self.state == DONE and all(
            path.is_file() and path.stat().st_size == size for path, size in there
        )

    def write(self, path: Path) -> None:
        """Write it as a whole."""
        with whole(path) as scratch:
            scratch.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_record(output: Path, name: PurePath) -> Record | None:
    """The record of a scan, ``None`` where there is none.

    Parameters
    ----------
    output
        The data set.
    name
        Of the record below it; errors name that alone, since a data set may be seen as a copy.

    Raises
    ------
    StorageError
        If it is there and cannot be read.
    """
    try:
        facts = json.loads((output / name).read_text(encoding="utf-8"))
        inputs = {name: Input(**each) for name, each in facts.pop("inputs").items()}
        return Record(inputs=inputs, **facts)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise StorageError(f"{name}: is no record of a scan ({e}); needed: remove it") from e


def checked_inputs(scan: CohortScan, tree: Path, known: Record | None) -> dict[str, Input]:
    """Size, time and checksum of each file; one that has kept size and time is not read again."""
    before = known.inputs if known is not None else {}
    places = {path.as_posix(): tree / path for path in scan.files} | _labels(scan)
    return {name: _checked(path, before.get(name)) for name, path in places.items()}


@dataclass(frozen=True, slots=True)
class FileState:
    """Size of a file, and when it was changed; each -1 where its file system does not say."""

    bytes: int
    mtime_ns: int

    def is_of(self, known: Input) -> bool:
        """Whether a file has kept what is known of it."""
        return (self.bytes, self.mtime_ns) == (known.bytes, known.mtime_ns)


def state_of(path: Path) -> FileState:
    """State of a file of this machine."""
    found = path.stat()
    return FileState(found.st_size, found.st_mtime_ns)


def have_kept(scan: CohortScan, known: Record, state: Callable[[PurePath], FileState]) -> bool:
    """Whether all files of a scan have the size and time that they had, and are the same ones.

    Parameters
    ----------
    scan, known
        The scan, and what was recorded of it.
    state
        Of a file below the tree.

    Raises
    ------
    OSError
        If a file has gone.
    """
    states = {path.as_posix(): state(path) for path in scan.files}
    states |= {name: state_of(path) for name, path in _labels(scan).items()}
    return list(states) == list(known.inputs) and all(
        each.is_of(known.inputs[name]) for name, each in states.items()
    )


def _labels(scan: CohortScan) -> dict[str, Path]:
    return {f"{_LABELS}/{path.name}": path for path in scan.labels}


def _checked(path: Path, known: Input | None) -> Input:
    found = state_of(path)
    if known and found.is_of(known):
        return known
    return Input(found.bytes, found.mtime_ns, sha256_of(path))


def sha256_of(path: Path) -> str:
    """Checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
