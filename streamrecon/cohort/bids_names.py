"""Names of a scan's results in a BIDS derivative data set.

BIDS has no word yet for SWI, projections, local fields and others (bids-specification issue 1566):
these are called ``desc-<what it is>_T2starw``, which a validator takes without a ``.bidsignore``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from streamrecon.cohort.entities import Entities, prefix

_SUFFIXES = {"MEGRE", "Chimap", "R2starmap", "T2starmap", "S0map"}
_MASKS = {"mask": "brain", "veins": "veins"}
_FIELD = "fieldmap"
_BETWEEN = ("echo", "part")
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class ResultName:
    """A result's file name, taken apart.

    ``entities`` are those between protocol and suffix, as `streamrecon.output.names` writes them.
    """

    entities: Entities
    suffix: str

    @classmethod
    def of(cls, stem: str) -> ResultName:
        """Of a name without its ending.

        >>> ResultName.of("gre_run-2_echo-1_part-mag_MEGRE")
        ResultName(entities={'run': '2', 'echo': '1', 'part': 'mag'}, suffix='MEGRE')
        """
        _, *between, suffix = stem.split("_")
        pairs = (word.partition("-") for word in between)
        return cls({name: value for name, dash, value in pairs if dash}, suffix)


def bids_path(scan: Entities, result: ResultName) -> PurePath:
    """Where a result goes below the data set, without ending.

    Parameters
    ----------
    scan
        Entities of the scan.
    result
        Name that the reconstruction gave. Its ``run`` counts repetitions, its ``acq`` volumes that
        are not told apart: they join the scan's own.

    Examples
    --------
    >>> bids_path({"sub": "01", "ses": "2"}, ResultName({}, "Chimap")).as_posix()
    'sub-01/ses-2/anat/sub-01_ses-2_Chimap'
    >>> bids_path({"sub": "01"}, ResultName({"desc": "tswi"}, "minIP")).as_posix()
    'sub-01/anat/sub-01_desc-tswiMinIP_T2starw'
    """
    own = dict(scan)
    for name in ("acq", "run"):
        if name in result.entities:
            own[name] = _joined(scan.get(name), result.entities[name])
    words = [prefix(own)]
    words += [f"{name}-{result.entities[name]}" for name in _BETWEEN if name in result.entities]
    description, suffix = _described(result)
    words += [f"desc-{description}"] if description else []
    kind = "fmap" if suffix == _FIELD else "anat"
    return folder_of(scan) / kind / "_".join([*words, suffix])


def folder_of(scan: Entities) -> PurePath:
    """Folder of a subject, or of a session, below the data set."""
    return PurePath(*(f"{name}-{scan[name]}" for name in ("sub", "ses") if name in scan))


def magnitude_of_field(field: PurePath) -> PurePath:
    """Name of the magnitude that BIDS wants beside a field map; both without ending."""
    return field.with_name(f"{field.name.removesuffix(_FIELD)}magnitude")


def is_field(path: PurePath) -> bool:
    """Whether it is a field map, which needs a magnitude beside it."""
    return path.name.endswith(f"_{_FIELD}")


def field_as_image(field: PurePath) -> PurePath:
    """Name of a field map that has no magnitude, which BIDS does not take for one.

    >>> field_as_image(PurePath("sub-01/fmap/sub-01_run-1_fieldmap")).as_posix()
    'sub-01/anat/sub-01_run-1_desc-fieldmap_T2starw'
    """
    name = f"{field.name.removesuffix(_FIELD)}desc-{_FIELD}_T2starw"
    return field.parent.with_name("anat") / name


def magnitude_for(field: PurePath, names: Iterable[PurePath]) -> PurePath | None:
    """Of all names that of the first echo's magnitude of the same repetition, if there is one."""
    begin = f"{field.name.removesuffix(_FIELD)}echo-"
    found = (n for n in names if n.name.startswith(begin) and n.name.endswith("part-mag_MEGRE"))
    return next(found, None)


def _joined(scans: str | None, results: str) -> str:
    return results if scans is None else f"{scans}n{results}"


def _described(result: ResultName) -> tuple[str, str]:
    """The ``desc`` label, empty where none is needed, and the suffix."""
    given, suffix = result.entities.get("desc", ""), result.suffix
    if suffix in _SUFFIXES or suffix == _FIELD:
        return given, suffix
    if suffix in _MASKS:
        return given or _MASKS[suffix], "mask"
    what = _NOT_ALPHANUMERIC.sub("", suffix)
    if given and given != what:
        what = given + what[0].upper() + what[1:]
    return what, "T2starw"
