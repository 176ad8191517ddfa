"""Images reach a DICOMweb server, and what it answers is told apart."""

from __future__ import annotations

import json
import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from archive import free_port
from narrowing import given
from orthanc import WEB_PLUGIN, Orthanc
from test_sender_threads import fill, states, until
from test_spool import images_of, uids

from streamrecon.dicom.delivery.destinations import Tls, WebDestination, read_destinations
from streamrecon.dicom.delivery.sending.send_due import deliver
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.sending.stow_rs import check_ready
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.errors import ConfigError, DeliveryError


class Server:
    """Answers every request with ``status`` and ``answer``; keeps what it was sent.

    An answer is made JSON unless it is bytes. Searches (GET) are answered with ``found``, or with
    404 where there is none; requests of more than ``largest`` images with 413.
    """

    def __init__(
        self,
        status: int = 200,
        answer: object = None,
        *,
        found: object = None,
        largest: int = 99,
        location: str = "",
    ) -> None:
        self.status, self.answer, self.found = status, answer, found
        self.largest, self.location = largest, location
        self.requests: list[tuple[dict[str, str], bytes]] = []

    def respond(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if method == "GET":
            return (404, None) if self.found is None else (200, self.found)
        if self.location and "elsewhere" not in path:
            return self.status, None
        if body.count(b"Content-Type: application/dicom") > self.largest:
            return 413, None
        return (200 if self.location else self.status), self.answer


@contextmanager
def serving(server: Server, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.command == "POST":
                server.requests.append((dict(self.headers), body))
            status, facts = server.respond(self.command, self.path, body)
            answer = facts if isinstance(facts, bytes) else json.dumps(facts).encode()
            self.send_response(status)
            if server.location and status in {307, 308}:
                self.send_header("Location", server.location)
            self.send_header("Content-Length", str(0 if facts is None else len(answer)))
            self.end_headers()
            self.wfile.write(b"" if facts is None else answer)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield http.server_address[1]
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def web(port: int, **changed: object) -> WebDestination:
    quick = {"answer_s": 5.0, "longest_pause_s": 0.2}
    url = f"http://127.0.0.1:{port}/dicom-web"
    return WebDestination(**{"name": "archive", "url": url} | quick | changed)


def delivered(folder: Path, server: Server) -> dict[str, int]:
    """States of three images after one visit."""
    with Spool(folder / "spool") as spool:
        spool.add(images_of(), ["archive"])
        with serving(server) as port:
            deliver(spool, web(port))
    return states(folder / "spool")


def item(uid: str, **more: tuple[str, int]) -> dict[str, object]:
    found: dict[str, object] = {"00081155": {"vr": "UI", "Value": [uid]}}
    return found | {tag: {"vr": "US", "Value": [value]} for tag, value in more.values()}


@pytest.mark.skipif(not WEB_PLUGIN.exists(), reason="orthanc-dicomweb is not installed")
def test_a_session_arrives_at_orthanc_over_the_web_each_image_once(tmp_path: Path) -> None:
    added = fill(tmp_path / "spool")
    plugin = {"Plugins": [str(WEB_PLUGIN)], "DicomWeb": {"Enable": True}}

    with Orthanc(tmp_path / "orthanc", settings=plugin) as orthanc:
        check_ready(web(orthanc.http))
        with Sender(tmp_path / "spool", [web(orthanc.http)]):
            found = until(tmp_path / "spool", {"archive sent": len(added)})
        there = orthanc.sop_uids()

    assert found == {"archive sent": len(added)}
    assert there == sorted(added)


def test_stored_failed_and_warned_files_of_one_request_are_told_apart(tmp_path: Path) -> None:
    first, second, third = uids(images_of())
    answer = {
        "00081199": {"vr": "SQ", "Value": [item(first), item(second, w=("00081196", 0xB000))]},
        "00081198": {"vr": "SQ", "Value": [item(third, f=("00081197", 0x0122))]},
    }

    found = delivered(tmp_path, Server(202, answer))

    assert found == {"archive sent": 1, "archive sent with a warning": 1, "archive refused": 1}


LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    "answer",
    [None, LOGIN_PAGE, b"", [], [{}], {}, {"00081199": {"vr": "SQ", "Value": None}}, b"<a/>"],
    ids=["nothing", "login", "empty", "[]", "[{}]", "{}", "null", "xml"],
)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_that_names_no_image_confirms_none(
    status: int, answer: object, tmp_path: Path
) -> None:
    found = delivered(tmp_path, Server(status, None if status == 204 else answer))

    assert found == {"archive waiting": 3}


def test_what_is_never_confirmed_has_failed_after_the_attempts_and_stays(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
        with serving(Server(200, LOGIN_PAGE)) as port:
            for _ in range(60):
                pause_s = deliver(spool, web(port, attempts=3, longest_pause_s=0.01))
                if pause_s is None:
                    break
                time.sleep(pause_s)
        kept = spool.age_out(0.0)
        reasons = {tally.reason for tally in spool.tallies()}

    assert states(tmp_path / "spool") == {"archive failed": 3}
    assert kept == 0
    (reason,) = reasons
    assert reason.startswith("not confirmed: HTTP status 200")
    assert reason.endswith("after 3 attempts")


def test_a_search_confirms_what_the_answer_does_not_name(tmp_path: Path) -> None:
    first = uids(images_of())[0]
    found = [{"00080018": {"vr": "UI", "Value": [first]}}]

    # the server searches badly and always finds the first: only that one is confirmed
    assert delivered(tmp_path, Server(202, found=found)) == {
        "archive sent": 1,
        "archive waiting": 2,
    }


def test_half_of_the_images_named_are_half_of_them_sent(tmp_path: Path) -> None:
    first, second, _ = uids(images_of())
    answer = {"00081199": {"vr": "SQ", "Value": [item(first), item(second)]}}

    assert delivered(tmp_path, Server(200, answer)) == {"archive sent": 2, "archive waiting": 1}


def test_an_answer_in_xml_names_images_too(tmp_path: Path) -> None:
    first, second, third = uids(images_of())

    def named(uid: str, reason: str = "") -> str:
        return (
            f'<Item number="1"><DicomAttribute tag="00081155" vr="UI"><Value number="1">{uid}'
            f"</Value></DicomAttribute>{reason}</Item>"
        )

    failure = (
        '<DicomAttribute tag="00081197" vr="US"><Value number="1">290</Value></DicomAttribute>'
    )
    answer = (
        '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">'
        f'<DicomAttribute tag="00081199" vr="SQ">{named(first)}{named(second)}</DicomAttribute>'
        f'<DicomAttribute tag="00081198" vr="SQ">{named(third, failure)}</DicomAttribute>'
        "</NativeDicomModel>"
    )

    found = delivered(tmp_path, Server(202, answer.encode()))

    assert found == {"archive sent": 2, "archive refused": 1}


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (0x0110, "waiting"), (0x0213, "waiting"), (0xC000, "waiting"), (0xA700, "waiting"),
        ("A700", "waiting"), ("272", "waiting"), (None, "waiting"), ("much", "waiting"),
        (0xA900, "failed"), (0x0122, "refused"), ("0x0122", "refused"), (0x0111, "sent"),
    ],
)  # fmt: skip
def test_a_failure_is_final_only_where_its_reason_is(
    reason: object, state: str, tmp_path: Path
) -> None:
    failed = [item(uid) for uid in uids(images_of())]
    for one in failed:
        one["00081197"] = {"vr": "US", "Value": None if reason is None else [reason]}

    found = delivered(tmp_path, Server(409, {"00081198": {"vr": "SQ", "Value": failed}}))

    assert found == {f"archive {state}": 3}


