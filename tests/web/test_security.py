"""The page gives nothing to strangers, does nothing for other sites, and runs nobody's words."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from toy_client import HEADER, PATIENCE_S, chain, gadget, lines
from web_service import Page, page, wait_for

from streamrecon.mrd.wire.messages import Close, ConfigText, Header
from streamrecon.web import access
from streamrecon.web.access import COOKIE, Access, token_of

PAGE = Path(__file__).parents[2] / "streamrecon" / "web" / "page"
EVIL = "<img src=x onerror=alert(1)>"
OURS = [path for path in PAGE.glob("*.[jc]s*") if path.name != "niivue.js"]  # see test_viewer.py
SECRET = "s" * 40
READS = [
    "/api/me",
    "/api/events",
    "/api/scans",
    "/api/scans/0a1b2c3d",
    "/api/scans/0a1b2c3d/images",
    "/api/scans/0a1b2c3d/images/0/axial/0.png",
    "/api/scans/0a1b2c3d/images/0.nii",
    "/api/scans/0a1b2c3d/download/raw",
    "/api/actions",
    "/api/chains",
    "/api/deliveries",
    "/api/scale/grey.png",
    "/api/scales",
]
ACTS = ["/api/deliveries/retry", "/api/scans/0a1b2c3d/again", "/api/logout"]


@contextlib.contextmanager
def signed_in(watched: Page, name: str = "Ann") -> Iterator[httpx.Client]:
    with watched.stranger() as client:
        answer = client.post("/api/login", json={"token": watched.token, "name": name})
        assert answer.status_code == 200
        yield client


def request_with(**headers: str) -> Request:
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "method": "GET", "headers": named})


@pytest.mark.parametrize("path", READS)
def test_a_stranger_reads_nothing(watched: Page, path: str) -> None:
    with watched.stranger() as client:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get(path, headers={"x-remote-user": "root"}).status_code == 401


@pytest.mark.parametrize("path", ACTS)
def test_a_stranger_does_nothing(watched: Page, path: str) -> None:
    with watched.stranger() as client:
        assert client.post(path, json={}).status_code == 401
        assert client.get(path).status_code == 405


@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-csrf-token": "wrong"},
        {"x-csrf-token": "{key}", "origin": "https://evil.example"},
        {"x-csrf-token": "{key}", "sec-fetch-site": "cross-site"},
        {"x-csrf-token": "{key}", "sec-fetch-site": "same-site"},
    ],
    ids=["no key", "wrong key", "other origin", "other site", "sister site"],
)
def test_no_other_site_acts_in_somebodys_name(
    watched: Page, path: str, headers: dict[str, str]
) -> None:
    with signed_in(watched) as client:
        key = client.get("/api/me").json()["key"]
        sent = {name: value.format(key=key) for name, value in headers.items()}

        assert client.post(path, json={}, headers=sent).status_code == 403


def test_the_page_itself_and_programs_may_act_and_it_is_on_record(watched: Page) -> None:
    watched.running.talk(chain(gadget("SumLines")), HEADER, lines(3), Close())
    with signed_in(watched, "Ann") as client, watched.program() as program:
        me = client.get("/api/me").json()
        own = {"x-csrf-token": me["key"], "origin": watched.url, "sec-fetch-site": "same-origin"}
        wait_for(lambda: client.get("/api/scans").json()["scans"])
        session = client.get("/api/scans").json()["scans"][0]["session"]
        path = f"/api/scans/{session}/again"

        wrong_chain = client.post(path, json={"config": "no such chain"}, headers=own)
        by_program = program.get(f"/api/scans/{session}/download/raw")
        actions = client.get("/api/actions").json()["actions"]

    assert me["name"] == "Ann"
    assert wrong_chain.status_code == 400
    assert by_program.status_code == 200
    assert by_program.content[:2] == b"\x03\x00"  # an MRD stream begins with its header
    assert {(a["user"], a["target"]) for a in actions} >= {("Ann", session), ("token", session)}


def test_a_cookie_is_for_this_site_alone_and_no_script_reads_it(watched: Page) -> None:
    with watched.stranger() as client:
        answer = client.post("/api/login", json={"token": watched.token})

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert watched.token.lower() not in cookie


@pytest.mark.parametrize("token", ["", "wrong", "x" * 200])
def test_a_wrong_token_opens_nothing(watched: Page, token: str) -> None:
    with watched.stranger() as client:
        answer = client.post("/api/login", json={"token": token})

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_cookies_that_are_forged_or_old_are_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Access(SECRET)
    right = door.cookie("Ann")
    other = Access("t" * 40).cookie("Ann")
    name, ends, mac = right.split(".")
    forged = [other, f"{name}.{float(ends) + 1:.0f}.{mac}", f"Qm9i.{ends}.{mac}", "..", "", "é"]
    monkeypatch.setattr(access.time, "time", lambda: float(ends) + 1)
    late = door.user(request_with(cookie=f"{COOKIE}={right}"))
    monkeypatch.undo()

    assert late is None
    assert door.user(request_with(cookie=f"{COOKIE}={right}")).name == "Ann"
    assert [door.user(request_with(cookie=f"{COOKIE}={text}")) for text in forged[:-1]] == [
        None
    ] * 5


def test_a_proxys_user_is_known_only_where_the_settings_say_so() -> None:
    asks = request_with(x_remote_user="ann", host="mr.example")

    assert Access(SECRET).user(asks) is None
    assert Access(SECRET, "X-Remote-User").user(asks).name == "ann"
    assert Access(SECRET, "X-Remote-User").user(request_with(x_remote_user="")) is None


def test_a_proxys_user_needs_the_pages_key_to_act() -> None:
    door = Access(SECRET, "X-Remote-User")
    user = door.user(request_with(x_remote_user="ann"))

    assert not door.may_act(request_with(x_remote_user="ann"), user)
    assert door.may_act(request_with(x_remote_user="ann", x_csrf_token=user.key), user)
    eve = door.user(request_with(x_remote_user="eve"))
    assert not door.may_act(request_with(x_remote_user="eve", x_csrf_token=user.key), eve)


def test_the_token_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    token = token_of(tmp_path)

    assert len(token) >= 40
    assert token_of(tmp_path) == token
    assert (tmp_path / "web-token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "path",
    [
        "/static/../access.py",
        "/static/..%2faccess.py",
        "/static/%2e%2e/%2e%2e/cli.py",
        "/static/%2fetc%2fpasswd",
        "/static/....//access.py",
        "/api/scans/..%2f..%2fweb-token",
        "/api/scans/..%2fweb-token/images",
        "/api/scans/0a1b2c3d/download/..%2f..%2fweb-token",
        "/api/scans/%00/images",
        "/api/scale/..%2f..%2fweb-token.png",
        "//etc/passwd",
        "/../../etc/passwd",
    ],
)
def test_no_path_leads_out(watched: Page, path: str) -> None:
    request = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {watched.token}\r\n"
        "Connection: close\r\n\r\n"
    )

    answer = watched.raw(request.encode())

    assert re.match(rb"HTTP/1.1 (404|400|405)", answer)
    assert watched.token.encode() not in answer
    assert b"root:" not in answer
    assert b"import" not in answer


def test_names_and_notices_of_the_wire_come_as_data_never_as_markup(watched: Page) -> None:
    escaped = EVIL.replace("<", "&lt;").replace(">", "&gt;")
    header = Header(
        "<ismrmrdHeader><measurementInformation><protocolName>"
        f"{escaped}</protocolName></measurementInformation></ismrmrdHeader>".encode()
    )
    xml = chain(gadget("SumLines")).xml
    named = xml.replace("<classname>", f"<name>{escaped}</name><classname>", 1)

    watched.running.talk(ConfigText(named), header, lines(1), Close())

    with watched.program() as client:

        def is_there() -> bool:
            return EVIL in client.get("/api/scans").text

        wait_for(is_there)
        answer = client.get("/api/scans")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_our_scripts_make_no_markup_of_text() -> None:
    scripts = "".join(path.read_text() for path in OURS)

    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
        r"|setAttribute\(\"on|javascript:|srcdoc",
        scripts,
    )

    assert len(scripts) > 10_000
    assert found == []


def test_our_files_name_no_other_place_and_hold_no_script_or_style_within() -> None:
    html = (PAGE / "index.html").read_text()
    everything = html + "".join(path.read_text() for path in OURS)

    assert "://" not in everything
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", html) == []


def test_our_scripts_keep_to_the_syntax_of_browsers_of_2021() -> None:
    scripts = "".join(path.read_text() for path in OURS)

    newer = re.findall(
        r"\.at\(|structuredClone|Object\.hasOwn|\.findLast|\.toSorted|\.toReversed|\.groupBy"
        r"|static \{|\#\w+ in |\.replaceAll\(|Array\.fromAsync|AbortSignal\.(?:any|timeout)"
        r"|showModal|showPicker|\.with\(",
        scripts,
    )

    assert newer == []


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/healthz", "/nowhere", "/api/me"])
def test_every_answer_tells_browsers_to_trust_our_files_alone(watched: Page, path: str) -> None:
    with watched.stranger() as client:
        headers = client.get(path).headers

    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["img-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_ten_megabytes_of_headers_get_nothing_and_hurt_nobody(watched: Page) -> None:
    start = b"GET / HTTP/1.1\r\nHost: x\r\n"

    one = watched.raw(start + b"X: " + b"a" * 10_000_000 + b"\r\n\r\n")
    many = watched.raw(start + b"X: a\r\n" * 1_600_000 + b"\r\n")

    assert not one.startswith(b"HTTP/1.1 200")
    assert not many.startswith(b"HTTP/1.1 200")
    with watched.stranger() as client:
        assert client.get("/healthz").status_code == 200


def test_a_body_that_no_action_has_is_refused(watched: Page) -> None:
    with watched.stranger() as client:
        answer = client.post("/api/login", json={"token": "x" * 10_000_000})

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b"token=x", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"json": ["token"]},
        {"json": {"token": 7}},
        {"json": {"token": "x", "name": EVIL}},
    ],
    ids=["a form", "half", "a list", "a number", "markup"],
)
def test_what_is_no_login_is_refused(watched: Page, sent: dict[str, object]) -> None:
    with watched.stranger() as client:
        assert client.post("/api/login", **sent).status_code == 400


def test_a_program_of_parameters_is_refused_before_anything_starts(watched: Page) -> None:
    watched.running.talk(chain(gadget("SumLines")), HEADER, lines(3), Close())
    with watched.program() as client:
        wait_for(lambda: client.get("/api/scans").json()["scans"])
        session = client.get("/api/scans").json()["scans"][0]["session"]
        path = f"/api/scans/{session}/again"
        wrong = [
            {"config": "/etc/passwd"},
            {"config": "../gre_qsm"},
            {"config": "--help"},
            {"config": "gre_qsm", "parameters": ["--output=/tmp/x"]},
            {"config": "gre_qsm", "parameters": ["a=\n"]},
            {"config": "gre_qsm", "parameters": ["a=1"] * 21},
            {"config": "gre_qsm", "parameters": "a=1"},
        ]

        assert [client.post(path, json=body).status_code for body in wrong] == [400] * len(wrong)


@pytest.mark.long
def test_pages_beyond_the_limit_are_told_so(tmp_path: Path) -> None:
    with page(tmp_path) as found, found.program() as client:
        opened = []
        try:
            for _ in range(32):
                stream = client.build_request("GET", "/api/events")
                opened.append(client.send(stream, stream=True))
            assert client.get("/api/events").status_code == 503
            assert client.get("/healthz").status_code == 200
        finally:
            for stream in opened:
                stream.close()


@pytest.mark.long
def test_clients_that_are_slow_are_closed_and_keep_nobody_out(watched: Page) -> None:
    slow = [socket.create_connection(("127.0.0.1", watched.port), PATIENCE_S) for _ in range(100)]
    began = time.monotonic()
    try:
        for each in slow:
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        with watched.stranger() as client:
            assert client.get("/healthz").status_code == 200
        for each in slow:
            with contextlib.suppress(ConnectionError):
                assert each.recv(1 << 16) == b""
    finally:
        for each in slow:
            each.close()

    assert time.monotonic() - began < 30.0  # each would wait for ever
