"""Names and words of strangers, power cuts, and disks that are sick: nothing leaves its place."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sick_folders import KINDS, sick
from streamrecon_simulator.scan import simulate
from test_formats import _HEADER, image
from test_names_of_strangers import _KEYS, assert_all_inside
from test_raw_copy_crash import ForgetfulDisk
from test_sick_disks import CHAIN, PLACES, SCENE, flags, health, said
from trials import Tally
from wire_service import reconstructed, serving

from streamrecon.errors import HeaderError
from streamrecon.mrd.wire.messages import DicomFile, Meta
from streamrecon.output.formats import FORMATS, ScanResults, write_harvest
from streamrecon.server.health.log_lines import OneLine
from streamrecon.storage.raw_archive import RawFile

_PIECES = ("..", "/", "\\", "\0", "~", ".", "-", " ", "\n", "\x1b[2J", "CON", "脑", "é", "x" * 300,
           "a", "1", "nan", "%2e", ":", "*", "\u202e")  # fmt: skip
TEMPORARY = "temporary"
PLACES_AND_TEMPORARY = (*PLACES, TEMPORARY)


def strange_text(chance: random.Random) -> str:
    """What a stranger may call an image."""
    return "".join(chance.choice(_PIECES) for _ in range(chance.randrange(7)))


def names_of_strangers(seeds: Iterable[int]) -> Iterator[Tally]:
    """A6: no text of a server's images, nor of a header, names a file elsewhere."""
    tally = Tally()
    for seed in seeds:
        chance = random.Random(seed)
        with tempfile.TemporaryDirectory() as root, tally.trial(f"seed {seed}"):
            folder = Path(root) / "a" / "b" / "c"
            meta: Meta = {chance.choice(_KEYS): (strange_text(chance),) for _ in range(3)}
            name = strange_text(chance)
            results = ScanResults(
                _HEADER, [replace(image(echo=0, kind=1), meta=meta)], [DicomFile(b"d", name)]
            )
            with contextlib.suppress(HeaderError):  # a text where a number belongs
                write_harvest(results, folder, [chance.choice([*FORMATS])])
            assert_all_inside(Path(root), folder)
        yield tally


def words_in_logs(seeds: Iterable[int]) -> Iterator[Tally]:
    """A7: whatever a client's words are, a record is one line that a terminal only prints."""
    tally, form = Tally(), OneLine("%(levelname)s %(name)s: %(message)s")
    for seed in seeds:
        chance = random.Random(seed)
        with tally.trial(f"seed {seed}"):
            text = "".join(chr(chance.randrange(0x2100)) for _ in range(30)) + strange_text(chance)
            line = form.format(
                logging.LogRecord("a", 40, "", 0, "config %s", (text + "\ud800",), None)
            )
            assert line.isprintable(), ascii(line)
            line.encode()
        yield tally


def power_cuts(seeds: Iterable[int]) -> Iterator[Tally]:
    """B11: a power cut at any moment leaves all that was written a second before."""
    tally = Tally()
    for seed in seeds:
        chance = random.Random(seed)
        with (
            tempfile.TemporaryDirectory() as folder,
            pytest.MonkeyPatch.context() as patch,
            tally.trial(f"seed {seed}"),
        ):
            _cut(Path(folder), ForgetfulDisk(patch), chance)
        yield tally


def _cut(folder: Path, disk: ForgetfulDisk, chance: random.Random) -> None:
    file = RawFile(folder, "4f2a", quota_bytes=1e9)
    line, written = chance.randbytes(5000), []
    ends = time.monotonic() + 1.1 + chance.random()
    while time.monotonic() < ends:
        file.append([line])
        written.append(time.monotonic())
        time.sleep(0.01)
    disk.cut_power(folder)
    at = time.monotonic()
    (left,) = folder.iterdir()
    data = left.read_bytes()
    file.close()

    old = sum(1 for when in written if when < at - 1.0)
    assert data == (line * len(written))[: len(data)], "not what was written"
    assert len(data) >= old * len(line) > 0, f"{len(data) // len(line)} of {old} lines"


def sick_disks(cases: Iterable[int]) -> Iterator[Tally]:
    """B10: each folder in turn takes nothing; the scan is right, the loss is told, and no other."""
    tally, pairs = Tally(limit_s=120.0), [(k, p) for k in KINDS for p in PLACES_AND_TEMPORARY]
    for case in cases:
        kind, place = pairs[case % len(pairs)]
        with (
            tempfile.TemporaryDirectory() as folder,
            pytest.MonkeyPatch.context() as patch,
            tally.trial(f"{place}, {kind}"),
        ):
            _scan_beside(Path(folder), kind, place, patch)
        yield tally


def _scan_beside(root: Path, kind: str, place: str, patch: pytest.MonkeyPatch) -> None:
    with sick(root / "sick", kind) as broken:
        if place == TEMPORARY:
            for name in ("TMPDIR", "TEMP", "TMP"):
                patch.setenv(name, str(broken))
        folders = {name: broken if name == place else root / name for name in PLACES}
        with serving(root, *flags(root, folders.__getitem__)) as server:
            reply = reconstructed(simulate(SCENE).messages(), server, CHAIN)
            found = health(server)
    assert len(reply.images) == 4
    for name, (told, unwell) in PLACES.items():
        assert (told in said(reply)) == (name == place), said(reply)
        assert (unwell in found) == (name == place), found
    assert os.path.ismount(root / "sick") is False