@pytest.mark.parametrize(
    ("status", "state"), [(400, "failed"), (409, "failed"), (500, "waiting"), (503, "waiting")]
)
def test_an_error_without_names_counts_for_all(status: int, state: str, tmp_path: Path) -> None:
    assert delivered(tmp_path, Server(status)) == {f"archive {state}": 3}


def all_stored() -> dict[str, object]:
    return {"00081199": {"vr": "SQ", "Value": [item(uid) for uid in uids(images_of())]}}


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirection_on_the_same_host_is_followed(status: int, tmp_path: Path) -> None:
    server = Server(status, all_stored(), location="/elsewhere/studies")

    assert delivered(tmp_path, server) == {"archive sent": 3}
    assert server.requests[0][1].count(b"application/dicom") == server.requests[1][1].count(
        b"application/dicom"
    )


def test_a_redirection_to_another_host_is_not_followed(tmp_path: Path) -> None:
    server = Server(307, all_stored(), location="http://127.0.0.2:1/elsewhere")

    assert delivered(tmp_path, server) == {"archive waiting": 3}
    assert len(server.requests) == 1


@pytest.mark.parametrize(("largest", "state"), [(1, "sent"), (2, "sent"), (0, "failed")])
def test_a_request_that_is_too_large_is_halved(largest: int, state: str, tmp_path: Path) -> None:
    assert delivered(tmp_path, Server(200, all_stored(), largest=largest)) == {
        f"archive {state}": 3
    }


