"""What all groups of settings have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

MaybePath = Annotated[Path | None, BeforeValidator(lambda value: None if value == "" else value)]
"""A path, or none: as an empty text says it, the only one that a variable can say it with."""

TAKES_A_RESTART: dict[str, JsonValue] = {"takes_a_restart": True}
"""Mark of a setting that only a start reads (``json_schema_extra``)."""


class SettingsGroup(BaseModel):
    """Settings that cannot be changed once they are read; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
