"""What all groups of settings have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SettingsGroup(BaseModel):
    """Settings that cannot be changed once they are read; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
