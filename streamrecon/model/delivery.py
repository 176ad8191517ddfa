"""Where the DICOM images of a session go beside its socket, and under which terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the operator chose; a chain file, which a client may send, names no folder and no host.

    Parameters
    ----------
    spool
        Folder of images that wait for their destinations.
    destinations
        File that names the destinations.
    drop
        Folder that another program watches.
    quota_bytes
        What the images of the spool may take; ``None`` sets no limit.
    room_s
        How long a chain waits for room in the spool before it gives up.
    secret
        If given, the person is taken out of the images and pseudonyms are keyed with it.
    patient_id_fallback
        Patient ID where the header has none.
    """

    spool: Path | None = None
    destinations: Path | None = None
    drop: Path | None = None
    quota_bytes: int | None = None
    room_s: float = 60.0
    secret: bytes | None = field(default=None, repr=False)
    patient_id_fallback: str = field(default="", repr=False)

    @classmethod
    def within(cls, storage: Path) -> Delivery:
        """All of it in one folder, without limits."""
        return cls(storage / "spool", storage / "destinations.toml", storage / "dicom")
