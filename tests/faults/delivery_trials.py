"""Archives that answer anything, and spools that are damaged: what is called sent has arrived."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from archive import Archive, listening
from dicom_scans import GRIDS, IDS, scan_of, volume_of
from test_sender_threads import destination
from test_stow_rs import LOGIN_PAGE, Server, item, serving, web
from trials import Tally

from streamrecon.dicom.delivery.journal import State
from streamrecon.dicom.delivery.sending.send_due import deliver
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.outputs.quantities import Quantity

_LIMIT_S = 40.0
_SENT = {State.SENT.value, State.WARNED.value}
_SCAN = scan_of(GRIDS["even"])
_FAULTS = (0x0110, 0x0213, 0xC000, 0xA700, 0xA900, 0x0122, "A700", "much", None)

Trial = Callable[[random.Random, Path], None]


def try_each(trial: Trial, seeds: Iterable[int]) -> Iterator[Tally]:
    """One trial a seed, each in a folder of its own; the tally after each."""
    tally = Tally(limit_s=2 * _LIMIT_S)
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder, tally.trial(f"seed {seed}"):
            trial(random.Random(seed), Path(folder))
        yield tally


def fill(folder: Path) -> list[str]:
    """Three kinds of image of a scan in a spool; their UIDs."""
    dicom, added = DicomScan(IDS, Run()), []
    with Spool(folder) as spool:
        for quantity in (Quantity.CHI, Quantity.SWI, Quantity.R2_STAR):
            images = dicom.images(volume_of(_SCAN, quantity))
            spool.add(images, ["archive"])
            added += [str(image.SOPInstanceUID) for image in images.datasets]
    return added


def fates(folder: Path) -> dict[str, str]:
    """What the journal says of every image."""
    with Spool(folder) as spool:
        rows = spool.journal.db.execute(
            "SELECT sop_uid, state FROM images JOIN deliveries USING (number)"
        )
        return {str(uid): str(state) for uid, state in rows}


def settled(folder: Path, seconds: float = _LIMIT_S) -> dict[str, str]:
    """The same once nothing waits any more, or when time is up."""
    end = time.monotonic() + seconds
    while State.WAITING.value in (found := fates(folder)).values() and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _sending(folder: Path, port: int, **changed: Any) -> Sender:
    return Sender(folder, [destination(port, longest_pause_s=0.02, associations=2, **changed)])


def web_answers(chance: random.Random, folder: Path) -> None:
    """C13: what a DICOMweb server does not name as stored, nor a search finds, is not sent."""
    added = fill(folder)
    stored = {uid for uid in added if chance.random() < 0.5}
    failed = {uid: chance.choice(_FAULTS) for uid in set(added) - stored if chance.random() < 0.5}
    found = {uid for uid in added if chance.random() < 0.3}
    answer = {
        "00081199": {"vr": "SQ", "Value": [item(uid) for uid in stored]},
        "00081198": {"vr": "SQ", "Value": [_failure(uid, why) for uid, why in failed.items()]},
    }
    answers: list[object] = [answer, answer, answer, None, LOGIN_PAGE, b"", [], [{}], b"<a/>", b"{"]
    said: Any = chance.choice(answers)
    hits = [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in found]
    status = chance.choice((200, 201, 202, 204, 400, 409, 413, 500, 503))
    server = Server(status, said, found=hits if chance.random() < 0.5 else None)
    with serving(server) as port, Spool(folder) as spool:
        for _ in range(2):
            deliver(spool, web(port, longest_pause_s=0.01))

    after = fates(folder)
    arrived = {uid for uid, state in after.items() if state in _SENT}
    assert sorted(after) == sorted(added), "an image is lost"
    assert arrived <= stored | found, "called sent, and nobody named it"
    if said is answer and status == 200:
        assert stored <= arrived, "named as stored, and not called sent"


def _failure(uid: str, why: object) -> dict[str, object]:
    return item(uid) | {"00081197": {"vr": "US", "Value": None if why is None else [why]}}


def association_answers(chance: random.Random, folder: Path) -> None:
    """C13: any statuses and broken associations; what is called sent is there, once."""
    plan = [chance.choice((0, 0, 0, 0xB000, 0xA700, 0xA900, 0xC000, 0x0110, 0x0122, None))
            for _ in range(60)]  # fmt: skip
    archive, added = Archive(lambda n: plan[n] if n < len(plan) else 0), fill(folder)
    with listening(archive) as port, _sending(folder, port):
        after = settled(folder)

    arrived = {uid for uid, state in after.items() if state in _SENT}
    assert sorted(after) == sorted(added), "an image is lost"
    assert arrived == set(archive.stored), "called sent is not what the archive has"
    assert set(after.values()) <= {*_SENT, State.FAILED.value, State.REFUSED.value}, after


_JOURNAL = ("nothing", "gone", "half", "noise", "page", "bit", "log", "gone, and a list")


def damaged_spool(chance: random.Random, folder: Path) -> None:
    """C14: files and journal damaged anyhow; the others arrive, the damaged are never archived."""
    archive, added = Archive(), fill(folder)
    broken = {chance.choice(added) for _ in range(chance.randrange(4))}
    with Spool(folder) as spool:
        entries = spool.journal.due("archive", time.time(), limit=999)
        paths = {entry.sop_uid: spool.path(entry) for entry in entries}
    for uid in broken:
        _damage(paths[uid], chance)
    what = chance.choice(
        ("nothing", "gone", "half", "noise", "page", "bit", "log", "gone, and a list")
    )
    unlisted = _damage_journal(folder, what, chance)
    unlisted &= set(added)
    added = [uid for uid in added if uid not in unlisted]
    broken -= unlisted
    with listening(archive) as port, _sending(folder, port):
        found = archive.wait_for(len(added) - len(broken), _LIMIT_S)
        after = settled(folder)

    assert found, f"{len(archive.stored)} of {len(added)} arrived, journal: {what}"
    assert set(archive.stored) == set(added) - broken, "a damaged image was archived"
    assert {uid for uid, state in after.items() if state == State.FAILED.value} == broken


def _damage(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    match chance.randrange(5):
        case 0:
            path.unlink()
        case 1:
            path.write_bytes(data[: chance.randrange(len(data))])
        case 2:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
        case 3:
            path.write_bytes(data + b"x")
        case _:
            path.unlink()
            path.mkdir()


def _damage_journal(folder: Path, what: str, chance: random.Random) -> set[str]:
    """Damage it; the UIDs of images that nothing in the spool lists any more."""
    journal = folder / "journal.sqlite3"
    log = folder / "journal.sqlite3-wal"
    data = bytearray(journal.read_bytes())
    match what:
        case "gone" | "gone, and a list":
            journal.unlink()
            log.unlink(missing_ok=True)
        case "half":
            journal.write_bytes(data[: len(data) // 2])
        case "noise":
            journal.write_bytes(chance.randbytes(len(data)))
        case "page":
            at = 4096 * chance.randrange(len(data) // 4096)
            data[at : at + 4096] = chance.randbytes(4096)
            journal.write_bytes(data)
        case "bit":
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            journal.write_bytes(data)
        case "log" if log.exists():
            log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    if "list" not in what:
        return set()
    path = min((folder / "batches").glob("*/batch.json"))
    listed = {image["sop_uid"] for image in json.loads(path.read_bytes())["images"]}
    path.write_bytes(chance.choice((b"", b"{", b"[]", b'{"images": [{}]}')))
    return listed


def late_answers(chance: random.Random, folder: Path) -> None:
    """C15: an archive that is slow, breaks off and grants little gets every image once."""
    waits = [chance.choice((0.0, 0.0, 0.0, 0.02, 0.3)) for _ in range(40)]

    def answer(n: int) -> int | None:
        time.sleep(waits[n % len(waits)])
        return None if chance.random() < 0.05 else 0

    archive, added = Archive(answer), fill(folder)
    with listening(archive) as port, _sending(folder, port, answer_s=0.2):
        after = settled(folder)

    assert sorted(after) == sorted(added), "an image is lost"
    assert set(after.values()) == {State.SENT.value}, after
    assert set(archive.stored) == set(added)


def told_to_end(chance: random.Random, folder: Path) -> None:
    """C15: a sender that is told to end in the middle ends within 5 s, and the next one goes on."""
    archive, added = Archive(), fill(folder / "spool")
    with listening(archive) as port:
        (folder / "to.toml").write_text(
            f'[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = {port}\n'
            'called = "ARC"\nassociations = 2\n'
        )
        words = ["-m", "streamrecon", "spool", "send", "--spool", str(folder / "spool")]
        words += ["--destinations", str(folder / "to.toml")]
        surroundings = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
        with subprocess.Popen([sys.executable, *words], env=surroundings) as sender:
            assert archive.wait_for(1, _LIMIT_S), "nothing is sent"
            time.sleep(chance.random() * 0.2)
            began = time.monotonic()
            sender.send_signal(signal.SIGTERM)
            code = sender.wait(_LIMIT_S)
            took_s = time.monotonic() - began
        assert code == 0, code
        assert took_s < 5.0, f"{took_s:.1f} s"
        with _sending(folder / "spool", port):
            after = settled(folder / "spool")
    assert set(after.values()) == {State.SENT.value}, after
    assert set(archive.stored) == set(added)
