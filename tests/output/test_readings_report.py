"""A report says the same in JSON, table and page; analyses of one scan add up, others do not."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from analysis_form import faults_of_report
from map_files import oblique_grid, write_map
from PIL import Image

from streamrecon.analysis.reading import Light, Outcome, Reading, Value
from streamrecon.commands.study_inputs.analysed_folder import Analysed, analyse
from streamrecon.errors import ConfigError, ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import (
    Figure,
    Outline,
    below,
    cropped_about,
    cuts_of_map,
    outlined_planes,
)
from streamrecon.output.readings.drawings.page_picture import page_picture
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.output.readings.report import add_reading
from streamrecon.output.readings.report_model import RESEARCH, OriginRow, Report, ScanRow

SCAN = ScanRow(
    name="sub-1",
    shape=(9, 14, 11),
    voxel_mm=(1.5, 0.8, 1.1),
    b0_axis=(0.9, 0.3, 0.3),
    b0_t=3.0,
    te_s=(0.004, 0.011),
)
MOMENT = Value(
    subject="lesion <1>",
    name="moment",
    number=-12.3456789,
    unit="ppm*mm3",
    sigma=0.5,
    voxels=33,
    quality="calcification",
    flags=("near the edge",),
)
LESIONS = Reading(
    kind="lesions",
    outcome=Outcome.FLAGGED,
    method="Signed dipole moment.",
    values=(MOMENT, replace(MOMENT, name="fe", number=float("nan"), sigma=None)),
    reasons=("1 of 2 lesions is near the edge",),
    parameters={"least_ppm": 0.1},
    dois=("10.1148/radiol.11110251",),
)
IRON = Reading(kind="iron", outcome=Outcome.REFUSED, method="", reasons=("no labels",))


def test_json_table_and_page_hold_the_same_value(tmp_path: Path) -> None:
    figure = Figure("overlay", "what is seen", Image.new("RGB", (4, 4)))

    paths = add_reading(tmp_path, LESIONS, SCAN, sources={"chi": "ab"}, figures=[figure])

    names = ["analysis.json", "analysis.tsv", "analysis.html", "lesions_overlay.png"]
    assert [path.name for path in paths] == names
    report = json.loads((tmp_path / "analysis.json").read_text())
    value, iron = report["readings"][0]["values"]
    assert value["number"] == -12.34568
    assert value["sigma"] == 0.5
    assert iron["number"] is None
    assert report["readings"][0]["outcome"] == "flagged"
    assert report["schema_version"] == 3
    header, row, _ = (tmp_path / "analysis.tsv").read_text().splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert cells["subject"] == "lesion <1>"
    assert cells["number"] == "-12.34568"
    assert cells["flags"] == "near the edge"
    page = (tmp_path / "analysis.html").read_text()
    assert "-12.35 &plusmn; 0.5" in page
    assert "lesion &lt;1&gt;" in page
    assert "data:image/png;base64," in page
    assert 'src="http' not in page
    assert all("Research use" in text for text in (page, (tmp_path / "analysis.json").read_text()))


def test_a_second_analysis_joins_and_the_same_one_is_replaced(tmp_path: Path) -> None:
    add_reading(tmp_path, LESIONS, SCAN, sources={})
    add_reading(tmp_path, IRON, SCAN, sources={})
    changed = replace(LESIONS, parameters={"least_ppm": 0.2})
    add_reading(tmp_path, changed, SCAN, sources={})

    report = Report.model_validate_json((tmp_path / "analysis.json").read_bytes())

    assert [(r.kind, r.outcome) for r in report.readings] == [
        ("iron", "refused"),
        ("lesions", "flagged"),
    ]
    assert report.readings[1].parameters == {"least_ppm": 0.2}
    assert "iron\trefused\t\t\t\t\t\t\t\t\tno labels" in (tmp_path / "analysis.tsv").read_text()


def test_the_hash_of_parameters_tells_whether_two_readings_compare(tmp_path: Path) -> None:
    hashes = []
    for reading in (LESIONS, replace(LESIONS, values=()), replace(LESIONS, parameters={})):
        add_reading(tmp_path, reading, SCAN, sources={})
        report = Report.model_validate_json((tmp_path / "analysis.json").read_bytes())
        hashes.append(report.readings[0].parameters_sha256)

    assert hashes[0] == hashes[1] != hashes[2]


def test_another_scan_or_a_strange_file_is_not_written_over(tmp_path: Path) -> None:
    add_reading(tmp_path, LESIONS, SCAN, sources={})
    before = (tmp_path / "analysis.json").read_text()

    with pytest.raises(ConfigError, match="readings of sub-1, another scan or grid"):
        add_reading(tmp_path, IRON, SCAN.model_copy(update={"name": "sub-2"}), sources={})

    assert (tmp_path / "analysis.json").read_text() == before
    (tmp_path / "analysis.json").write_text('{"schema_version": 7}')
    with pytest.raises(ConfigError, match="found no report of ours: schema_version"):
        add_reading(tmp_path, IRON, SCAN, sources={})


@pytest.mark.parametrize("version", [1, 2])
def test_a_report_of_a_version_before_is_read_and_carried_on(tmp_path: Path, version: int) -> None:
    origin = OriginRow(chain="abc123", study_uid="1.2.3")
    add_reading(tmp_path, LESIONS, SCAN, sources={}, origin=origin)
    old = json.loads((tmp_path / "analysis.json").read_text())
    assert old["readings"][0]["origin"]["chain"] == "abc123"
    del old["readings"][0]["origin"]
    (tmp_path / "analysis.json").write_text(json.dumps({**old, "schema_version": version}))

    add_reading(tmp_path, IRON, SCAN, sources={}, origin=origin)

    report = Report.model_validate_json((tmp_path / "analysis.json").read_bytes())
    assert [r.origin.study_uid for r in report.readings] == ["1.2.3", ""]
    assert report.schema_version == 3


def test_a_page_is_a_picture_with_every_figure_and_the_colour_of_its_outcome() -> None:
    figure = Figure("overlay", "χ − seen", Image.new("RGB", (2000, 300), (0, 0, 255)))

    page = page_picture(LESIONS, [figure], research=RESEARCH)

    assert page.dtype == np.uint8
    assert tuple(page[0, 0]) == (221, 153, 0)
    blue = np.argwhere((page == (0, 0, 255)).all(axis=-1))
    assert np.ptp(blue, axis=0).tolist() == [144, 967]
    many = replace(LESIONS, values=(MOMENT,) * 50)
    assert len(page_picture(many, [], research=RESEARCH)) > 30 * 18


@pytest.mark.parametrize(
    ("light", "bar"),
    [
        (Light.GREEN, (51, 170, 51)),
        (Light.UNJUDGED, (136, 136, 136)),
        (Light.AMBER, (221, 153, 0)),
        (Light.RED, (204, 51, 51)),
    ],
)
def test_a_reading_with_a_light_has_its_colour_on_page_and_picture(
    tmp_path: Path, light: Light, bar: tuple[int, int, int]
) -> None:
    quality = replace(LESIONS, kind="qc", light=light)

    add_reading(tmp_path, quality, SCAN, sources={})

    assert tuple(page_picture(quality, [], research=RESEARCH)[0, 0]) == bar
    page = (tmp_path / "analysis.html").read_text()
    assert f'<article class="{light.value}">' in page
    assert f"light: {light.value}</h2>" in page
    assert f"article.{light.value} {{" in page


def test_the_shipped_schema_is_that_of_the_model() -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts/write_analysis_schema.py"))

    shipped = files("streamrecon.output.readings").joinpath("analysis.schema.json").read_text()

    assert shipped == script["schema"](), "run scripts/write_analysis_schema.py"


def test_an_analysis_that_fails_is_a_refused_reading_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = oblique_grid()
    write_map(tmp_path / "maps", "p_Chimap", Quantity.CHI, np.ones(grid.shape, np.float32), grid)

    class Options:
        folder, output, run_number = tmp_path / "maps", tmp_path / "out", None
        dicom, dicom_page, dicom_source = False, False, None

    def fails(_: MapFolder) -> Analysed:
        raise ReconError("lesions: the mask is empty")

    def gives(_: MapFolder) -> Analysed:
        return Analysed(reading=replace(LESIONS, outcome=Outcome.GIVEN, reasons=()))

    assert analyse(Options, "lesions", fails) == 2  # type: ignore[arg-type]
    report = Report.model_validate_json((tmp_path / "out/analysis.json").read_bytes())
    assert report.readings[0].outcome == "refused"
    assert report.readings[0].reasons == ("lesions: the mask is empty",)
    assert "the mask is empty" in capsys.readouterr().err
    assert analyse(Options, "lesions", gives) == 0  # type: ignore[arg-type]


def test_an_outline_is_drawn_where_the_voxel_lies() -> None:
    grid = oblique_grid((15, 21, 17))
    at = (11, 4, 13)
    mask = np.zeros(grid.shape, bool)
    mask[at] = True
    values = np.where(mask, 1.0, 0.0).astype(np.float32)

    drawn = outlined_planes(values, grid, Window(0, 2), [Outline(mask, (255, 0, 0))], voxel=at)
    plain = outlined_planes(values, grid, Window(0, 2), voxel=at)

    red = np.asarray(drawn).astype(int) - np.asarray(plain)
    edge = red[..., 0] > 0
    grey = np.asarray(plain)[..., 0] > 60
    assert edge.any()
    for left in range(0, drawn.width, 324):  # three tiles of 320 and a gap of 4
        inside = np.argwhere(grey[:, left : left + 320])
        outline = np.argwhere(edge[:, left : left + 320])
        assert np.allclose(inside.mean(0), outline.mean(0), atol=2.0)  # bicubic blurs by a pixel


def test_a_crop_at_the_corner_is_padded_and_keeps_its_voxel_in_the_middle() -> None:
    grid = oblique_grid()
    values = np.zeros(grid.shape, np.float32)
    values[0, 13, 0] = 5

    cut, small = cropped_about(values, grid, (0, 13, 0), 4.0)

    assert cut.shape == small.shape
    assert all(n % 2 for n in cut.shape)
    assert cut[tuple(n // 2 for n in cut.shape)] == 5
    sheet = below([("row", outlined_planes(cut, small, Window(0, 5), side=60))])
    assert sheet.width == 3 * 60 + 2 * 4


def test_cuts_of_a_map_go_through_what_is_in_it_and_say_their_window() -> None:
    grid = Geometry((9, 11, 13), (2.0, 1.0, 1.0), np.eye(3)[::-1])
    chi = np.zeros(grid.shape, np.float32)
    chi[1:4, 7:10, 2] = 0.3  # far from the middle of the grid

    figure = cuts_of_map(chi, grid, "χ of all positions", window=Window(-0.1, 0.2))

    assert figure.caption == "χ of all positions; -0.1 to 0.2 ppm"
    pixels = np.asarray(figure.image.convert("L"))
    thirds = np.array_split(pixels, 3, axis=1)
    assert [int(third.max()) for third in thirds] == [255, 255, 255]  # each cut meets it
    empty = cuts_of_map(np.zeros_like(chi), grid, "nothing")
    assert empty.image.size == figure.image.size


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("schema_version", "3"),
        ("scan/shape", [9, 14]),
        ("readings/1/outcome", "fine"),
        ("readings/1/values/0/voxels", -1),
        ("readings/1/values/0/more", 0),
    ],
)
def test_the_published_form_takes_what_is_written_and_nothing_else(
    place: str, wrong: object, tmp_path: Path
) -> None:
    add_reading(tmp_path, LESIONS, SCAN, sources={"chi": "ab"})
    add_reading(tmp_path, IRON, SCAN, sources={})
    file = tmp_path / "analysis.json"
    assert faults_of_report(file) == []

    changed = json.loads(file.read_text())
    *way, last = place.split("/")
    at = changed
    for step in way:
        at = at[int(step)] if step.isdecimal() else at[step]
    at[last] = wrong
    file.write_text(json.dumps(changed))

    assert faults_of_report(file)
