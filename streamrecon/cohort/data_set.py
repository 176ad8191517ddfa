"""Moves the results of a scan into a BIDS derivative data set, with what BIDS wants beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from streamrecon import __version__
from streamrecon.cohort.bids_names import (
    ResultName,
    bids_path,
    field_as_image,
    is_field,
    magnitude_for,
    magnitude_of_field,
)
from streamrecon.cohort.entities import Entities
from streamrecon.cohort.job import Record
from streamrecon.errors import ConfigError
from streamrecon.storage.atomic_file import whole

OWN_FOLDER = PurePath("code", "streamrecon")
"""What is kept for ourselves: BIDS leaves ``code`` to whoever made a data set."""

DESCRIPTION = "dataset_description.json"
_BIDS_VERSION = "1.10.0"
_DERIVATIVE = "derivative"
_NIFTI, _JSON = ".nii.gz", ".json"
_README = """\
Maps of susceptibility, relaxation and more, made by streamrecon {version} from multi-echo
gradient-echo scans. For research, not for diagnosis.

Where BIDS has no suffix for a map yet (SWI, projections, fields in ppm) its name ends in
T2starw, and desc- says what it is; so does that of a field in Hz that has no magnitude beside it.
JSON files say how each map was made. What else there is (contact sheets, readings, records and
logs, an overview) is in code/streamrecon.
"""


def begin_data_set(output: Path, name: str) -> list[Path]:
    """Write dataset_description.json and README, if there are none.

    Gives those that were written, and the description in any case.

    Raises
    ------
    ConfigError
        If it is a data set that is not one of derivatives.
    """
    refuse_other_type(output)
    facts = {
        "Name": name,
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": _DERIVATIVE,
        "GeneratedBy": [{"Name": "streamrecon", "Version": __version__}],
    }
    texts = {
        DESCRIPTION: json.dumps(facts, indent=2, ensure_ascii=False) + "\n",
        "README": _README.format(version=__version__),
    }
    missing = [file for file in texts if not (output / file).exists()]
    for file in missing:
        with whole(output / file) as scratch:
            scratch.write_text(texts[file], encoding="utf-8")
    return [output / file for file in dict.fromkeys((DESCRIPTION, *missing))]


def refuse_other_type(output: Path) -> None:
    """Raise ConfigError for a data set that is there and is not one of derivatives."""
    try:
        found = json.loads((output / DESCRIPTION).read_text(encoding="utf-8")).get(
            "DatasetType", "raw"
        )
    except FileNotFoundError:
        return
    except (OSError, ValueError, AttributeError) as e:
        raise ConfigError(
            f"--output: found a {DESCRIPTION} that cannot be read; needed a data set, or none"
        ) from e
    if found != _DERIVATIVE:
        raise ConfigError(f"--output: found a data set of type {found}, needed {_DERIVATIVE}")


def add_participant(output: Path, subject: str) -> None:
    """Add a subject to participants.tsv, if it is not there; other rows and columns stay."""
    path, name = output / "participants.tsv", f"sub-{subject}"
    text = path.read_text(encoding="utf-8") if path.exists() else "participant_id\n"
    head, *rows = text.splitlines()
    if name in (row.partition("\t")[0] for row in rows):
        return
    rows.append("\t".join([name, *("n/a" for _ in head.split("\t")[1:])]))
    with whole(path) as scratch:
        scratch.write_text("\n".join([head, *sorted(rows)]) + "\n", encoding="utf-8")


def write_participants(output: Path, subjects: Iterable[str]) -> Path:
    """Write participants.tsv with all subjects that have results; give it."""
    rows = ["participant_id", *(f"sub-{each}" for each in sorted(set(subjects)))]
    path = output / "participants.tsv"
    with whole(path) as scratch:
        scratch.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def planned(made: Path, scan: Entities) -> dict[Path, PurePath]:
    """Results in a folder → their names in the data set."""
    paths = sorted(made.rglob(f"*{_NIFTI}"))
    names = [bids_path(scan, ResultName.of(p.name.removesuffix(_NIFTI))) for p in paths]
    taken = (
        field_as_image(name) if is_field(name) and magnitude_for(name, names) is None else name
        for name in names
    )
    return dict(zip(paths, taken, strict=True))


def move_results(
    plan: Mapping[Path, PurePath], output: Path, provenance: Mapping[str, Any]
) -> dict[str, int]:
    """Move images, write their JSON; give the paths below ``output`` with their sizes."""
    moved: list[Path] = []
    made = {name: path for path, name in plan.items()}
    for name in filter(is_field, made):
        magnitude = magnitude_for(name, made)
        if magnitude is not None:
            beside = magnitude_of_field(name)
            moved += _placed(made[magnitude], output, beside, provenance, keep=True)
    for path, name in plan.items():
        moved += _placed(path, output, name, provenance, keep=False)
    return {path.relative_to(output).as_posix(): path.stat().st_size for path in moved}


def _placed(
    path: Path, output: Path, name: PurePath, provenance: Mapping[str, Any], *, keep: bool
) -> list[Path]:
    image, text = (output / name.parent / f"{name.name}{end}" for end in (_NIFTI, _JSON))
    beside = path.with_name(path.name.removesuffix(_NIFTI) + _JSON)
    facts: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
    is_map = "part-" not in name.name and "magnitude" not in name.name
    facts["SkullStripped"] = is_map and facts.get("Units") != "arbitrary"
    facts["Provenance"] = dict(provenance)
    image.parent.mkdir(parents=True, exist_ok=True)
    with whole(image) as scratch:
        if keep:
            shutil.copyfile(path, scratch)
        else:
            shutil.move(path, scratch)
    with whole(text) as scratch:
        scratch.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [image, text]


def provenance_of(record: Record) -> dict[str, Any]:
    """What made a map: version, command, inputs with their checksums, and the key of all of it.

    Paths are those below the tree: where it lies is nobody's business.
    """
    return {
        "Software": "streamrecon",
        "Version": record.version,
        "Command": ["streamrecon", *record.arguments],
        "Inputs": {name: f"sha256:{each.sha256}" for name, each in record.inputs.items()},
        "Key": record.key,
    }
