"""Settings of what outlives a scan: noise, raw copies, images on their way to archives."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, field_validator

from streamrecon.server.settings_group import TAKES_A_RESTART, MaybePath, SettingsGroup


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "streamrecon"


class KeptSettings(SettingsGroup):
    """Folders, quotas and ages, and what of a person is kept."""

    storage: MaybePath = Field(
        default_factory=_state_folder,
        description="folder of what outlives a scan (noise covariances); empty keeps nothing",
        json_schema_extra=TAKES_A_RESTART,
    )
    raw_folder: MaybePath = Field(
        default=None, description="folder of raw copies of every scan; none keeps no copy"
    )
    raw_quota_gib: float = Field(
        default=100.0, gt=0, description="bytes of all raw copies; the oldest are removed first"
    )
    raw_days: float = Field(
        default=7.0, gt=0, description="age at which a raw copy is removed; it is patient data"
    )
    raw_recover: str = Field(
        default="",
        description="chain that makes DICOM of scans that were cut, at the start; empty: listed",
    )
    destinations: MaybePath = Field(
        default=None,
        description="file of DICOM destinations; none: destinations.toml in the storage",
    )
    spool: MaybePath = Field(
        default=None,
        description="folder of DICOM images on their way; none: spool in the storage",
    )
    spool_quota_gib: float = Field(
        default=50.0, gt=0, description="bytes in the spool; what has arrived makes room"
    )
    spool_days: float = Field(
        default=7.0, gt=0, description="age at which images that arrived everywhere are removed"
    )
    spool_wait_s: float = Field(
        default=60.0, ge=0, description="longest wait of a scan for room in the spool"
    )
    drop_folder: MaybePath = Field(
        default=None, description="folder that DICOM files are dropped in; none: in the storage"
    )
    pseudonym_key: MaybePath = Field(
        default=None, description="file of a secret; with it persons are taken out of DICOM images"
    )
    patient_id_fallback: str = Field(
        default="", max_length=64, description="patient ID of DICOM images where the scan has none"
    )

    @field_validator(
        "storage", "raw_folder", "destinations", "spool", "drop_folder", "pseudonym_key",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_no_path(cls, value: object) -> object:
        return None if value == "" else value
