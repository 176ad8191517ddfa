"""Finds the scans of a tree: raw files, pairs of NIfTI files, folders of DICOM."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from streamrecon.cohort.entities import Entities, entities_of, prefix, stem
from streamrecon.errors import ConfigError
from streamrecon.file_kinds import kind_of_file

RAW, NIFTI, DICOM = "raw", "NIfTI", "DICOM"

_RAW_ENDINGS = (".h5", ".mrd", ".ismrmrd")
_PAIRS = (("phase", "mag"), ("real", "imag"))
_PART = re.compile(r"_part-(phase|mag|real|imag)(?=_)")
_ECHO = re.compile(r"_echo-(\d+)(?=_)")
_IS_DICOM = "a DICOM file"


@dataclass(frozen=True, slots=True)
class Listing:
    """Files of a tree, wherever it is.

    Parameters
    ----------
    tree
        As messages name it.
    name
        Of the tree alone, without where it is.
    files
        All of them, below the tree, sorted.
    kinds
        Kinds of some of them by their first bytes, see `streamrecon.file_kinds`.
    """

    tree: str
    name: str
    files: tuple[PurePath, ...]
    kinds: Callable[[Sequence[PurePath]], list[str]]


def listed(tree: Path) -> Listing:
    """Files of a folder.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if not tree.is_dir():
        raise ConfigError(f"{tree}: found {kind_of_file(tree)}, needed a folder of scans")
    files = sorted(path.relative_to(tree) for path in tree.rglob("*") if path.is_file())
    return Listing(
        str(tree),
        tree.resolve().name,
        tuple(files),
        lambda names: [kind_of_file(tree / name) for name in names],
    )


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
        All that is read, below the tree, in a fixed order.
    given
        Options of the command line that name them, and paths below the tree.
    labels
        Label map of its regions, and the file of their names; none: nothing is read in regions.
    fault
        Why it cannot be read as one scan, told when its turn comes; empty: nothing is wrong.
    """

    entities: Entities
    kind: str
    files: tuple[PurePath, ...]
    given: tuple[str | PurePath, ...]
    labels: tuple[Path, ...] = ()
    fault: str = ""

    @property
    def name(self) -> str:
        """Start of the names of its results."""
        return prefix(self.entities)


def find_scans(listing: Listing) -> list[CohortScan]:
    """All scans of a tree, sorted by name.

    Raw files are known by their ending; NIfTI files as pairs of ``part-phase`` and ``part-mag``,
    or ``part-real`` and ``part-imag``, echoes by ``echo-``, with the JSON beside them; DICOM as
    all files of a subject's folder, or a session's. Hidden folders and ``derivatives`` are passed
    over. A pair that lacks a half, and scans that would have one name, have a `CohortScan.fault`.

    Raises
    ------
    ConfigError
        If the tree holds no scan.
    """
    files = [path for path in listing.files if _counts(path)]
    scans = [*_raw(files), *_niftis(files), *_dicoms(files, listing)]
    if not scans:
        raise ConfigError(
            f"{listing.tree}: found {len(files)} files, none of them a scan; needed raw files "
            f"({', '.join(_RAW_ENDINGS)}), NIfTI pairs (part-phase, part-mag) or DICOM"
        )
    return sorted(_of_one_name(scans), key=lambda scan: scan.name)


def _counts(path: PurePath) -> bool:
    return "derivatives" not in path.parts and not any(p.startswith(".") for p in path.parts)


def _raw(files: Sequence[PurePath]) -> Iterator[CohortScan]:
    for path in files:
        if path.name.lower().endswith(_RAW_ENDINGS):
            yield CohortScan(entities_of(path), RAW, (path,), (path,))


def _niftis(files: Sequence[PurePath]) -> Iterator[CohortScan]:
    """Files that differ in part, echo and whether they are packed alone are one scan."""
    groups: dict[PurePath, dict[str, list[PurePath]]] = defaultdict(lambda: defaultdict(list))
    for path in files:
        part = _PART.search(path.name)
        if part and path.name.lower().endswith((".nii", ".nii.gz")):
            name = _ECHO.sub("", _PART.sub("", stem(path.name)))
            groups[path.with_name(name)][part[1]].append(path)
    there = set(files)
    for scan, parts in groups.items():
        one, other = next(pair for pair in _PAIRS if pair[0] in parts or pair[1] in parts)
        fault = ""
        if not (parts[one] and parts[other]):
            found = ", ".join(part for part in parts if parts[part])
            fault = f"{scan}: found part {found}, needed {one} and {other}"
        pair = {part: sorted(parts[part], key=_echo) for part in (one, other)}
        images = (*pair[one], *pair[other])
        beside = (path.with_name(f"{stem(path.name)}.json") for path in images)
        given: list[str | PurePath] = []
        for name, paths in pair.items():
            given += [f"--{name}", *paths]
        sidecars = (path for path in beside if path in there)
        files = (*images, *sidecars)
        yield CohortScan(entities_of(scan), NIFTI, files, tuple(given), fault=fault)


def _echo(path: PurePath) -> tuple[int, str]:
    echo = _ECHO.search(path.name)
    return (int(echo[1]) if echo else 0), path.name


def _dicoms(files: Sequence[PurePath], listing: Listing) -> Iterator[CohortScan]:
    """A subject's files, or a session's, are one scan; without such folders those of one folder."""
    unnamed = [path for path in files if not _is_named_otherwise(path)]
    groups: dict[PurePath, list[PurePath]] = defaultdict(list)
    for path, kind in zip(unnamed, listing.kinds(unnamed), strict=True):
        if kind == _IS_DICOM:
            groups[_owner(path)].append(path)
    for folder, paths in groups.items():
        named = folder if folder.parts else PurePath(listing.name)
        yield CohortScan(entities_of(named), DICOM, tuple(paths), (folder,))


def _is_named_otherwise(path: PurePath) -> bool:
    return path.name.lower().endswith((*_RAW_ENDINGS, ".nii", ".nii.gz", ".json", ".tsv"))


def _owner(path: PurePath) -> PurePath:
    above = [folder for folder in path.parents if folder.parts]
    named = [folder for folder in above if folder.name.startswith(("ses-", "sub-"))]
    if named:
        return named[0]
    return above[-1] if above else PurePath()


def _of_one_name(scans: Sequence[CohortScan]) -> Iterator[CohortScan]:
    """The scans; those that would have one name are one that cannot be read."""
    named: dict[str, list[CohortScan]] = defaultdict(list)
    for scan in scans:
        named[scan.name.casefold()].append(scan)
    for alike in named.values():
        first, *others = alike
        if others:
            all_of_them = " and ".join(str(each.files[0]) for each in alike)
            fault = (
                f"{all_of_them} would all be called {first.name}; needed names that differ in"
                " sub-, ses-, acq-, rec- or run-"
            )
            files = tuple(file for each in alike for file in each.files)
            first = replace(first, files=files, fault=fault)
        yield first
