"""Requests that no browser sends, and names that drive terminals, meet words and change nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from toy_client import HEADER, chain, gadget, lines
from web_service import Page, wait_for

from streamrecon import cli
from streamrecon.mrd.wire.messages import Close, Header

FORGED = "a\n2026-11-28 00:00:00  deadbeef  complete \u009b2J"
HALF_A_LETTER = "\\ud800"


@pytest.fixture(scope="module")
def session(watched: Page) -> str:
    """A scan that is over and has a raw copy."""
    watched.running.talk(chain(gadget("SumLines")), HEADER, lines(3), Close())
    with watched.program() as client:
        wait_for(lambda: client.get("/api/scans").json()["scans"])
        return str(client.get("/api/scans").json()["scans"][0]["session"])


@pytest.fixture
def ann(watched: Page) -> Iterator[httpx.Client]:
    """Somebody who has signed in, with the page's key."""
    with watched.stranger() as client:
        client.post("/api/login", json={"token": watched.token, "name": "Ann"})
        client.headers["x-csrf-token"] = client.get("/api/me").json()["key"]
        yield client


@pytest.mark.parametrize("origin", ["http://[", "null", "http://x@", "//", "http://127.0.0.1:1"])
def test_what_is_no_origin_of_ours_does_not_act(ann: httpx.Client, origin: str) -> None:
    answer = ann.post("/api/logout", json={}, headers={"origin": origin})

    assert answer.status_code == 403
    assert ann.get("/api/me").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/scans/{}/again", f'{{"config": "gre_recon", "parameters": ["a={HALF_A_LETTER}"]}}'),
        ("/api/scans/{}/again", f'{{"config": "{HALF_A_LETTER}", "parameters": []}}'),
        ("/api/deliveries/retry", f'{{"destination": "{HALF_A_LETTER}"}}'),
        ("/api/deliveries/retry", "[" * 60_000),
        ("/api/deliveries/retry", '{"destination": ' + "9" * 10_000 + "}"),
    ],
    ids=["parameter", "chain", "destination", "depth", "number"],
)
def test_texts_that_no_file_can_hold_are_refused_in_words(
    ann: httpx.Client, session: str, path: str, body: str
) -> None:
    kind = {"content-type": "application/json"}

    answer = ann.post(path.format(session), content=body, headers=kind)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert ann.get("/api/again").json()["state"] != "running"


@pytest.mark.parametrize(
    "head",
    [
        "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
        "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5",
        "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: -4",
        "POST /api/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity",
    ],
    ids=["two kinds", "twice", "negative", "unknown"],
)
def test_nothing_hides_behind_a_request_of_doubtful_length(watched: Page, head: str) -> None:
    """Proxy and service would see different requests in the same bytes."""
    hidden = "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = watched.raw(f"{head}\r\nContent-Type: application/json\r\n\r\n{hidden}".encode())

    assert re.match(rb"HTTP/1.1 (400|501)", answer)
    assert answer.count(b"HTTP/1.1") == 1


def test_a_name_of_the_wire_forges_no_row_and_drives_no_terminal(
    watched: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol = FORGED.replace("\n", "&#10;")
    header = Header(
        "<ismrmrdHeader><measurementInformation><protocolName>"
        f"{protocol}</protocolName></measurementInformation></ismrmrdHeader>".encode()
    )
    watched.running.talk(chain(gadget("SumLines")), header, lines(1), Close())
    shown = FORGED.encode("unicode_escape").decode()

    with watched.program() as client:
        wait_for(lambda: json.dumps(shown) in client.get("/api/scans").text)
    for command in ("history", "status"):
        cli.main([command, "--storage", str(watched.storage)])
        said = capsys.readouterr().out
        assert shown in said
        assert not [line for line in said.splitlines() if not line.isprintable()]
        assert "\n2026-11-28 00:00:00  deadbeef" not in said
