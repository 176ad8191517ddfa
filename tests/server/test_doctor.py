"""`streamrecon doctor` names what is wrong with a machine and its settings, and what to do."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority

from streamrecon.cli import main

Ask = Callable[..., tuple[int, Any]]

SOUND = {"port": "0", "sessions": "1", "spool_quota_gib": "0.1", "memory_gib": "2"}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Exit status and words of a run with settings beside sound ones."""
    for name in [name for name in os.environ if name.startswith("STREAMRECON_")]:
        monkeypatch.delenv(name)

    def run(*more: str, **settings: object) -> tuple[int, Any]:
        given = {**SOUND, "storage": tmp_path / "state", **settings}
        for name, value in given.items():
            monkeypatch.setenv(f"STREAMRECON_{name.upper()}", str(value))
        return main(["doctor", *more]), capsys.readouterr()

    return run


def test_a_sound_machine_is_ready(ask: Ask) -> None:
    status, heard = ask("--all")

    assert status == 0
    assert heard.out.endswith("ready\n")
    assert "FAULT" not in heard.out
    assert "ok    memory" in heard.out


def test_a_port_that_is_taken(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        status, heard = ask(host="127.0.0.1", port=other.getsockname()[1])

    assert status == 1
    assert "a program listens there already" in heard.out


def test_a_page_whose_port_is_taken_is_a_hint(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"127.0.0.1:{other.getsockname()[1]}"
        status, heard = ask(web=place)

    assert status == 0  # scans are served all the same
    assert f"hint  page {place}: a program listens there already" in heard.out


def test_a_page_for_everybody_on_the_network_is_a_hint(ask: Ask) -> None:
    status, heard = ask(web="0.0.0.0:0")

    assert status == 0
    assert "hint  page 0.0.0.0:0: neither encrypted nor behind a proxy" in heard.out


def test_a_page_without_its_packages_is_a_fault(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamrecon.server.workers.web_process.find_spec", lambda _name: None)

    status, heard = ask(web="127.0.0.1:0")

    assert status == 1
    assert "needed pip install 'streamrecon[web]'" in heard.out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "203.0.113.7"}, "203.0.113.7 port"),
        ({"host": "no.such.host.invalid"}, "no such address"),
        ({"host": "0.0.0.0"}, "lets in this machine alone"),
        ({"sessions": "3", "memory_gib": "1000"}, "3 scans of 1000 GiB"),
        ({"spool_quota_gib": "1e9"}, "spool_quota_gib: 1e+09 GiB, the disk has"),
        ({"config_folders": "nowhere"}, "config_folders nowhere: no such folder"),
        ({"default_chain": "gre_recom"}, "did you mean gre_recon?"),
        ({"memory_gib": "0.1"}, "0.1 GiB for a scan, needed 2"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(
    ask: Ask, settings: dict[str, str], words: str
) -> None:
    status, heard = ask(**settings)

    assert status == 1
    assert words in heard.out
    assert "to do: " in heard.out
    assert heard.out.endswith("not ready\n")


def test_a_folder_that_is_a_file(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("x")

    status, heard = ask(raw_folder=tmp_path / "raw")

    assert status == 1
    assert "FAULT raw_folder: " in heard.out


def test_a_chain_file_of_the_site_with_a_fault(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "ours.xml").write_text("<configuration><stream><gadget><name>Nobody</name>")

    status, heard = ask(config_folders=tmp_path)

    assert status == 1
    assert "FAULT chain ours" in heard.out


def test_a_certificate_without_its_key(ask: Ask, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _ = authority.certificate("localhost")
    _, other_key = authority.certificate("other")

    status, heard = ask(tls_certificate=certificate, tls_key=other_key)

    assert status == 1
    assert "FAULT certificate: TLS: " in heard.out


def test_archives_that_do_not_answer(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text(
        '[[destination]]\nname = "pacs"\nkind = "c-store"\nhost = "127.0.0.1"\nport = 1\n'
        'their_ae_title = "PACS"\n'
    )

    status, heard = ask(destinations=tmp_path / "d.toml")

    assert status == 1
    assert "FAULT archives: " in heard.out


def test_a_misspelt_setting_is_refused(ask: Ask) -> None:
    status, heard = ask(sesions="3")

    assert status == 2
    assert "did you mean STREAMRECON_SESSIONS?" in heard.err


def test_more_threads_than_processors_and_open_doors_are_hints(ask: Ask) -> None:
    status, heard = ask(threads="4096", allow="0.0.0.0/0")

    assert status == 0
    assert "hint  threads: 4096 threads of a scan" in heard.out
    assert "hint  allow: 0.0.0.0/0 lets everybody in" in heard.out
