"""What a person sees in a real browser: a scan that comes, moves, ends, and its images."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from archive import Archive, free_port, listening
from browser import PATIENCE_S, PROGRAM, Tab, chromium
from test_spool import images_of
from test_spool_command import name_archive
from toy_client import Client, chain, gadget, lines
from web_service import Page, page

from streamrecon.dicom.delivery.spool import Spool
from streamrecon.mrd.wire.messages import Close, ConfigText, Header, Image, Text
from streamrecon.mrd.wire.parser import MrdParser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")

EVIL = "<img src=x onerror=window.hurt=1>"
SUM, MAP = gadget("SumLines"), gadget("BallMap")
ROW = "document.querySelector('#scans tr')"


def header(protocol: str) -> Header:
    text = protocol.replace("<", "&lt;").replace(">", "&gt;")
    return Header(
        f"<ismrmrdHeader><measurementInformation><protocolName>{text}</protocolName>"
        "</measurementInformation></ismrmrdHeader>".encode()
    )


@pytest.fixture(scope="module")
def archive_port() -> int:
    """Where an archive is that is down until a test starts it."""
    return free_port()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, archive_port: int) -> Iterator[Page]:
    """A service whose spool has three images for that archive, not to be asked for an hour."""
    storage = tmp_path_factory.mktemp("watched")
    name_archive(storage, archive_port)
    with Spool(storage / "spool") as spool:
        spool.add(images_of(), ["archive"])
        spool.journal.set_pause("archive", 2, time.time() + 3600, "connection refused")
    chains = storage / "chains"
    chains.mkdir()
    (chains / "toy_map.xml").write_text(chain(MAP, SUM).xml)
    with page(
        storage, raw_folder=str(storage / "raw"), sessions=3, config_folders=[str(chains)]
    ) as found:
        yield found


@pytest.fixture(scope="module")
def tab(watched: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        opened.go(f"{watched.url}/#token={watched.token}")
        opened.wait("!document.getElementById('main').hidden")
        yield opened
        assert opened.faults == []


@pytest.fixture
def client(watched: Page) -> Iterator[Client]:
    with watched.running.connect() as opened:
        yield opened


def test_the_token_does_not_stay_in_the_address(tab: Tab) -> None:
    assert tab.value("location.href").endswith("/")


def test_a_scan_appears_moves_and_shows_its_images_before_it_ends(tab: Tab, client: Client) -> None:
    client.send(chain(MAP, SUM), header("qsm one"))
    tab.wait(f"{ROW} && {ROW}.innerText.includes('qsm one')")
    running = tab.text("#scans tr .state")
    tab.click("#scans tr button")
    client.send(lines(7))
    tab.wait("document.getElementById('counts').innerText.startsWith('7 lines')")
    tab.wait("document.getElementById('slice-image').naturalWidth > 100")
    edges = [tab.text(f"#edge-{edge}") for edge in ("left", "right", "top", "bottom")]
    shown = tab.value("document.getElementById('slice-image').alt")
    window = [
        float(tab.value(f"document.getElementById('{end}').value")) for end in ("low", "high")
    ]
    client.send(Close())
    client.hear_all()
    tab.wait(f"{ROW}.innerText.includes('complete')")

    assert running == "running"
    assert edges == ["R", "L", "A", "P"]
    assert shown == "chi, axial slice 8"  # the middle one of 15
    assert window[0] == -window[1] < 0
    assert tab.text("#unit") == "ppm"
    tab.wait("document.getElementById('stages').innerText.includes('BallMap')")


def test_keys_scroll_and_turn_and_window(tab: Tab) -> None:
    tab.value("document.getElementById('viewer').focus()")
    tab.press("ArrowUp")
    scrolled = tab.text("#slice-number")
    high = float(tab.value("document.getElementById('high').value"))
    tab.press("-")
    wider = float(tab.value("document.getElementById('high').value"))
    tab.press("c")
    tab.wait("document.getElementById('slice-image').alt.includes('coronal')")
    tab.press("r")

    assert scrolled == "9 of 15"
    assert wider > high
    assert tab.text("#edge-top") == "S"
    assert float(tab.value("document.getElementById('high').value")) == high


def test_a_picture_on_its_way_is_not_said_to_be_drawn(tab: Tab) -> None:
    drawn = "document.getElementById('viewer').dataset.drawn"
    tab.wait(drawn)

    asked = tab.value(f"document.getElementById('reset').click(); {drawn} || 'on its way'")

    assert asked == "on its way"
    tab.wait(drawn)


def test_a_ball_of_positive_susceptibility_is_bright_where_it_lies(tab: Tab) -> None:
    tab.click("#planes button[data-plane=axial]")
    tab.click("#reset")
    tab.wait("document.getElementById('viewer').dataset.drawn === 'chi, axial slice 8'")
    script = """
      (() => {
        const image = document.getElementById('slice-image');
        const canvas = document.createElement('canvas');
        canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
        const pen = canvas.getContext('2d');
        pen.drawImage(image, 0, 0);
        const at = (x, y) => pen.getImageData(
          Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data[0];
        return [at(0.25, 0.25), at(0.75, 0.75), at(0.75, 0.25)].join(' ');
      })()"""

    bright, dark, middle = map(int, str(tab.value(script)).split())

    # right and anterior (top left) is paramagnetic, left and posterior diamagnetic
    assert bright > 240
    assert dark < 15
    assert 110 < middle < 145


def test_a_worker_that_is_killed_is_seen_as_failed_with_its_reason(
    tab: Tab, client: Client
) -> None:
    client.send(chain(gadget("TellPid"), SUM), header("qsm two"), lines(2))
    while not isinstance(said := client.hear()[0], Text) or "pid" not in said.text:
        pass
    tab.wait(f"{ROW}.innerText.includes('qsm two')")
    tab.click("#scans tr button")
    pid = int(said.text.split()[-1])
    assert psutil.Process(pid).is_running()
    os.kill(pid, signal.SIGKILL)
    tab.wait(f"{ROW}.innerText.includes('failed: internal')")
    tab.wait("document.getElementById('reason').innerText")
    client.hear_all()

    assert tab.text("#reason") == "the worker ended before the scan did"
    tab.wait(
        "document.getElementById('notices').innerText.includes('INF pid')"
    )  # asked for at the end


HOLD_ANSWERS = """
  window.held = [];
  window.plainFetch = window.fetch;
  window.fetch = async (path, options) => {
    const answer = await window.plainFetch(path, options);
    if (/^.api.scans.[^?/]+$/.test(path)) await new Promise((go) => window.held.push(go));
    return answer;
  };"""


def test_a_notice_that_comes_while_the_page_asks_for_its_scan_stays(
    tab: Tab, client: Client
) -> None:
    shown = "document.getElementById('notices').innerText"
    client.send(chain(gadget("TellPid"), SUM), header("qsm three"))
    tab.wait(f"{ROW}.innerText.includes('qsm three')")
    tab.value(HOLD_ANSWERS)
    tab.click("#scans tr button")
    tab.wait("window.held.length")
    client.send(lines(2))
    tab.wait(f"{shown}.includes('INF pid')")
    tab.value("window.fetch = window.plainFetch; window.held.forEach((go) => go());")
    tab.wait("document.getElementById('counts').innerText.includes('chain ')")
    time.sleep(0.3)  # the answer is drawn in the next turns

    assert str(tab.value(shown)).count("INF pid") == 1
    client.send(Close())
    client.hear_all()


def test_a_late_answer_does_not_take_back_that_a_scan_has_failed(tab: Tab, client: Client) -> None:
    client.send(chain(gadget("TellPid"), SUM), header("qsm late"), lines(2))
    while not isinstance(said := client.hear()[0], Text) or "pid" not in said.text:
        pass
    tab.wait(f"{ROW}.innerText.includes('qsm late')")
    tab.value(HOLD_ANSWERS)
    tab.click("#scans tr button")
    tab.wait("window.held.length")  # the answer says that the scan runs
    os.kill(int(said.text.split()[-1]), signal.SIGKILL)
    tab.wait(f"{ROW}.innerText.includes('failed: internal')")
    tab.wait("document.getElementById('reason').innerText")
    tab.value("window.fetch = window.plainFetch; window.held[0]();")
    time.sleep(0.3)  # the answer is drawn in the next turns

    assert tab.text("#reason") == "the worker ended before the scan did"
    assert "failed: internal" in str(tab.value(f"{ROW}.innerText"))
    tab.value("window.held.forEach((go) => go());")
    client.hear_all()


def test_words_of_the_wire_are_shown_and_not_run(tab: Tab, client: Client) -> None:
    escaped = EVIL.replace("<", "&lt;").replace(">", "&gt;")
    xml = chain(gadget("Fail", error="DataError")).xml
    named = xml.replace("<classname>", f"<name>{escaped}</name><classname>", 1)
    client.send(ConfigText(named), header(EVIL), lines(2), Close())
    client.hear_all()
    tab.wait(f"{ROW}.innerText.includes('failed: data')")
    tab.click("#scans tr button")
    tab.wait(f"document.getElementById('title').innerText.includes({EVIL!r})")
    tab.wait(f"document.getElementById('stages').innerText.includes({EVIL!r})")
    tab.wait(f"document.getElementById('notices').innerText.includes({EVIL!r})")

    assert tab.value("window.hurt") is None
    assert tab.value("document.querySelectorAll('img[src=x]').length") == 0


def written(file: Path) -> Path:
    """The kept copy, which a thread of its own may still be writing when the scan is complete."""
    ends = time.monotonic() + 60
    while not file.exists() and time.monotonic() < ends:
        time.sleep(0.05)
    return file


def images_in(file: Path) -> list[Image]:
    """All images of a kept copy."""
    parser, data, found = MrdParser(), file.read_bytes(), []
    while data:
        space = parser.space()
        count = min(len(space), len(data))
        space[:count] = data[:count]
        data = data[count:]
        found += [message for message in parser.commit(count) if isinstance(message, Image)]
    return found


def test_a_scan_is_reconstructed_again_with_another_chain_and_parameter(
    tab: Tab, client: Client, watched: Page
) -> None:
    client.send(chain(SUM), header("qsm again"), lines(5), Close())
    client.hear_all()
    tab.wait(f"{ROW}.innerText.includes('qsm again') && {ROW}.innerText.includes('complete')")
    tab.click("#scans tr button")
    tab.wait("!document.getElementById('again').hidden")
    first = str(tab.value(f"{ROW}.dataset.session"))
    tab.value("document.getElementById('chain').value = 'toy_map'")
    tab.value("document.getElementById('parameters').value = 'SumLines.scale=3'")
    tab.click("#again button")
    tab.wait(f"{ROW}.dataset.session !== '{first}' && {ROW}.innerText.includes('complete')")
    row = str(tab.value(f"{ROW}.innerText"))
    second = str(tab.value(f"{ROW}.dataset.session"))
    tab.click("#scans tr button")
    tab.wait("document.getElementById('slice-image').alt.startsWith('chi')")

    with watched.program() as program:
        kept = program.get(f"/api/scans/{second}").json()["image_copy"]
        actions = program.get("/api/actions").json()["actions"]
    tab.wait("document.getElementById('again-said').innerText === 'done'")
    *_, summed = images_in(written(watched.storage / "images" / kept))
    assert "qsm again" in row
    assert "toy_map" in row
    assert (summed.data.ravel()[0], summed.data.ravel()[-1]) == (5, 3)
    assert {"action": "again with toy_map", "target": first}.items() <= actions[0].items()


def test_a_value_that_does_not_fit_is_told_where_it_was_asked_for(tab: Tab) -> None:
    tab.wait("!document.getElementById('again').hidden")
    tab.value("document.getElementById('parameters').value = 'SumLines.scale=wide'")
    tab.click("#again button")
    tab.wait("document.getElementById('again-said').innerText.startsWith('failed')")

    place = "chain toy_map: parameter 'SumLines.scale': SumLines.scale"
    assert f"[config] {place}: found 'wide', needed a number" in tab.text("#again-said")


def test_an_archive_that_is_down_is_shown_and_a_retry_delivers_when_it_is_up(
    tab: Tab, archive_port: int
) -> None:
    tab.wait("document.querySelector('#deliveries .error')")
    silent = tab.text("#deliveries .error")
    archive = Archive()
    with listening(archive, port=archive_port):
        before = archive.wait_for(1, 1.0)
        tab.click("#deliveries .retry")
        tab.wait("document.getElementById('delivery-said').innerText")
        said = tab.text("#delivery-said")
        assert archive.wait_for(3, PATIENCE_S)
        tab.wait("!document.querySelector('#deliveries .error, #deliveries .retry')")

    assert silent == "archive does not answer: connection refused"
    assert not before
    assert said == "3 images of archive are tried again"
    assert "sent" in tab.text("#deliveries")


def test_who_signs_out_sees_nothing_more(tab: Tab) -> None:
    tab.click("#logout")
    tab.wait("!document.getElementById('login').hidden")

    assert tab.value("document.getElementById('main').hidden") is True
    tab.value("fetch('/api/scans').then((answer) => { window.answered = answer.status; })")
    tab.wait("window.answered")
    assert tab.value("window.answered") == 401
