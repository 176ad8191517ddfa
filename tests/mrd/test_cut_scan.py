"""A raw copy that was cut gives every whole message before the cut, wherever that is."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate

from streamrecon.errors import ProtocolError
from streamrecon.model.notice import Notice
from streamrecon.mrd.files.cut_scan import cut_scan
from streamrecon.mrd.wire.messages import Acquisitions, Close, Header
from streamrecon.mrd.wire.writer import encode

MESSAGES = [m for m in simulate(SCENES["tiny"]).messages() if not isinstance(m, Close)]
HEADER = b"".join(bytes(p) for p in encode(MESSAGES[0]))
LINES = max((m for m in MESSAGES if isinstance(m, Acquisitions)), key=len).select(slice(0, 50))
WIRE = b"".join(bytes(p) for p in encode(LINES))
LINE = len(WIRE) // 50


def recovered(tmp_path: Path, data: bytes) -> tuple[int, str]:
    """Lines before the cut, and what is said."""
    path = tmp_path / "x.mrd.part"
    path.write_bytes(data)
    told: list[Notice] = []
    scan = list(cut_scan(path, told.append))
    assert isinstance(scan[0], Header)
    lines = [m for m in scan if isinstance(m, Acquisitions)]
    count = 0
    for batch in lines:
        assert (batch.data == LINES.data[count : count + len(batch)]).all()
        count += len(batch)
    return count, " ".join(notice.text for notice in told)


@pytest.mark.parametrize(
    "kept", [0, 1, 2, 100, LINE - 1, LINE, LINE + 1, 7 * LINE + 343, 50 * LINE]
)
def test_a_copy_that_ends_anywhere_gives_the_whole_lines_before(kept: int, tmp_path: Path) -> None:
    count, told = recovered(tmp_path, HEADER + WIRE[:kept])

    assert count == kept // LINE
    assert f"cut after {count} lines" in told


def test_zeros_that_a_power_cut_left_end_the_scan(tmp_path: Path) -> None:
    count, told = recovered(tmp_path, HEADER + WIRE[: 9 * LINE] + bytes(4096))

    assert count == 9
    assert f"message id: found 0 at byte {len(HEADER) + 9 * LINE}" in told


def test_a_whole_copy_is_read_without_a_word(tmp_path: Path) -> None:
    close = b"".join(bytes(p) for p in encode(Close()))

    assert recovered(tmp_path, HEADER + WIRE + close) == (50, "")


@pytest.mark.parametrize("data", [b"", HEADER[:100], bytes(1000), WIRE, b"hello, world"])
def test_what_has_no_header_is_refused_by_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.mrd.part").write_bytes(data)

    with pytest.raises(ProtocolError, match=r"x\.mrd\.part: no scan to recover: "):
        list(cut_scan(tmp_path / "x.mrd.part", lambda _: None))
