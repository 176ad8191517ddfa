"""The README's `make watch` shows a scan on a page, and Ctrl-C ends it without a complaint."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from narrowing import given
from streamrecon_simulator import SCENES, simulate
from streamrecon_simulator.write import write_scan

DEMO = Path(__file__).parents[1] / "scripts" / "demo.py"
PATIENCE_S = 240.0  # a service that compiles, on a busy machine


@pytest.mark.long
def test_a_scan_is_watched_from_one_command_on(tmp_path: Path) -> None:
    write_scan(simulate(SCENES["tiny"]), tmp_path / "scan.h5")
    words = ["--watch", "--scan", str(tmp_path / "scan.h5"), "--output", str(tmp_path / "out")]
    ends = time.monotonic() + PATIENCE_S

    with subprocess.Popen(
        [sys.executable, str(DEMO), *words], stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            lines = iter(given(demo.stdout).readline, "")
            place = given(re.search(r"open (http://\S+)#token=(\S+)", next(lines)))
            headers = {"authorization": f"Bearer {place[2]}"}
            with httpx.Client(base_url=place[1], headers=headers, timeout=PATIENCE_S) as page:
                is_over = False
                while not is_over and time.monotonic() < ends:
                    found = page.get("/api/scans").json()["scans"]
                    is_over = bool(found and found[0]["ended"])
                    time.sleep(0.2)
            said = next((line for line in lines if line.startswith("Ctrl-C")), "")
            demo.send_signal(signal.SIGINT)
            demo.wait(PATIENCE_S)
        finally:
            demo.kill()

    assert [scan["outcome"] for scan in found] == ["complete"]
    assert said == "Ctrl-C ends the service\n"
    assert demo.returncode == 0
    assert list((tmp_path / "out").glob("*_sheet.png"))
