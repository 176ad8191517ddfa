"""A scan of before, on record and with its images, without a service that ran it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamrecon.model.images import Volume
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.wire.messages import Close, Header, Message
from streamrecon.mrd.wire.writer import encode
from streamrecon.storage.scan_table import ScanTable

_HEADER = Header(
    b"<ismrmrdHeader><experimentalConditions><H1resonanceFrequency_Hz>123200000"
    b"</H1resonanceFrequency_Hz></experimentalConditions></ismrmrdHeader>"
)

_VALUES = [
    {"subject": "scan", "name": f"measure {number}", "number": 0.125, "sigma": 0.01, "unit": ""}
    for number in range(11)  # as many as `analyze qc` has
]
_LIGHTS: tuple[tuple[str, list[str]], ...] = (
    ("amber", ["motion"]),
    ("green", []),
    ("unjudged", ["the sign could not be told"]),
)


def keep_scan(storage: Path, session: str, volumes: Sequence[Volume], **facts: object) -> None:
    """Write what a service keeps of a scan that is over."""
    images = [
        image
        for volume in volumes
        for image in images_of(volume, series=volume.quantity.row.series)
    ]
    messages: list[Message] = [_HEADER, *images, Close()]
    stream = [piece for message in messages for piece in encode(message)]
    name = f"{session}.mrd"
    (storage / "images").mkdir(mode=0o700, parents=True, exist_ok=True)
    (storage / "images" / name).write_bytes(b"".join(map(bytes, stream)))
    known: dict[str, object] = {"session": session, "config": "gre_qsm", "protocol": "qsm"}
    known |= {"began": time.time() - 60, "ended": time.time() - 50, "outcome": "complete"}
    known |= {"images": len(images), "image_copy": name}
    with ScanTable(storage) as table:
        table.keep(known | facts, "ended", "test")


def keep_many(storage: Path, count: int) -> list[str]:
    """So many scans of before, a minute apart, every second with readings; the last one first."""
    sessions = [f"{number:08x}" for number in range(count)]
    storage.mkdir(parents=True, exist_ok=True)
    known: dict[str, object] = {"config": "gre_full", "config_hash": "0123456789ab", "images": 31}
    known |= {"lines": 20480, "seconds": 41.5, "received": 503_000_000, "address": "10.0.0.7"}
    known |= {"stages": ["ReadHeader", "AssembleKSpace", "EchoImages", "InvertField"]}
    known |= {"stage_s": [0.1, 2.5, 3.5, 20.5], "notices": ["INF phase sign: +1"] * 10}
    now = time.time()
    with ScanTable(storage) as table:
        for number, session in enumerate(sessions):
            began = now - 60.0 * (count - number)
            outcome = "complete" if number % 7 else "data"
            facts = {"session": session, "protocol": f"qsm {number}", "outcome": outcome}
            table.keep(known | facts | {"began": began, "ended": began + 41.5}, "ended", "test")
    for number in range(0, count, 2):
        light, reasons = _LIGHTS[number % 3]
        rows = [{"kind": "qc", "light": light, "reasons": reasons, "values": _VALUES}]
        keep_report(storage, sessions[number], rows)
    return sessions[::-1]


def keep_report(
    storage: Path, session: str, readings: Sequence[Mapping[str, object]], run: int = 1
) -> Path:
    """Write what `MakeReadings` keeps of a session, as far as others read it."""
    folder = storage / "readings" / f"{session}_run-{run}_readings"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "analysis.json"
    file.write_text(json.dumps({"schema_version": 1, "readings": readings}))
    return file
