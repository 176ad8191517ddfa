"""`streamrecon serve` as a process of its own, and scans sent to it over a real socket."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from chains import CONFIG
from narrowing import given
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.client import Reply, Request, Server, send
from streamrecon.console import Watch
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    Header,
    Image,
    Message,
)
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.output.formats import ScanResults, write_harvest

_PATIENCE_S = 60.0
"""A test that waits longer than this hangs."""

MAGNITUDE_AND_PHASE = ConfigFile("gre_recon")


@contextmanager
def serving(storage: Path, *flags: str) -> Iterator[Server]:
    """A service on a free loopback port, ended by SIGTERM, which must leave it in peace."""
    command = [sys.executable, "-m", "streamrecon", "serve", "--host", "127.0.0.1", "--port", "0"]
    command += ["--storage", str(storage), "--log-level", "WARNING", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r"127\.0\.0\.1:\d+", given(process.stdout).readline())
            yield Server.parse(given(found)[0], idle_s=_PATIENCE_S)
        finally:
            process.terminate()
            try:
                status = process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert status == 0


def with_complex_images() -> ConfigText:
    """The packaged chain file, with complex images of every echo beside magnitude and phase."""
    text = (CONFIG / "gre_recon.xml").read_text()
    changed = text.replace('name="complex" value="false"', 'name="complex" value="true"')
    assert changed != text
    return ConfigText(changed)


def reconstructed(
    scan: Iterable[Message],
    server: Server,
    config: ConfigFile | ConfigText = MAGNITUDE_AND_PHASE,
) -> Reply:
    """What the service makes of a scan that it must take without an error."""
    reply = answered(scan, server, config)
    assert reply.complete, [str(notice) for notice in reply.notices]
    return reply


def answered(
    scan: Iterable[Message],
    server: Server,
    config: ConfigFile | ConfigText = MAGNITUDE_AND_PHASE,
) -> Reply:
    """What the service says to a scan, errors too."""
    with Watch(live=False) as watch:
        return send(scan, server, Request(config), watch)


@dataclass(frozen=True)
class Answer:
    """Images that came back of a scan, and the folder with the files the client made of them."""

    scene: Scene
    images: tuple[Image, ...]
    folder: Path


def answer_in_files(scene: Scene, server: Server, folder: Path) -> Answer:
    """Scan a scene, write what comes back as the client writes it."""
    images = reconstructed(simulate(scene).messages(), server).images
    write_harvest(ScanResults(header_xml(scene), images), folder, ["nifti"])
    return Answer(scene, images, folder)


def as_gadgetrons_client(config_xml: str, scan: Iterable[Message] = ()) -> bytes:
    """The bytes that Gadgetron's client sends with ``-C file``: no NUL, one message a line."""
    xml = config_xml.encode()
    pieces = [struct.pack("<HI", 2, len(xml)), xml]
    for message in scan:
        match message:
            case Header(header):
                pieces += [struct.pack("<HI", 3, len(header)), header]
            case Acquisitions(head, data):
                for one, samples in zip(head, data, strict=True):
                    line = np.ascontiguousarray(samples, "<c8")
                    pieces += [struct.pack("<H", 1008), one.tobytes(), line.tobytes()]
    return b"".join([*pieces, struct.pack("<H", 4)])


def talk(server: Server, said: bytes) -> list[Message]:
    """Everything the service answers up to its CLOSE, to a client that first says all it has."""
    parser, heard = MrdParser(), list[Message]()
    with socket.create_connection((server.host, server.port), timeout=_PATIENCE_S) as peer:
        peer.sendall(said)
        while not heard or heard[-1] != Close():
            count = peer.recv_into(parser.space())
            assert count, "the service went without CLOSE"
            heard += parser.commit(count)
    return heard
