"""Lesions and quality are read behind the maps of a whole chain, from raw lines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.inclusions import Inclusion
from streamrecon_simulator.write import write_scan

from streamrecon.cli import main

BLEED = Inclusion((30.0, -22.0, 28.0), 6.0, 0.8)
STONE = Inclusion((-31.0, 18.0, 26.0), 6.0, -0.8)
CHAIN = Path(__file__).parents[2] / "config" / "gre_full.xml"


@pytest.mark.long
def test_a_bleed_and_a_calcification_are_told_apart_inline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = replace(
        SCENES["whole-head"],
        phantom=WholeHead(2, grain_mm=2.0, inclusions=(BLEED, STONE)),
        matrix=(44, 100, 80),
        centre_lps_mm=(0.0, -4.0, 20.0),
        voxel_mm=(2.25, 2.25, 2.25),
        n_coils=1,
        te_s=(0.004, 0.011, 0.018),
    )
    write_scan(simulate(scene), tmp_path / "head.h5")

    words = ["replay", str(tmp_path / "head.h5"), "--config", str(CHAIN)]
    wanted = ["--set", "MakeReadings.readings=qc,lesions", "-o", str(tmp_path), "--format", "png"]
    status = main([*words, *wanted])

    assert status == 0
    assert "research use only" in capsys.readouterr().err
    (file,) = (tmp_path / "head").rglob("analysis.json")
    readings = {each["kind"]: each for each in json.loads(file.read_text())["readings"]}
    worked = {v["subject"]: v["number"] for v in readings["qc"]["values"] if v["name"] == "worked"}
    assert worked["InvertField"] > 0
    assert readings["qc"]["light"] in {"green", "amber", "red"}
    rows = readings["lesions"]["values"]
    lesions: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        lesions.setdefault(row["subject"], {})[row["name"]] = row
    for true, kind in ((BLEED, "bleed"), (STONE, "calcification")):
        moments = [
            each["moment"]
            for each in lesions.values()
            if "left" in each
            and all(
                abs(each[name]["number"] - mm) < 2.0
                for name, mm in zip(("left", "posterior", "superior"), true.centre_mm, strict=True)
            )
        ]
        assert [each["quality"] for each in moments] == [kind]
        # Voxels of 2.25 mm are as wide as a third of the lesion; at 1 mm it is 10 %.
        assert moments[0]["number"] == pytest.approx(true.moment_ppm_mm3, rel=0.3)
