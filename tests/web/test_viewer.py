"""What the browser draws itself is what the server would have drawn, on an oblique grid too."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from browser import PROGRAM, Tab, chromium
from dicom_scans import scan_of
from kept_scan import keep_report, keep_scan
from numpy.typing import NDArray
from PIL import Image as Picture
from web_service import Page, page

from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import nifti_bytes
from streamrecon.output.ras import in_ras

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "streamrecon" / "web" / "page"
SESSION = "0a1b2c3d"
READINGS: list[dict[str, object]] = [
    {
        "kind": "lesions", "outcome": "flagged", "reasons": ["veins were not looked for"],
        "values": [
            {"subject": "lesion 1", "name": "moment", "number": 21.46789, "sigma": 1.234,
             "unit": "ppm·mm³", "quality": "bleed", "flags": ["near the edge"]},
            {"subject": "<b>lesion</b> 2", "name": "left", "number": None, "sigma": None,
             "unit": "mm", "quality": "", "flags": []},
        ],
    },
    {"kind": "qc", "outcome": "flagged", "light": "amber", "reasons": ["motion"], "values": []},
]  # fmt: skip
VIEW = "document.getElementById('slice-canvas')"
SAID = f"{VIEW}.getAttribute('aria-label')"

Pixels = NDArray[np.float64]

_ANGLE = np.radians(20.0)
_TURN = np.array(
    [[1, 0, 0], [0, np.cos(_ANGLE), -np.sin(_ANGLE)], [0, np.sin(_ANGLE), np.cos(_ANGLE)]]
)
# rows to the right and planes to the feet: neither the voxels' order nor their hand is the page's
GRID = Geometry(
    (9, 15, 12), (4.0, 2.0, 3.0), np.diag([-1.0, 1.0, -1.0])[::-1] @ _TURN.T, (3, -5, 8)
)


def blocks(seed: int) -> NDArray[np.float32]:
    """Numbers of 0.2 to 1 that are alike in blocks of three voxels, unlike in any mirror."""
    coarse = np.random.default_rng(seed).uniform(0.2, 1.0, (3, 5, 4)).astype(np.float32)
    return np.kron(coarse, np.ones((3, 3, 3), np.float32))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A service that has a scan on record: χ, phase, a mask; nothing runs."""
    storage = tmp_path_factory.mktemp("kept")
    scan = scan_of(GRID)
    inside = np.zeros(GRID.shape, np.float32)
    inside[2:7, 4:11, 3:9] = 1.0
    volumes = [
        Volume(blocks(0) * np.float32(0.2) - np.float32(0.1), GRID, Quantity.CHI, scan),
        Volume(blocks(1) * np.float32(6) - np.float32(3), GRID, Quantity.PHASE, scan, echo=0),
        Volume(inside, GRID, Quantity.MASK, scan),
    ]
    keep_scan(storage, SESSION, volumes)
    keep_report(storage, SESSION, READINGS)
    with page(storage) as found:
        yield found


