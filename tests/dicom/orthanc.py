"""Orthanc as the hospital's archive, on loopback, in a process that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from archive import free_port
from checkers import program
from loopback import own_network

_NONE: Mapping[str, object] = {}
_END_S = 10.0
WEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Orthanc:
    """One archive with its storage; it may be killed and started again on the same ports.

    It listens on every interface. Where that is allowed, the thread that enters it, and all that
    this thread starts, are in a network with nothing but loopback.
    """

    def __init__(
        self, folder: Path, *, no_delay: bool = True, settings: Mapping[str, object] = _NONE
    ) -> None:
        self._program = program("Orthanc")
        self._network = ExitStack()
        folder.mkdir()
        self.port, self.http = free_port(), free_port()
        self._environment = os.environ | ({"TCP_NODELAY": "1"} if no_delay else {})
        self._file = folder / "orthanc.json"
        self._file.write_text(
            json.dumps(
                {
                    "HttpPort": self.http,
                    "DicomPort": self.port,
                    "DicomAet": "ARC",
                    "StorageDirectory": str(folder / "storage"),
                    "IndexDirectory": str(folder / "storage"),
                    "RemoteAccessAllowed": False,
                    "AuthenticationEnabled": False,
                    "DicomAlwaysAllowStore": True,
                    "OverwriteInstances": False,
                    "HttpDescribeErrors": True,
                    "Plugins": [],
                    **settings,
                }
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._network.enter_context(own_network())
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._network:
            self.kill(signal.SIGTERM)

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(
            [self._program, self._file],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                self.ask("/system")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("Orthanc did not start within 30 s")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, by default without a word."""
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:  # its web plugin may wait for ever at the end
                self._process.kill()
                self._process.wait()
            self._process = None

    def ask(self, path: str) -> Any:
        """What its REST interface says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return json.load(answer)

    def count(self) -> int:
        """Instances that it has."""
        return int(self.ask("/statistics")["CountInstances"])

    def sop_uids(self) -> list[str]:
        """UIDs of all instances that it has."""
        found = self.ask("/instances?expand")
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in found)
