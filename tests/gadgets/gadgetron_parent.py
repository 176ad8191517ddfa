"""Gadgetron's side of the socket to an external process, for tests.

It does what a real Gadgetron does: listens on a free port, starts ``python -m gadgetron PORT MODULE
TARGET``, sends CONFIG and HEADER without asking, then data, then CLOSE, and reads all the while.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from narrowing import given

from streamrecon.mrd.wire.messages import Message
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

HEADER = b"""<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <experimentalConditions><H1resonanceFrequency_Hz>123200000</H1resonanceFrequency_Hz>
  </experimentalConditions>
</ismrmrdHeader>
"""
CLOSE = struct.pack("<H", 4)
WAIT_S = 100  # of a machine that does much else


class GadgetronParent:
    """One external process and the connection to it.

    Parameters
    ----------
    module, target
        What ``python -m gadgetron`` is to run.
    """

    def __init__(self, module: str = "streamrecon_gadgets.external", target: str = "run") -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(WAIT_S)
            port = listener.getsockname()[1]
            path = filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH")))
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gadgetron", str(port), module, target],
                stderr=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
            )
            self._socket, _ = listener.accept()
        self.raw = bytearray()
        """What the process has sent."""
        self.log = ""
        """What it wrote to its standard error."""
        self._threads = [
            threading.Thread(target=self._receive),
            threading.Thread(target=self._read_log),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        given(self.process.stderr).close()

    def begin(self, stream: str, header: bytes = HEADER) -> None:
        """Send CONFIG (the node's `<configuration>` around `<stream>`) and HEADER."""
        self.begin_with(
            f'<?xml version="1.0"?>\n<configuration>{stream}</configuration>\n'.encode(), header
        )

    def begin_with(self, config: bytes, header: bytes = HEADER) -> None:
        """Send CONFIG and HEADER of any bytes."""
        self.send_bytes(struct.pack("<HI", 2, len(config)) + config)
        self.send_bytes(struct.pack("<HI", 3, len(header)) + header)

    def send(self, *messages: Message) -> None:
        """Send whole messages."""
        for message in messages:
            self.send_bytes(b"".join(encode(message)))

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes."""
        self._socket.sendall(data)

    def vanish(self) -> None:
        """Go away without CLOSE, as a Gadgetron that was killed."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def answers(self) -> list[Message]:
        """All messages of the process, once it has closed its side."""
        self._threads[0].join(WAIT_S)
        return MrdParser().receive(bytes(self.raw))

    def returncode(self) -> int:
        """How the process ended; waits for it."""
        self._socket.shutdown(socket.SHUT_WR)
        return self.wait()

    def wait(self) -> int:
        """How the process ended, without closing anything first."""
        code = self.process.wait(WAIT_S)
        for thread in self._threads:
            thread.join(WAIT_S)
        return code

    def _receive(self) -> None:
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                return
            if not data:
                return
            self.raw += data

    def _read_log(self) -> None:
        self.log = given(self.process.stderr).read().decode(errors="replace")
