"""`streamrecon analyze qc` on files: the light, its reasons, the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from map_files import oblique_grid, write_map

from streamrecon.analysis.quality.quality_limits import ESSENTIAL
from streamrecon.cli import main
from streamrecon.model.outputs.quantities import Quantity

GRID = oblique_grid((34, 45, 41))
TE_S = (0.004, 0.009, 0.014)


def write_scan(folder: Path, *, ghost: float = 0.0, phases: bool = True) -> None:
    """A ball of even tissue with noise, and its copy along the second axis, of ``ghost`` times."""
    random = np.random.default_rng(5)
    places = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1)
    away = (places - np.array(GRID.shape) // 2) * GRID.voxel_mm
    ball = (away**2).sum(axis=-1) < 12.0**2
    beside = ball.any(axis=1, keepdims=True) & ~ball
    for number, te_s in enumerate(TE_S, start=1):
        image = np.where(ball, 1.0, ghost * beside) * np.exp(2j * np.pi * 20.0 * te_s)
        image = image + random.normal(0, 0.01, (*GRID.shape, 2)).view(complex)[..., 0]
        facts = {"EchoTime": te_s, "MagneticFieldStrength": 3.0}
        name = f"s_echo-{number}_part"
        write_map(folder, f"{name}-mag_MEGRE", Quantity.MAGNITUDE, np.abs(image).astype(np.float32),
                  GRID, **facts)  # fmt: skip
        if phases:
            write_map(folder, f"{name}-phase_MEGRE", Quantity.PHASE,
                      np.angle(image).astype(np.float32), GRID, **facts)  # fmt: skip
    chi = np.where(ball, random.normal(0, 0.01, GRID.shape), 0).astype(np.float32)
    write_map(folder, "s_Chimap", Quantity.CHI, chi, GRID)
    write_map(folder, "s_fieldmap", Quantity.FIELD_HZ, np.where(ball, np.float32(20), 0), GRID)


def reading_in(folder: Path) -> dict[str, object]:
    (found,) = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))["readings"]
    assert isinstance(found, dict)
    return found


def test_a_ball_shows_no_fault_and_is_not_judged(tmp_path: Path) -> None:
    """Without a brain nothing tells the sign of the phase and the direction of B0."""
    write_scan(tmp_path / "maps")

    status = main(["analyze", "qc", str(tmp_path / "maps"), "-o", str(tmp_path / "out")])

    found = reading_in(tmp_path / "out")
    assert (found["kind"], found["light"], status) == ("qc", "unjudged", 1)
    assert found["reasons"] == [
        f"could not be told: {ESSENTIAL['sign']}; {ESSENTIAL['outline']}",
        "not measured: zero spread, filtered, outline, sign",
    ]
    page = (tmp_path / "out" / "analysis.html").read_text(encoding="utf-8")
    assert '<article class="unjudged"><h2>qc: given with a flag, light: unjudged</h2>' in page
    assert "<li>could not be told: whether the phase sign" in page


def test_a_ghost_is_an_amber_light_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scan(tmp_path / "maps", ghost=0.06, phases=False)

    status = main(["analyze", "qc", str(tmp_path / "maps"), "-o", str(tmp_path / "out")])

    found = reading_in(tmp_path / "out")
    assert (found["light"], status) == ("amber", 1)
    assert "copies of the object lie beside it" in capsys.readouterr().err
    values = {value["subject"]: value for value in found["values"]}  # type: ignore[attr-defined]
    assert values["ghosts"]["number"] == pytest.approx(0.06, rel=0.1)
    assert values["outline"]["flags"] == ["not measured"]  # it needs phase


def test_without_magnitudes_it_is_refused(tmp_path: Path) -> None:
    write_scan(tmp_path / "maps")
    for path in (tmp_path / "maps").glob("*part-mag*"):
        path.unlink()

    assert main(["analyze", "qc", str(tmp_path / "maps"), "-o", str(tmp_path / "out")]) == 2
    assert reading_in(tmp_path / "out")["light"] is None
