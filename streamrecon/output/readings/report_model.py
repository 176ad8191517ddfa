"""What analysis.json holds: the readings of one scan or study, and what they were made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA = 3
"""Version of the form; grows when a field comes, changes its meaning or goes.

2 has `OriginRow`; a report of version 1 is read, and its readings are of unknown origin. 3 has the
light ``unjudged``; before, a light was green without the measures that it could not do without.
"""

RESEARCH = "Research use only: not for diagnosis."


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ValueRow(_Row):
    """One number, with all that it takes to judge it."""

    subject: str = Field(description="whose value it is: a lesion, a region, the whole brain")
    name: str = Field(description="of what")
    number: float | None = Field(description="the value; null where there is none")
    unit: str = Field(description="unit as UCUM has it or a person reads it; empty for a count")
    sigma: float | None = Field(description="one standard deviation by noise; null if not known")
    reference: str = Field(description="what zero means; empty where zero is zero")
    voxels: int = Field(ge=0, description="how many it was made of; 0 where that means nothing")
    quality: str = Field(description="class of the analysis's own list, or empty")
    flags: tuple[str, ...] = Field(description="what is doubtful about it")


class FigureRow(_Row):
    """A picture of the page, in a file beside the report."""

    file: str = Field(description="name of its file")
    caption: str = Field(description="what is seen")


class OriginRow(_Row):
    """What made the maps that were read; empty where no file says it."""

    chain: str = Field(default="", description="hash of the chain file and of its parameters")
    run: str = Field(default="", description="name of the reconstruction in its service")
    software: str = Field(default="", description="what made the maps, with its version")
    study_uid: str = Field(default="", description="DICOM study of the images")
    series_uid: str = Field(default="", description="DICOM series that the objects refer to")
    image_uids: tuple[str, ...] = Field(
        default=(), description="SOP instances of that series, in the order of the slices"
    )


class ReadingRow(_Row):
    """One analysis."""

    kind: str = Field(description="name of the analysis")
    outcome: Literal["given", "flagged", "refused"] = Field(
        description="whether it gives its values, gives them with a doubt, or refuses"
    )
    reasons: tuple[str, ...] = Field(description="why it is flagged or refused")
    light: Literal["green", "unjudged", "amber", "red"] | None = Field(
        default=None, description="of the kind qc alone: the worst light of its measures"
    )
    method: str = Field(description="how it was made, in a sentence")
    parameters: dict[str, float | str | bool] = Field(description="what it was made with")
    parameters_sha256: str = Field(description="of kind, method and parameters: equal or not")
    dois: tuple[str, ...] = Field(description="where the method is published")
    sources: dict[str, str] = Field(description="volume of the scan → SHA-256 of its voxels")
    origin: OriginRow = Field(default=OriginRow(), description="what made the volumes")
    values: tuple[ValueRow, ...] = Field(description="the values, in the order of their meaning")
    figures: tuple[FigureRow, ...] = Field(description="pictures")
    files: tuple[str, ...] = Field(description="other files that it wrote beside the report")


class SoftwareRow(_Row):
    """What made the report."""

    name: Literal["streamrecon"]
    version: str


class ScanRow(_Row):
    """The scan; spatial triples are (z, y, x)."""

    name: str = Field(description="name of the folder of maps, or of the protocol")
    shape: tuple[int, int, int] = Field(description="voxels")
    voxel_mm: tuple[float, float, float] = Field(description="their size [mm]")
    b0_axis: tuple[float, float, float] = Field(description="direction of B0 along the voxel axes")
    b0_t: float | None = Field(description="field [T]; null where no file says it")
    te_s: tuple[float, ...] = Field(description="echo times [s]")


class CohortRow(_Row):
    """In place of a scan: the table of a study."""

    name: str = Field(description="name of the table")
    patients: int = Field(ge=1, description="how many it tells of")
    lines: int = Field(ge=1, description="lesions or visits")


class Report(_Row):
    """The readings of one scan, or of one study."""

    schema_version: Literal[3] = Field(description="version of this form")
    use: str = Field(description="what it may be used for")
    software: SoftwareRow
    scan: ScanRow | CohortRow
    readings: tuple[ReadingRow, ...]

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, given: object) -> object:
        """Reports of versions before have fewer fields and lights, and are else the same."""
        if isinstance(given, dict) and given.get("schema_version") in {1, 2}:
            return {**given, "schema_version": SCHEMA}
        return given
