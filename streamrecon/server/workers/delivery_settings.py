"""Turns the operator's settings into what a session needs to deliver DICOM images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamrecon.errors import ConfigError
from streamrecon.model.delivery import Delivery
from streamrecon.server.settings import Settings
from streamrecon.units import GIB

_SHORTEST_SECRET = 16  # bytes: nobody finds 128 bits by trying


def delivery_of(settings: Settings) -> Delivery:
    """Folders and terms; a folder that is not named lies in the storage, if there is one.

    Raises
    ------
    ConfigError
        If the file of the pseudonyms' secret cannot be read, or is too short.
    """
    storage = settings.storage
    base = Delivery() if storage is None else Delivery.within(storage)
    return replace(
        base,
        spool=settings.spool or base.spool,
        destinations=settings.destinations or base.destinations,
        drop=settings.drop_folder or base.drop,
        quota_bytes=int(settings.spool_quota_gib * GIB),
        room_s=settings.spool_wait_s,
        secret=_secret(settings.pseudonym_key),
        patient_id_fallback=settings.patient_id_fallback,
    )


def _secret(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        secret = file.read_bytes().strip()
    except OSError as e:
        raise ConfigError(f"pseudonym_key {file}: {e.strerror}") from e
    if len(secret) < _SHORTEST_SECRET:
        raise ConfigError(
            f"pseudonym_key {file}: found {len(secret)} bytes, needed {_SHORTEST_SECRET}"
        )
    return secret
