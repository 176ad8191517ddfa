"""The tunnels of docs/howto/encrypt-and-restrict.md: clients without TLS get through them."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from certificates import Authority
from narrowing import all_of
from toy_client import HEADER, PATIENCE_S, Client, Service, chain, gadget, lines, service

from streamrecon.mrd.wire.messages import Close, Image

SUM = chain(gadget("SumLines"))
BURST = chain(gadget("Burst", images=4, image_mib=3))


def tool(name: str) -> str:
    """Path of a program; the test skips where it is not."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: scripts/install-debian-tools.sh")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


@contextmanager
def running(*words: str | Path, port: int) -> Iterator[None]:
    """A program that listens on a port, ended with the block."""
    with subprocess.Popen([*map(str, words)], stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(process.communicate()[1] if process.poll() is not None else "no door")


def assert_scans_get_through(port: int) -> None:
    """Few bytes in and out; many bytes out to a client that has said all."""
    with Client(("127.0.0.1", port)) as one, Client(("127.0.0.1", port)) as other:
        one.send(SUM, HEADER, lines(3), Close())
        image, close = one.hear_all()
        other.send(BURST, HEADER, lines(2000), Close())
        *images, last = other.hear_all()

    assert isinstance(image, Image)
    assert np.ravel(image.data)[0] == 3
    assert close == last == Close()
    assert sum(each.data.nbytes for each in all_of(Image, images)) == 4 * 3 * 2**20


def test_stunnel_with_a_certificate_reaches_a_service_with_tls(tmp_path: Path) -> None:
    stunnel, port, authority = tool("stunnel4"), free_port(), Authority(tmp_path / "ca")
    ours, our_key = authority.certificate("service")
    certificate, key = authority.certificate("scanner")
    names = {"tls_certificate": ours, "tls_key": our_key, "tls_client_ca": authority.file}
    files: dict[str, Any] = {name: str(file) for name, file in names.items()}
    with service(**files, drain_idle_s=1) as site:
        settings = tmp_path / "stunnel.conf"
        settings.write_text(
            f"foreground = yes\npid =\nclient = yes\n[streamrecon]\naccept = 127.0.0.1:{port}\n"
            f"connect = 127.0.0.1:{site.port}\nCAfile = {authority.file}\nverifyChain = yes\n"
            f"checkIP = 127.0.0.1\ncert = {certificate}\nkey = {key}\n"
        )
        with running(stunnel, settings, port=port):
            assert_scans_get_through(port)


def test_ssh_with_a_key_for_nothing_else_reaches_a_service_on_loopback(
    tmp_path: Path, toys: Service
) -> None:
    sshd, ssh, keygen = tool("sshd"), tool("ssh"), tool("ssh-keygen")
    door, port = free_port(), free_port()
    for name in ("host", "scanner"):
        words = ["-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run([keygen, *words], check=True)
    limits = f'restrict,port-forwarding,permitopen="127.0.0.1:{toys.port}",command="false"'
    public = (tmp_path / "scanner.pub").read_text(encoding="utf-8")
    (tmp_path / "authorized_keys").write_text(f"{limits} {public}")
    (tmp_path / "sshd.conf").write_text(
        f"ListenAddress 127.0.0.1:{door}\nHostKey {tmp_path}/host\nPidFile none\nUsePAM no\n"
        f"StrictModes no\nAuthorizedKeysFile {tmp_path}/authorized_keys\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd of Debian parts with its rights
    known = (tmp_path / "host.pub").read_text(encoding="utf-8")
    (tmp_path / "known").write_text(f"[127.0.0.1]:{door} {known}")
    options = ["ExitOnForwardFailure=yes", "ServerAliveInterval=15", "BatchMode=yes"]
    options += [f"UserKnownHostsFile={tmp_path}/known", f"IdentityFile={tmp_path}/scanner"]
    words = [word for option in options for word in ("-o", option)]
    to = ["-p", str(door), f"{getpass.getuser()}@127.0.0.1"]
    with (
        running(sshd, "-D", "-e", "-f", tmp_path / "sshd.conf", port=door),
        running(
            *(ssh, "-N", "-L", f"127.0.0.1:{port}:127.0.0.1:{toys.port}", *words, *to), port=port
        ),
    ):
        assert_scans_get_through(port)
        elsewhere = subprocess.run(
            [ssh, *words, "-W", f"127.0.0.1:{door}", *to],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    assert elsewhere.returncode != 0
    assert "administratively prohibited" in elsewhere.stderr
