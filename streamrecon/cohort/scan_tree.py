"""Finds the scans of a tree: raw files, pairs of NIfTI files, folders of DICOM."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from streamrecon.cohort.entities import Entities, entities_of, prefix
from streamrecon.errors import ConfigError
from streamrecon.file_kinds import kind_of_file

RAW, NIFTI, DICOM = "raw", "NIfTI", "DICOM"

_RAW_ENDINGS = (".h5", ".mrd", ".ismrmrd")
_PAIRS = (("phase", "mag"), ("real", "imag"))
_PART = re.compile(r"_part-(phase|mag|real|imag)(?=_)")
_ECHO = re.compile(r"_echo-(\d+)(?=_)")
_IS_DICOM = "a DICOM file"


@dataclass(frozen=True, slots=True)
class CohortScan:
    """One scan of a tree.

    Parameters
    ----------
    entities
        Whose it is, and which of several.
    kind
        `RAW`, `NIFTI` or `DICOM`.
    files
        All that is read, in a fixed order.
    given
        Words of the command line that name them.
    labels
        Label map of its regions, and the file of their names; none: nothing is read in regions.
    """

    entities: Entities
    kind: str
    files: tuple[Path, ...]
    given: tuple[str, ...]
    labels: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Start of the names of its results."""
        return prefix(self.entities)


def find_scans(tree: Path) -> list[CohortScan]:
    """All scans of a tree, sorted by name.

    Raw files are known by their ending; NIfTI files as pairs of ``part-phase`` and ``part-mag``,
    or ``part-real`` and ``part-imag``, echoes by ``echo-``; DICOM as all files of a subject's
    folder, or a session's. Hidden folders and ``derivatives`` are passed over.

    Raises
    ------
    ConfigError
        If the tree is none or holds no scan, half of a pair is missing, or two scans would have
        one name.
    """
    if not tree.is_dir():
        raise ConfigError(f"{tree}: found {kind_of_file(tree)}, needed a folder of scans")
    files = [path for path in sorted(tree.rglob("*")) if path.is_file() and _counts(path, tree)]
    scans = [*_raw(files, tree), *_niftis(files, tree), *_dicoms(files, tree)]
    if not scans:
        raise ConfigError(
            f"{tree}: found {len(files)} files, none of them a scan; needed raw files "
            f"({', '.join(_RAW_ENDINGS)}), NIfTI pairs (part-phase, part-mag) or DICOM"
        )
    _refuse_same_names(scans, tree)
    return sorted(scans, key=lambda scan: scan.name)


def _counts(path: Path, tree: Path) -> bool:
    parts = path.relative_to(tree).parts
    return "derivatives" not in parts and not any(part.startswith(".") for part in parts)


def _raw(files: Sequence[Path], tree: Path) -> Iterator[CohortScan]:
    for path in files:
        if path.name.lower().endswith(_RAW_ENDINGS):
            yield CohortScan(entities_of(path.relative_to(tree)), RAW, (path,), (str(path),))


def _niftis(files: Sequence[Path], tree: Path) -> Iterator[CohortScan]:
    """Files that differ in part and echo alone are one scan."""
    groups: dict[Path, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in files:
        part = _PART.search(path.name)
        if part and path.name.lower().endswith((".nii", ".nii.gz")):
            name = _ECHO.sub("", _PART.sub("", path.name))
            groups[path.relative_to(tree).with_name(name)][part[1]].append(path)
    for scan, parts in groups.items():
        one, other = next(pair for pair in _PAIRS if pair[0] in parts or pair[1] in parts)
        if not (parts[one] and parts[other]):
            found = ", ".join(part for part in parts if parts[part])
            raise ConfigError(f"{scan}: found part {found}, needed {one} and {other}")
        pair = {part: sorted(parts[part], key=_echo) for part in (one, other)}
        given = [word for part, paths in pair.items() for word in (f"--{part}", *map(str, paths))]
        yield CohortScan(entities_of(scan), NIFTI, (*pair[one], *pair[other]), tuple(given))


def _echo(path: Path) -> tuple[int, str]:
    echo = _ECHO.search(path.name)
    return (int(echo[1]) if echo else 0), path.name


def _dicoms(files: Sequence[Path], tree: Path) -> Iterator[CohortScan]:
    """A subject's files, or a session's, are one scan; without such folders those of one folder."""
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        if not _is_named_otherwise(path) and kind_of_file(path) == _IS_DICOM:
            groups[_owner(path, tree)].append(path)
    for folder, paths in groups.items():
        where = folder.relative_to(tree)
        named = where if where.parts else PurePath(tree.resolve().name)
        yield CohortScan(entities_of(named), DICOM, tuple(paths), (str(folder),))


def _is_named_otherwise(path: Path) -> bool:
    return path.name.lower().endswith((*_RAW_ENDINGS, ".nii", ".nii.gz", ".json", ".tsv"))


def _owner(path: Path, tree: Path) -> Path:
    above = [folder for folder in path.parents if folder != tree and tree in folder.parents]
    named = [folder for folder in above if folder.name.startswith(("ses-", "sub-"))]
    if named:
        return named[0]
    return above[-1] if above else tree


def _refuse_same_names(scans: Sequence[CohortScan], tree: Path) -> None:
    seen: dict[str, CohortScan] = {}
    for scan in scans:
        other = seen.setdefault(scan.name.casefold(), scan)
        if other is not scan:
            both = " and ".join(str(each.files[0].relative_to(tree)) for each in (other, scan))
            raise ConfigError(
                f"{tree}: {both} would both be called {scan.name}; needed names that differ in "
                "sub-, ses-, acq-, rec- or run-"
            )
