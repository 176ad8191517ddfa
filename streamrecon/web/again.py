"""Reconstructs a raw copy again, with another chain or other parameters, through the service."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamrecon.errors import ConfigError
from streamrecon.server.sessions.error_report import BusyError
from streamrecon.server.settings import Settings
from streamrecon.stream.chainfile.library import chain_file_names

_log = logging.getLogger(__name__)

_PARAMETER = re.compile(r"(?:[A-Za-z]\w{0,63}\.)?[A-Za-z]\w{0,63}=[^\x00-\x1f\ud800-\udfff]{0,200}")
_MOST_PARAMETERS = 20
_LONGEST_S = 4 * 3600.0
_LONGEST_REASON = 500


class Again:
    """Sends raw copies to the service, one at a time.

    What it makes goes where the chain sends it, and is seen like any other scan. `streamrecon send`
    does it, so nothing here reads a raw file.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self.state = "none"
        """Of the last one: ``none``, ``running``, ``done``, ``failed``."""
        self.reason = ""

    @property
    def chains(self) -> list[str]:
        """Names of the chains that may be asked for."""
        names = chain_file_names(self._settings.config_folders)
        return [name.removesuffix(".xml") for name in names]

    def start(
        self, raw_copy: Path, config: str, parameters: Sequence[str], service: Mapping[str, object]
    ) -> None:
        """Begin; the new session tells how it goes.

        Raises
        ------
        BusyError
            If another one is on its way, or the service does not answer.
        ConfigError
            If the chain is not one of `chains`, or a parameter is not ``[GADGET.]NAME=VALUE``, or
            clients must speak TLS, for which the page has no certificates.
        """
        if self._settings.tls_certificate is not None:
            raise ConfigError("the service takes encrypted scans alone: needed streamrecon send")
        if config not in self.chains:
            raise ConfigError(f"chain: found {config[:80]!r}, needed one of the service's")
        if len(parameters) > _MOST_PARAMETERS:
            raise ConfigError(f"parameters: found {len(parameters)}, needed {_MOST_PARAMETERS}")
        for parameter in parameters:
            if not _PARAMETER.fullmatch(parameter):
                raise ConfigError(f"parameter: found {parameter[:80]!r}, needed NAME=VALUE")
        if self._task is not None and not self._task.done():
            raise BusyError("another scan is being reconstructed again")
        addresses = service.get("addresses")
        if not isinstance(addresses, list) or not addresses:
            raise BusyError("the service does not answer")
        words = ["send", str(raw_copy), "--to", str(addresses[0]), f"--config={config}"]
        words += [f"--set={parameter}" for parameter in parameters]
        words += ["--dialect=fire"] if parameters else []  # the only one that carries them
        self._task = asyncio.create_task(self._run(words))

    async def close(self) -> None:
        """End what is on its way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, words: Sequence[str]) -> None:
        self.state, self.reason = "running", ""
        try:
            self.reason = await _send(words)
        except (OSError, TimeoutError) as e:
            self.reason = str(e) or "it took too long"
        self.state = "failed" if self.reason else "done"
        if self.reason:
            _log.error("a raw copy is not reconstructed again: %s", self.reason)


async def _send(words: Sequence[str]) -> str:
    """Send, and give why that failed; empty where it did not."""
    folder = Path(tempfile.mkdtemp(prefix="streamrecon-again-"))
    output = ["--output", str(folder / "out"), "--format", "mrd"]
    try:
        with (folder / "stderr").open("wb") as complaints:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "streamrecon", *words, *output),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                cwd=folder,
            )
        try:
            async with asyncio.timeout(_LONGEST_S):
                code = await process.wait()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        lines = (folder / "stderr").read_text(errors="replace").splitlines()
        return (lines or [f"exit code {code}"])[-1][:_LONGEST_REASON] if code else ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)
