"""A scan of before, on record and with its images, without a service that ran it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamrecon.model.images import Volume
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.wire.messages import Close, Header
from streamrecon.mrd.wire.writer import encode
from streamrecon.storage.scan_table import ScanTable

_HEADER = Header(
    b"<ismrmrdHeader><experimentalConditions><H1resonanceFrequency_Hz>123200000"
    b"</H1resonanceFrequency_Hz></experimentalConditions></ismrmrdHeader>"
)


def keep_scan(storage: Path, session: str, volumes: Sequence[Volume], **facts: object) -> None:
    """Write what a service keeps of a scan that is over."""
    images = [
        image
        for volume in volumes
        for image in images_of(volume, series=volume.quantity.row.series)
    ]
    stream = [piece for message in (_HEADER, *images, Close()) for piece in encode(message)]
    name = f"{session}.mrd"
    (storage / "images").mkdir(mode=0o700, parents=True, exist_ok=True)
    (storage / "images" / name).write_bytes(b"".join(map(bytes, stream)))
    known: dict[str, object] = {"session": session, "config": "gre_qsm", "protocol": "qsm"}
    known |= {"began": time.time() - 60, "ended": time.time() - 50, "outcome": "complete"}
    known |= {"images": len(images), "image_copy": name}
    with ScanTable(storage) as table:
        table.keep(known | facts, "ended", "test")


def keep_report(
    storage: Path, session: str, readings: Sequence[Mapping[str, object]], run: int = 1
) -> Path:
    """Write what `MakeReadings` keeps of a session, as far as others read it."""
    folder = storage / "readings" / f"{session}_run-{run}_readings"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "analysis.json"
    file.write_text(json.dumps({"schema_version": 1, "readings": readings}))
    return file