@pytest.fixture(scope="module")
def browser(kept: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    if PROGRAM is None:
        pytest.skip("chromium is not installed")
    with chromium(tmp_path_factory.mktemp("profile"), webgl=True) as opened:
        opened.go(f"{kept.url}/#token={kept.token}")
        opened.wait("document.querySelector('#scans tr button')")
        opened.click("#scans tr button")
        opened.wait(SAID)
        yield opened
        assert opened.faults == []


@pytest.fixture
def tab(browser: Tab) -> Tab:
    """The browser with χ in its own window, in the middle slice of the axial plane."""
    choose(browser, "chi", "axial")
    browser.value("document.getElementById('overlay').value = '-1'")
    browser.click("#reset")
    return browser


def choose(tab: Tab, label: str, plane: str) -> None:
    tab.value(f"""(() => {{
      const map = document.getElementById('volume');
      map.value = [...map.options].find((option) => option.text.startsWith('{label}')).value;
      map.dispatchEvent(new Event('change'));
    }})()""")
    tab.click(f"#planes [data-plane={plane}]")
    tab.wait(f"{SAID}.startsWith('{label}') && {SAID}.includes('{plane}')")


def box(tab: Tab) -> dict[str, float]:
    """Where the view is in the window."""
    tab.value(f"{VIEW}.scrollIntoView()")
    script = f"""(() => {{
      const {{ left, top, width, height }} = {VIEW}.getBoundingClientRect();
      return JSON.stringify({{ x: left, y: top, width, height }});
    }})()"""
    found: dict[str, float] = json.loads(str(tab.value(script)))
    return found


def seen(tab: Tab) -> Pixels:
    """The drawn slice [row, column, RGB] without the black around it."""
    clip = box(tab) | {"scale": 1}
    clip["y"] += float(str(tab.value("window.scrollY")))  # of the document, not the window
    shot = tab.call("Page.captureScreenshot", format="png", clip=clip)
    pixels = np.array(Picture.open(io.BytesIO(base64.b64decode(str(shot["data"])))).convert("RGB"))
    rows, columns = np.nonzero(pixels.max(axis=-1) > 8)
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(float)


def drawn_by_server(kept: Page, address: str, size: tuple[int, int]) -> Pixels:
    with kept.program() as client:
        png = client.get(f"/api/scans/{SESSION}/images/{address}").content
    return np.array(Picture.open(io.BytesIO(png)).resize(size, Picture.Resampling.BILINEAR), float)


def number_of(kept: Page, label: str) -> int:
    with kept.program() as client:
        volumes = client.get(f"/api/scans/{SESSION}/images").json()["volumes"]
    return next(int(v["number"]) for v in volumes if v["label"] == label)


@pytest.mark.parametrize(
    ("plane", "number"), [("axial", 1), ("axial", 7), ("coronal", 3), ("sagittal", 10)]
)
def test_a_slice_drawn_here_is_the_one_that_the_server_draws(
    tab: Tab, kept: Page, plane: str, number: int
) -> None:
    tab.click(f"#planes [data-plane={plane}]")
    tab.value(f"""(() => {{
      const bar = document.getElementById('slice');
      bar.value = {number};
      bar.dispatchEvent(new Event('input'));
    }})()""")
    tab.wait(f"{SAID} === 'chi, {plane} slice {number + 1}'")

    here = seen(tab)

    size = here.shape[1], here.shape[0]
    query = f"{number_of(kept, 'chi')}/{plane}/{number}.png?low=-0.15&high=0.15"
    there = drawn_by_server(kept, query, size)
    beside = drawn_by_server(kept, query.replace(f"/{number}.", f"/{(number + 4) % 9}."), size)
    # the browser mixes neighbouring colours, the server neighbouring numbers; edges are a pixel off
    assert np.abs(here - there).mean() < 4.0
    assert np.abs(here - there[:, ::-1]).mean() > 12.0
    assert np.abs(here - there[::-1]).mean() > 12.0
    assert np.abs(here - beside).mean() > 12.0


def test_phase_goes_round_in_colours_and_is_not_mixed(tab: Tab, kept: Page) -> None:
    choose(tab, "phase", "axial")

    here = seen(tab)

    query = f"{number_of(kept, 'phase')}/axial/4.png?low=-3.141593&high=3.141593&colours=cyclic"
    there = drawn_by_server(kept, query, (here.shape[1], here.shape[0]))
    assert tab.value("document.getElementById('colours').value") == "cyclic"
    assert np.abs(here - there).mean() < 4.0
    assert np.ptp(here, axis=-1).mean() > 20  # no greys
    # five blocks by four, each of one colour; a mixed edge would make a hundred more
    assert len(np.unique(here.reshape(-1, 3), axis=0)) <= 2 * 20


def test_a_mask_lies_over_its_voxels_alone(tab: Tab) -> None:
    plain = seen(tab)
    tab.value("""(() => {
      const mask = document.getElementById('overlay');
      mask.value = mask.options[1].value;
      mask.dispatchEvent(new Event('change'));
    })()""")
    tab.wait("document.getElementById('viewer').dataset.drawn.includes('mask')")

    covered = seen(tab)

    changed = np.abs(covered - plain).max(axis=-1) > 3
    rows, columns = np.nonzero(changed)
    high, wide = changed.shape
    assert covered.shape == plain.shape
    # 4 to 11 of 15 to the back, 3 to 9 of 12 to the right: 3 to 9 from the left edge's right
    found = rows.min() / high * 15, rows.max() / high * 15
    assert found == pytest.approx((4, 11), abs=0.6)
    assert (columns.min() / wide * 12, columns.max() / wide * 12) == pytest.approx((3, 9), abs=0.6)
    red, _, blue = (covered - plain)[changed].mean(axis=0)
    assert red > blue + 20  # orange


def test_dragging_windows_the_slice_and_reset_takes_it_back(tab: Tab) -> None:
    before = seen(tab)
    place = box(tab)
    middle = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    tab.drag(middle, (middle[0], middle[1] + 60))
    tab.wait("Number(document.getElementById('high').value) < 0.14")
    brighter = seen(tab)
    tab.click("#reset")
    tab.wait("document.getElementById('high').value === '0.15'")

    assert brighter.mean() > before.mean() + 20
    assert seen(tab).mean() == pytest.approx(before.mean(), abs=1.0)


def test_the_value_under_the_pointer_is_that_of_the_voxel(tab: Tab) -> None:
    place = box(tab)
    tab.hover(place["x"] + place["width"] / 2 + 1, place["y"] + place["height"] / 2 + 1)
    tab.wait("document.getElementById('value').textContent")

    # index 4 of 9 towards the head; 7 of 15 to the back; just left of the middle of 12
    values = blocks(0)[4, 7, 5] * 0.2 - 0.1
    assert tab.text("#value") == f"{values:.4g} ppm"


def test_all_three_planes_meet_where_the_cross_is_dragged(tab: Tab) -> None:
    tab.value("document.getElementById('viewer').focus()")
    tab.press("t")
    tab.wait(f"{SAID} === 'chi, all slice 5'")
    place = box(tab)
    x, y = place["x"] + place["width"] / 4, place["y"] + place["height"] / 6
    tab.drag((x, y), (x, y))
    tab.wait(f"!{SAID}.endsWith('slice 5')")
    tab.press("a")
    tab.wait(f"{SAID}.includes('axial')")

    assert int(str(tab.value(SAID)).split()[-1]) > 5  # above the middle is towards the head


def test_readings_and_the_light_of_quality_are_shown_with_their_reasons(tab: Tab) -> None:
    captions = str(tab.value("[...document.querySelectorAll('#readings caption')].map("
                             "(each) => each.textContent).join('|')"))  # fmt: skip
    cells = str(tab.value("[...document.querySelectorAll('#readings td')].map("
                          "(each) => each.textContent).join('|')"))  # fmt: skip

    assert captions == "lesions: flagged; veins were not looked for|qc: amber; motion"
    assert cells == (
        "lesion 1|moment|21.47 ± 1.2 ppm·mm³|bleed; near the edge|<b>lesion</b> 2|left|–|"
    )
    assert tab.text("#quality-said") == "quality: amber; motion"
    light = "document.querySelector('#scans tr .light')"
    assert tab.value(f"{light}.className") == "light amber"
    assert tab.value(f"{light}.getAttribute('aria-label')") == "quality amber"


def test_nothing_is_asked_of_other_places(tab: Tab, kept: Page) -> None:
    script = "JSON.stringify(performance.getEntriesByType('resource').map((each) => each.name))"
    asked = json.loads(str(tab.value(script)))

    assert any(name.endswith("/static/niivue.js") for name in asked)
    assert {name for name in asked if not name.startswith(f"{kept.url}/")} == set()


def test_a_browser_without_webgl_is_sent_pictures_and_no_viewer(kept: Page, tmp_path: Path) -> None:
    if PROGRAM is None:
        pytest.skip("chromium is not installed")
    with chromium(tmp_path) as tab:
        tab.go(f"{kept.url}/#token={kept.token}")
        tab.wait("document.querySelector('#scans tr button')")
        tab.click("#scans tr button")
        tab.wait("document.getElementById('slice-image').naturalWidth > 100")
        names = tab.value("performance.getEntriesByType('resource').map((e) => e.name).join(' ')")

        assert tab.value("document.getElementById('slice-box').hidden") is True
        assert "niivue" not in str(names)
        assert tab.value("document.querySelectorAll('#planes [data-plane=all]').length") == 0
        assert tab.faults == []


def test_a_volume_comes_as_the_file_that_is_written(kept: Page) -> None:
    number = number_of(kept, "chi")
    with kept.program() as client:
        answer = client.get(f"/api/scans/{SESSION}/images/{number}.nii")
        beyond = client.get(f"/api/scans/{SESSION}/images/99.nii")

    image = nibabel.Nifti1Image.from_bytes(answer.content)
    _, affine = in_ras(blocks(0), GRID)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert beyond.status_code == 404
    assert image.affine == pytest.approx(affine, abs=1e-4)
    values = np.asarray(image.dataobj).transpose(2, 1, 0)
    assert values == pytest.approx(blocks(0) * 0.2 - 0.1, abs=1e-6)
    assert nifti_bytes(values, GRID)[:348] == answer.content[:348]


def test_the_built_viewer_is_of_the_versions_and_browsers_that_its_script_names() -> None:
    packages = json.loads((ROOT / "packaging" / "niivue" / "package.json").read_text())
    script = (ROOT / "scripts" / "build_niivue.sh").read_text()
    built = (PAGE / "niivue.js").read_text(encoding="utf-8")
    licences = (PAGE / "niivue.txt").read_text(encoding="utf-8")
    version = packages["dependencies"]["@niivue/niivue"]
    target = re.search(r"^target=(\S+)$", script, re.MULTILINE)

    assert target is not None
    assert target[1] == "chrome90,firefox91"
    assert built.startswith(
        f"/* NiiVue {version}, BSD-2-Clause, and what it needs: niivue.txt. Target {target[1]}. */"
    )
    assert len(built) < 800_000
    named = dict(re.findall(r"^(@?[\w/-]+) (\d[\d.]*), ", licences, re.MULTILINE))
    wanted = packages["overrides"] | packages["dependencies"]
    assert named.items() <= wanted.items()
    assert "@niivue/niivue" in named
    assert "Copyright (c) 2021, Niivue" in licences


def test_the_built_viewer_asks_for_no_right_that_the_policy_withholds() -> None:
    built = (PAGE / "niivue.js").read_text(encoding="utf-8")

    assert (
        re.findall(r"WebAssembly|new Worker|importScripts|\beval\(|new Function|data:\w+/", built)
        == []
    )
