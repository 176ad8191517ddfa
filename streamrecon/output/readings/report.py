"""Writes readings into a folder: analysis.json, the same rows as a table, and a page."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from streamrecon import __version__
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.errors import ConfigError
from streamrecon.model.scan import Scan
from streamrecon.output.names import plain
from streamrecon.output.readings.drawings.figures import Figure
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.output.readings.page import page_of
from streamrecon.output.readings.report_model import (
    RESEARCH,
    SCHEMA,
    CohortRow,
    FigureRow,
    OriginRow,
    ReadingRow,
    Report,
    ScanRow,
    SoftwareRow,
    ValueRow,
)
from streamrecon.output.readings.table import table_of
from streamrecon.storage.atomic_file import whole

JSON, TABLE, PAGE = "analysis.json", "analysis.tsv", "analysis.html"
_DIGITS = 7  # of a number in the report: float32 has no more
_WORDS: dict[Outcome, Literal["given", "flagged", "refused"]] = {
    Outcome.GIVEN: "given",
    Outcome.FLAGGED: "flagged",
    Outcome.REFUSED: "refused",
}


def scan_row(maps: MapFolder) -> ScanRow:
    """What the report says of the scan."""
    fields = [v.b0_t for v in maps.volumes if v.b0_t is not None]
    grid = maps.geometry
    return ScanRow(
        name=maps.name,
        shape=grid.shape,
        voxel_mm=_triple(grid.voxel_mm),
        b0_axis=_triple(grid.b0_axis()),
        b0_t=fields[0] if fields else None,
        te_s=maps.te_s,
    )


def row_of_scan(scan: Scan) -> ScanRow:
    """The same of a scan that is still in its chain."""
    grid = scan.geometry
    return ScanRow(
        name=plain(scan.protocol.ids.protocol),
        shape=grid.shape,
        voxel_mm=_triple(grid.voxel_mm),
        b0_axis=_triple(grid.b0_axis()),
        b0_t=scan.b0_t,
        te_s=scan.echoes.te_s,
    )


def add_reading(
    folder: Path,
    reading: Reading,
    scan: ScanRow | CohortRow,
    *,
    sources: Mapping[str, str],
    origin: OriginRow | None = None,
    figures: Sequence[Figure] = (),
    files: Sequence[str] = (),
) -> list[Path]:
    """Put a reading into the report of a folder, in place of one of its kind; give the paths.

    Parameters
    ----------
    folder
        Where the report is or will be.
    reading
        What was found.
    scan, sources
        What it was found in: see `scan_row` and `MapFolder.sources`; a table for a study.
    origin
        What made the maps, as far as it is known.
    figures
        Pictures for the page, the one to look at first before the others.
    files
        Names of what the analysis wrote there itself.

    Raises
    ------
    ConfigError
        If there is a report that cannot be read, or one of another scan.
    """
    before = _report_there(folder / JSON, scan)
    named = [(f"{reading.kind}_{figure.name}.png", figure) for figure in figures]
    row = _reading_row(reading, sources, named, files)
    if origin is not None:
        row = row.model_copy(update={"origin": origin})
    kept = [] if before is None else [r for r in before.readings if r.kind != reading.kind]
    report = Report(
        schema_version=SCHEMA,
        use=RESEARCH,
        software=SoftwareRow(name="streamrecon", version=__version__),
        scan=scan,
        readings=tuple(sorted([*kept, row], key=lambda each: each.kind)),
    )
    _remove_earlier(folder, before, row)
    for name, figure in named:
        with whole(folder / name) as scratch:
            figure.image.save(scratch, optimize=True)
    written = dict(_texts(report, folder))
    for path, text in written.items():
        with whole(path) as scratch:
            scratch.write_text(text, encoding="utf-8")
    return [*written, *(folder / name for name, _ in named)]


def _texts(report: Report, folder: Path) -> Iterator[tuple[Path, str]]:
    yield folder / JSON, report.model_dump_json(indent=2) + "\n"
    yield folder / TABLE, table_of(report)
    yield folder / PAGE, page_of(report, folder)


def _report_there(path: Path, scan: ScanRow | CohortRow) -> Report | None:
    """The report that is there already, of the same scan."""
    if not path.exists():
        return None
    try:
        report = Report.model_validate_json(path.read_bytes())
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{path}: found no report of ours: {where}: {first['msg']}") from e
    if report.scan != scan:
        raise ConfigError(
            f"{path}: found the readings of {report.scan.name}, another scan or grid; "
            "needed another --output"
        )
    return report


def _remove_earlier(folder: Path, before: Report | None, row: ReadingRow) -> None:
    """Remove what the reading's predecessor wrote and it does not write itself."""
    now = {*row.files, *(figure.file for figure in row.figures)}
    for each in before.readings if before is not None else ():
        if each.kind == row.kind:
            for name in {*each.files, *(figure.file for figure in each.figures)} - now:
                (folder / Path(name).name).unlink(missing_ok=True)


def _reading_row(
    reading: Reading,
    sources: Mapping[str, str],
    figures: Sequence[tuple[str, Figure]],
    files: Sequence[str],
) -> ReadingRow:
    parameters = {name: _rounded(given) for name, given in reading.parameters.items()}
    made = json.dumps([reading.kind, reading.method, parameters], sort_keys=True)
    return ReadingRow(
        kind=reading.kind,
        outcome=_WORDS[reading.outcome],
        reasons=reading.reasons,
        light=None if reading.light is None else reading.light.value,
        method=reading.method,
        parameters=parameters,
        parameters_sha256=hashlib.sha256(made.encode()).hexdigest(),
        dois=reading.dois,
        sources=dict(sources),
        values=tuple(map(_value_row, reading.values)),
        figures=tuple(FigureRow(file=name, caption=each.caption) for name, each in figures),
        files=tuple(files),
    )


def _value_row(value: Value) -> ValueRow:
    sigma = value.sigma
    return ValueRow(
        subject=value.subject,
        name=value.name,
        number=_finite(value.number),
        unit=value.unit,
        sigma=None if sigma is None else _finite(sigma),
        reference=value.reference,
        voxels=value.voxels,
        quality=value.quality,
        flags=value.flags,
    )


def _finite(number: float) -> float | None:
    """JSON has no infinity and nothing that is not a number."""
    return float(f"{number:.{_DIGITS}g}") if math.isfinite(number) else None


def _rounded(given: float | str | bool) -> float | str | bool:
    return float(f"{given:.{_DIGITS}g}") if isinstance(given, float) else given


def _triple(numbers: tuple[float, float, float]) -> tuple[float, float, float]:
    z, y, x = (round(number, 6) for number in numbers)
    return z, y, x
