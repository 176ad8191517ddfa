"""What the chain reads of a scan's quality is what a person sees on the page, light and numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from browser import PROGRAM, chromium
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.whole_head.head import WholeHead
from web_service import free_port, wait_for

import streamrecon as sr
from streamrecon import cli
from streamrecon.analysis.quality.quality_limits import LIMITS

ROW = "document.querySelector('#scans tr')"
HEAD = replace(  # a slab of less than 120 mm would not tell the direction of B0
    SCENES["whole-head"],
    phantom=WholeHead(2, grain_mm=2.0),
    matrix=(56, 100, 80),
    centre_lps_mm=(0.0, -4.0, 20.0),
    voxel_mm=(2.25, 2.25, 2.25),
    n_coils=1,
    te_s=(0.004, 0.011, 0.018),
)
CHAIN = """<configuration><version>2</version><readers/><writers/><stream key="main">
<gadget><name>WatchQuality</name></gadget><gadget><name>AssembleKSpace</name></gadget>
<gadget><name>CombineCoils</name></gadget><gadget><name>MapField</name></gadget>
<gadget><name>RemoveBackground</name>
  <property name="preview" value="false"/><property name="quality" value="fast"/></gadget>
<gadget><name>InvertField</name><property name="inversion" value="tkd"/></gadget>
<gadget><name>MakeReadings</name><property name="readings" value="qc"/></gadget>
</stream></configuration>"""


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")
def test_light_and_measures_of_a_head_are_seen_as_the_chain_wrote_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quality.xml").write_text(CHAIN)
    storage, port = tmp_path / "state", free_port()
    service = sr.Server(storage=storage, web=f"127.0.0.1:{port}", sessions=1)

    with service as server, chromium(tmp_path / "profile") as tab:
        sr.send(simulate(HEAD).messages(), server, tmp_path / "quality.xml")
        wait_for((storage / "web-token").exists)
        token = (storage / "web-token").read_text().strip()
        tab.go(f"http://127.0.0.1:{port}/#token={token}")
        tab.wait(f"{ROW}.innerText.includes('complete')")
        tab.click("#scans tr button")
        tab.wait("document.querySelector('#readings table')")
        light = tab.value(f"{ROW}.querySelector('.light').title")
        said = tab.text("#quality-said")
        rows = json.loads(
            str(
                tab.value(
                    "JSON.stringify([...document.querySelectorAll('#readings tr')]"
                    ".map((row) => [...row.children].map((cell) => cell.innerText)))"
                )
            )
        )
        assert tab.faults == []
    assert cli.main(["history", "--storage", str(storage)]) == 0

    (file,) = storage.rglob("analysis.json")
    (written,) = json.loads(file.read_text())["readings"]
    measures = {v["subject"]: v["number"] for v in written["values"] if v["name"] == "measure"}
    shown = {row[0]: float(row[2].split()[0]) for row in rows if row[1] == "measure"}
    assert light == written["light"] == "green"  # a head without a fault
    assert said == "quality: green"
    assert "QC green" in capsys.readouterr().out
    assert len(shown) == len(LIMITS)
    assert shown == pytest.approx(measures, rel=1e-3)  # four digits