@pytest.mark.parametrize("damage", ["empty", "zeros", "half", "flipped", "folder", "gone"])
def test_a_damaged_file_is_one_failed_image_and_is_not_sent(damage: str, tmp_path: Path) -> None:
    server = Server(200, all_stored())
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
        path = sorted((tmp_path / "spool").rglob("*.dcm"))[1]
        data = bytearray(path.read_bytes())
        if damage == "zeros":
            data[:200] = bytes(200)
        elif damage == "flipped":
            data[-5] ^= 1
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage != "gone":
            size = {"empty": 0, "half": len(data) // 2}.get(damage, len(data))
            path.write_bytes(data[:size])
        with serving(server) as port:
            deliver(spool, web(port))
        reasons = [tally.reason for tally in spool.tallies() if "spool" in tally.reason]

    assert states(tmp_path / "spool") == {"archive sent": 2, "archive failed": 1}
    assert len(reasons) == 1
    assert server.requests[0][1].count(b"Content-Type: application/dicom") == 2


def test_a_spool_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
    with closing(sqlite3.connect(tmp_path / "spool" / "journal.sqlite3")) as old:
        old.execute("ALTER TABLE images DROP COLUMN sha256")
        old.commit()

    with Spool(tmp_path / "spool") as spool, serving(Server(200, all_stored())) as port:
        deliver(spool, web(port))

    assert states(tmp_path / "spool") == {"archive sent": 3}


def test_files_travel_whole_and_with_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    server = Server()
    with Spool(tmp_path / "spool") as spool, serving(server) as port:
        spool.add(images_of(), ["archive"])
        files = sorted((tmp_path / "spool").rglob("*.dcm"))
        deliver(spool, web(port, token=tmp_path / "token"))

    ((headers, body),) = server.requests
    assert headers["Authorization"] == "Bearer abc"
    assert all(file.read_bytes() in body for file in files)
    assert headers["Content-Type"].startswith('multipart/related; type="application/dicom"')


def test_a_server_that_is_away_is_told_and_asked_again(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
        pause_s = deliver(spool, web(free_port()))

    assert given(pause_s) > 0
    assert states(tmp_path / "spool") == {"archive waiting": 3}
    with pytest.raises(DeliveryError, match="connection refused"):
        check_ready(web(free_port()))


def test_a_server_that_speaks_no_tls_is_named_so() -> None:
    with serving(Server()) as port, pytest.raises(DeliveryError, match="does not speak it"):
        check_ready(web(port, url=f"https://127.0.0.1:{port}/"))


def test_a_path_where_nothing_stores_is_not_ready() -> None:
    with serving(Server(404)) as port, pytest.raises(DeliveryError, match="no DICOMweb at /dicom"):
        check_ready(web(port))


def test_a_server_that_lets_nobody_in_is_not_ready() -> None:
    with serving(Server(401)) as port, pytest.raises(DeliveryError, match="401"):
        check_ready(web(port))


def test_the_server_must_prove_its_name(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=archive",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    with serving(Server(), context) as port:
        check_ready(web(port, url=f"https://127.0.0.1:{port}/", tls=Tls(ca=certificate)))
        for stranger, fault in (
            (web(port, url=f"https://localhost:{port}/", tls=Tls(ca=certificate)), "another name"),
            (web(port, url=f"https://127.0.0.1:{port}/"), "authority is not trusted"),
        ):
            with pytest.raises(DeliveryError, match=fault):
                check_ready(stranger)


def test_a_url_makes_a_web_destination_and_faults_are_named(tmp_path: Path) -> None:
    file = tmp_path / "destinations.toml"
    file.write_text('[[destination]]\nname = "web"\nurl = "https://pacs/dicom-web"\n')
    (found,) = read_destinations(file)
    assert isinstance(found, WebDestination)

    for fault in ('url = "ftp://pacs"', 'url = "http://pacs"\nport = 1'):
        file.write_text(f'[[destination]]\nname = "web"\n{fault}\n')
        with pytest.raises(ConfigError, match=r"destination\.0"):
            read_destinations(file)
    file.write_text('[[destination]]\nname = "a"\nurl = "http://pacs"\ntoken = "/nowhere/token"\n')
    with pytest.raises(ConfigError, match="/nowhere/token"):
        read_destinations(file)
