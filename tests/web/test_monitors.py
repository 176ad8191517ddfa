"""Monitors are told what is: health, readiness, metrics; a dead page touches no scan."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from toy_client import HEADER, chain, gadget, lines
from web_service import Page, is_up, page, wait_for

from streamrecon.dicom.delivery.journal import Batch, Journal, Listed, State
from streamrecon.mrd.wire.messages import Close, ConfigText, Image
from streamrecon.server.health.readiness import (
    check_archives,
    check_clock,
    check_spool,
    check_workers,
)
from streamrecon.server.settings import Settings

SUM = gadget("SumLines")
EVIL = '&lt;img src=x onerror=alert(1)&gt;"\n'


def metrics(found: Page) -> dict[tuple[str, tuple[str, ...]], float]:
    """Samples by name and labels' values; the form is checked by the parser of Prometheus."""
    with found.stranger() as client:
        text = client.get("/metrics").text
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def web_process(found: Page) -> psutil.Process:
    return next(p for p in found.running.workers() if "web" in p.cmdline())


def test_counters_are_those_of_the_scans(tmp_path: Path) -> None:
    with page(tmp_path) as found:
        found.running.talk(chain(SUM), HEADER, lines(5), Close())
        found.running.talk(chain(SUM), HEADER, lines(3), Close())
        found.running.talk(chain(gadget("Fail")), HEADER, lines(2), Close())
        failed = ("streamrecon_scans_total", ("data",))
        wait_for(lambda: metrics(found).get(failed) == 1)

        seen = metrics(found)

    assert seen["streamrecon_scans_total", ("complete",)] == 2
    assert 8 <= seen["streamrecon_lines_total", ()] <= 10
    assert seen["streamrecon_images_total", ()] == 2
    assert seen["streamrecon_received_bytes_total", ()] > 10 * 2 * 17 * 8
    assert seen["streamrecon_stage_seconds_total", ("SumLines",)] > 0
    assert seen["streamrecon_memory_bytes", ("listener",)] > 1e7
    assert (seen["streamrecon_up", ()], seen["streamrecon_scans_running", ()]) == (1, 0)


def test_no_name_of_the_wire_becomes_a_label(watched: Page) -> None:
    xml = chain(SUM).xml.replace("<classname>", f"<name>{EVIL}</name><classname>", 1)

    watched.running.talk(ConfigText(xml), HEADER, lines(1), Close())

    with watched.stranger() as client:
        assert "onerror" not in client.get("/metrics").text


def test_a_service_that_is_ready_says_which_checks_it_passed(watched: Page) -> None:
    with watched.stranger() as client:
        wait_for(lambda: client.get("/readyz").json()["ready"])
        answer = client.get("/readyz")

    assert answer.status_code == 200
    assert set(answer.json()["checks"]) == {"workers", "disk", "spool", "archives", "clock"}


def test_an_archive_that_is_down_is_told_and_so_is_one_that_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "destinations.toml"
    url = "http://127.0.0.1:1/dicom-web"
    file.write_text(f'[[destination]]\nname = "pacs"\nurl = "{url}"\n')

    down = check_archives(Settings(storage=tmp_path))
    file.unlink()

    assert "pacs" in down.fault
    assert check_archives(Settings(storage=tmp_path)).fault == ""


def test_images_that_failed_or_wait_for_long_are_a_fault(tmp_path: Path) -> None:
    settings = Settings(storage=tmp_path)
    assert check_spool(settings).fault == ""
    (tmp_path / "spool").mkdir()
    journal = Journal(tmp_path / "spool" / "journal.sqlite3")
    images = (Listed("1.2", "1.3", "1.dcm", 100), Listed("1.4", "1.3", "2.dcm", 100))
    journal.add(Batch("b", 507, "QSM_ppb", 4, 1000.0, ("pacs",), images))
    waiting = check_spool(settings).fault
    journal.settle(1, "pacs", State.FAILED, status=1, reason="x")
    failed = check_spool(settings).fault
    journal.settle(1, "pacs", State.SENT, status=0, reason="")
    journal.settle(2, "pacs", State.SENT, status=0, reason="")
    sent = check_spool(settings).fault
    journal.close()

    assert "images wait for" in waiting
    assert "1 images failed" in failed
    assert sent == ""


def test_workers_are_a_fault_only_where_a_scan_would_get_none() -> None:
    assert check_workers({}).fault == "the service does not answer"
    assert check_workers({"busy": 0, "idle": 0, "sessions": 4}).fault == "no worker is warm"
    assert check_workers({"busy": 0, "idle": 1, "sessions": 4}).fault == ""
    full = check_workers({"busy": 4, "idle": 0, "sessions": 4})
    assert (full.fault, full.warning) == ("", "all 4 places are taken")


def test_a_clock_before_this_version_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    right = check_clock()
    monkeypatch.setattr("streamrecon.server.health.readiness.time.time", lambda: 1e9)

    assert right.fault == ""
    assert check_clock().fault.startswith("the clock says 20")


def test_a_page_that_is_killed_touches_no_scan_and_comes_back(tmp_path: Path) -> None:
    with page(tmp_path) as found, found.running.connect() as client:
        client.send(chain(SUM), HEADER, lines(3))
        web_process(found).send_signal(signal.SIGKILL)
        client.send(lines(4), Close())
        heard = client.hear_all()
        with found.stranger() as stranger:
            wait_for(lambda: is_up(stranger))
        code, log = found.running.stop()

    assert [type(message) for message in heard] == [Image, Close]
    assert code == 0
    assert "the console page ended, exit code -9; again in 1 s" in log


@pytest.mark.long  # five seconds of silence
def test_health_says_when_the_service_has_stopped_answering(tmp_path: Path) -> None:
    with page(tmp_path) as found, found.stranger() as client:
        family = psutil.Process(found.running.process.pid)
        family.suspend()
        try:
            wait_for(lambda: client.get("/healthz").status_code == 503)
            ready = client.get("/readyz")
        finally:
            family.resume()
        wait_for(lambda: client.get("/healthz").status_code == 200)

    assert ready.status_code == 503
    assert ready.json()["checks"]["workers"]["fault"] == "the service does not answer"


def test_every_metric_of_the_dashboard_is_served(watched: Page) -> None:
    root = Path(__file__).parents[2]
    board = json.loads((root / "packaging" / "grafana-dashboard.json").read_text())
    shown = {
        word
        for panel in board["panels"]
        for target in panel.get("targets", ())
        for word in re.findall(r"streamrecon_\w+", target["expr"])
    }
    with watched.stranger() as client:
        text = client.get("/metrics").text
    served = {
        suffixed
        for family in text_string_to_metric_families(text)
        for suffixed in (
            family.name,
            *(f"{family.name}_{end}" for end in ("total", "bucket", "sum", "count")),
        )
    }

    assert shown
    assert shown <= served
