"""A service of one's own, for as long as it is needed: `streamrecon serve` as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType
from typing import IO, Self

from streamrecon import client
from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.server.settings import Settings, load_settings

__all__ = ["Server"]

_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
_OWN = {"host": "127.0.0.1", "allow": "127.0.0.0/8", "port": "0", "storage": ""}


class Server:
    """A service on loopback, on a free port, that keeps nothing; settings say otherwise.

    Starts when a ``with`` block is entered, or by `start`; ends with it, or by `stop`: running
    scans are finished first. What it logs is in `log`.

    Parameters
    ----------
    start_s
        Longest wait for the first warm worker [s]; compiling kernels takes a minute, once.
    stop_s
        Longest wait for running scans [s]; then they are cut.
    **settings
        Settings of ``streamrecon serve`` by their names, as ``storage="…"`` or ``sessions=1``.

    Raises
    ------
    ConfigError
        If there is no such setting, or a value does not fit.

    Examples
    --------
    >>> with Server() as server:  # doctest: +SKIP
    ...     volumes = send("scan.h5", server)
    """

    def __init__(self, *, start_s: float = 300.0, stop_s: float = 60.0, **settings: object) -> None:
        if unknown := sorted(set(settings) - set(Settings.model_fields)):
            raise ConfigError(f"server: found no setting called {', '.join(unknown)}")
        given = {name: _text(value) for name, value in settings.items()}
        self._flags: dict[str, str] = {**_OWN, **given}
        load_settings(self._flags, {})
        self._start_s, self._stop_s = start_s, stop_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log_file: IO[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __str__(self) -> str:
        return f"{_OWN['host']}:{self.port}"

    @property
    def port(self) -> int:
        """TCP port; 0 while it does not run."""
        return self._port

    @property
    def address(self) -> client.Server:
        """Where it listens, for `streamrecon.client`."""
        return client.Server.parse(str(self))

    @property
    def log(self) -> str:
        """What it has logged since it was started, also after its end."""
        if self._log_file is None:
            return ""
        return Path(self._log_file.name).read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it, and wait until it listens.

        Raises
        ------
        StreamReconError
            If it runs already, or does not listen in time; with the last line of its log.
        """
        if self._process is not None:
            raise StreamReconError(f"server: found one that listens on {self}, needed none")
        words = [f"--{name.replace('_', '-')}={text}" for name, text in self._flags.items()]
        self._log_file = tempfile.NamedTemporaryFile(suffix=".log")  # noqa: SIM115  (lives on)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamrecon", "serve", *words],
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
        )
        found = _LISTENING.search(self._first_line())
        if found is None:
            self.stop()
            last = self.log.strip().splitlines()[-1:] or ["it said nothing"]
            raise StreamReconError(f"server: not listening: {last[0]}")
        self._port = int(found[1])

    def stop(self) -> None:
        """End it; running scans are finished first. Safe when it does not run."""
        process, self._process, self._port = self._process, None, 0
        if process is None:
            return
        try:
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
                if process.poll() is None:
                    process.send_signal(number)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(self._stop_s)
        finally:
            if process.stdout is not None:
                process.stdout.close()

    def _first_line(self) -> str:
        """What it says first; empty where it ends, or says nothing in time."""
        process = self._process
        if process is None or process.stdout is None:
            return ""
        with DefaultSelector() as selector:
            selector.register(process.stdout, EVENT_READ)
            if not selector.select(self._start_s):
                return ""
        return process.stdout.readline().decode(errors="replace")


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of a service: they are not meant for this one."""
    names = {f"STREAMRECON_{name.upper()}" for name in (*Settings.model_fields, "settings")}
    return {
        name: text for name, text in ours.items() if name not in names - {"STREAMRECON_THREADS"}
    }


def _text(value: object) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
