"""The stack of containers: its parts find each other, and nobody else finds them.

The file is valid by the schema of the Compose specification, which is not kept here; what that
cannot know is asserted.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamrecon.dicom.delivery.destinations import Destination, read_destinations
from streamrecon.server.settings import load_settings

FOLDER = Path(__file__).parents[2] / "packaging" / "compose"
STACK: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
SITE = SERVICES["streamrecon"]


def mounts() -> list[tuple[str, str]]:
    """Source and place of every volume."""
    return [
        (source, place)
        for service in SERVICES.values()
        for source, place in (each.split(":")[:2] for each in service.get("volumes", ()))
    ]


def test_every_folder_and_file_that_is_mounted_is_there() -> None:
    for source, _ in mounts():
        if source.startswith("."):
            assert (FOLDER / source).is_file(), source
        else:
            assert source in STACK["volumes"]


def test_every_port_is_on_loopback_alone_until_a_site_says_otherwise() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(ports) >= 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_of_others_are_pinned() -> None:
    others = [each["image"] for each in SERVICES.values() if "build" not in each]

    assert len(others) == 3
    assert all(re.fullmatch(r"docker\.io/[\w./-]+:v?\d+\.\d+\.\d+", each) for each in others)


def test_the_service_takes_its_settings_and_has_few_rights() -> None:
    settings = load_settings({}, SITE["environment"]).settings

    assert str(settings.storage) == "/state"
    assert any(place == "/state" for _, place in mounts())
    assert SITE["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in SITE["security_opt"]
    assert "USER 10001" in SITE["build"]["dockerfile_inline"].splitlines()[-1]


def test_the_archive_is_where_images_are_sent() -> None:
    archive = json.loads((FOLDER / "orthanc.json").read_text(encoding="utf-8"))

    (node,) = read_destinations(FOLDER / "destinations.toml")

    assert isinstance(node, Destination)
    assert node.host in SERVICES
    assert (node.port, node.called) == (archive["DicomPort"], archive["DicomAet"])


def test_prometheus_asks_the_page_and_grafana_asks_prometheus() -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"][0]
    (source,) = yaml.safe_load((FOLDER / "grafana-sources.yml").read_text())["datasources"]
    (boards,) = yaml.safe_load((FOLDER / "grafana-boards.yml").read_text())["providers"]

    web_port = SITE["environment"]["STREAMRECON_WEB"].rpartition(":")[2]
    assert scraped["static_configs"][0]["targets"] == [f"streamrecon:{web_port}"]
    assert source["url"] == "http://prometheus:9090"
    assert any(place.startswith(boards["options"]["path"]) for _, place in mounts())


@pytest.mark.parametrize("name", SERVICES)
def test_who_is_waited_for_is_there(name: str) -> None:
    assert set(SERVICES[name].get("depends_on", ())) <= set(SERVICES)
