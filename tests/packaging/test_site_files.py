"""The units for systemd say what the service understands."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

from streamrecon.server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "packaging"


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(SITE / "systemd" / name)
    return parser


def test_the_unit_waits_for_ready_and_takes_rights_away() -> None:
    service = unit("streamrecon.service")["Service"]

    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 2
    assert " serve --settings " in service["ExecStart"]
    for name in ("NoNewPrivileges", "DynamicUser", "PrivateTmp", "ProtectHome"):
        assert service[name] == "yes", name
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""


def test_systemd_itself_takes_the_units(tmp_path: Path) -> None:
    """Where systemd is not installed their sections and keys alone are looked at."""
    for name in ("streamrecon.service", "streamrecon.socket"):
        text = (SITE / "systemd" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(re.sub(r"/opt/streamrecon/bin/streamrecon", "/bin/true", text))
        assert set(unit(name).sections()) <= {"Unit", "Service", "Socket", "Install"}
    tool = shutil.which("systemd-analyze")
    if tool is not None:
        files = [str(tmp_path / f"streamrecon.{kind}") for kind in ("service", "socket")]
        report = subprocess.run(
            [tool, "verify", *files], capture_output=True, text=True, check=False
        )
        assert "streamrecon" not in report.stderr, report.stderr


def test_the_socket_is_that_of_the_default_settings() -> None:
    host, _, port = unit("streamrecon.socket")["Socket"]["ListenStream"].rpartition(":")

    assert (host, int(port)) == (Settings().host[0], Settings().port)
