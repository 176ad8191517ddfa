"""Images reach a DICOMweb server, and what it answers is told apart."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from archive import free_port
from orthanc import WEB_PLUGIN, Orthanc
from test_sender_threads import fill, states, until
from test_spool import images_of, uids

from streamrecon.dicom.delivery.destinations import Tls, WebDestination, read_destinations
from streamrecon.dicom.delivery.send_due import deliver
from streamrecon.dicom.delivery.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.stow_rs import ask
from streamrecon.errors import ConfigError, DeliveryError


class Server:
    """Answers every request with ``status`` and ``answer``; keeps what it was sent."""

    def __init__(self, status: int = 200, answer: object = None) -> None:
        self.status, self.answer = status, answer
        self.requests: list[tuple[dict[str, str], bytes]] = []


@contextmanager
def serving(server: Server, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.requests.append((dict(self.headers), body))
            answer = b"" if server.answer is None else json.dumps(server.answer).encode()
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever)
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
        ask(web(orthanc.http))
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


@pytest.mark.parametrize(
    ("status", "state"), [(200, "sent"), (400, "failed"), (409, "failed"), (503, "waiting")]
)
def test_an_answer_without_names_counts_for_all(status: int, state: str, tmp_path: Path) -> None:
    assert delivered(tmp_path, Server(status)) == {f"archive {state}": 3}


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

    assert pause_s > 0
    assert states(tmp_path / "spool") == {"archive waiting": 3}
    with pytest.raises(DeliveryError, match="no answer"):
        ask(web(free_port()))


def test_a_server_that_lets_nobody_in_is_not_ready() -> None:
    with serving(Server(401)) as port, pytest.raises(DeliveryError, match="401"):
        ask(web(port))


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
        ask(web(port, url=f"https://127.0.0.1:{port}/", tls=Tls(ca=certificate)))
        for stranger in (
            web(port, url=f"https://localhost:{port}/", tls=Tls(ca=certificate)),
            web(port, url=f"https://127.0.0.1:{port}/"),
        ):
            with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
                ask(stranger)


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
