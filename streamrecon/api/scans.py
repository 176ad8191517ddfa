"""Scans from files, messages or a simulator become volumes, here or on a server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import chain as chain_of
from pathlib import Path

from streamrecon_gadgets import REGISTRY

from streamrecon import client
from streamrecon.api.server import Server
from streamrecon.errors import ConfigError, DeliveryError
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.files.open_scan import first_header, lines_of, open_scan
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.messages import ConfigFile, ConfigText, Message
from streamrecon.output.formats import ScanResults
from streamrecon.replay import Result, run_scan
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.catalogue import value_text
from streamrecon.stream.chainfile.library import find_chain_file
from streamrecon.stream.chainfile.overrides import unknown_parameters
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.gadget import Context

__all__ = ["Progress", "reconstruct", "send"]

_log = logging.getLogger(__name__)
_LEVELS = {
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.ERROR: logging.ERROR,
}

Source = str | Path | Iterable[Message]
"""An MRD file (HDF5) or plain stream by its path, or messages: the header, then data."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is.

    Parameters
    ----------
    lines
        Lines that went in.
    total
        Lines that there will be, ``None`` where nobody knows.
    images
        Images that came out.
    """

    lines: int
    total: int | None
    images: int


def reconstruct(
    source: Source,
    chain: str | Path = "gre_recon",
    *,
    storage: str | Path | None = None,
    group: str | None = None,
    progress: Callable[[Progress], object] | None = None,
    notice: Callable[[Notice], object] | None = None,
    **parameters: object,
) -> tuple[Volume, ...]:
    """Reconstruct a scan in this process, as the service would.

    Parameters
    ----------
    source
        Path of an MRD file, or messages.
    chain
        A packaged chain by its name, or a chain file by its path.
    storage
        Folder of what outlives a scan (noise of earlier scans); without it nothing is kept.
    group
        Group of the scan in a file that has several.
    progress
        Called as lines go in and images come out, by several threads.
    notice
        Called with every sentence for the user; without it they go to the log of this package.
    **parameters
        Values of gadget parameters: ``phase=False`` for every gadget that has it,
        ``**{"EchoImages.phase": False}`` for one.

    Returns
    -------
    tuple of Volume
        In the order in which they are made; ``values`` [Z, Y, X] in ``quantity.unit``.

    Raises
    ------
    ConfigError
        If the chain cannot be used, or no gadget of it has a parameter.
    StreamReconError
        From the scan or from a gadget.
    """
    spec = read_chain(_chain_text(chain), str(chain))
    overrides = {name: value_text(value) for name, value in parameters.items()}
    if unknown := unknown_parameters(spec, REGISTRY, overrides):
        raise ConfigError(f"parameters that no gadget of this chain has: {', '.join(unknown)}")
    context = Context(storage=None if storage is None else Path(storage), session="notebook")
    running = build_chain(spec, REGISTRY, context, overrides=overrides)
    observer = _Observer(progress, notice, _total(source, group))
    results: list[Result] = []
    with closing(_messages(source, group)) as scan:
        header = first_header(scan)
        run_scan(chain_of([header], scan), running, give=results.append, watch=observer)
    return ScanResults.of(header.xml, results).volumes


def send(
    source: Source,
    server: Server | str,
    chain: str | Path = "gre_recon",
    *,
    group: str | None = None,
    progress: Callable[[Progress], object] | None = None,
    notice: Callable[[Notice], object] | None = None,
    idle_s: float = client.IDLE_S,
    **parameters: object,
) -> tuple[Volume, ...]:
    """Have a scan reconstructed by an MRD server.

    Parameters
    ----------
    source, group, progress, notice
        As for `reconstruct`.
    server
        A running `Server`, or ``host:port`` of any other.
    chain
        A chain that the server knows by its name, or a chain file by its path, which is sent.
    idle_s
        Longest silence [s].
    **parameters
        Values of gadget parameters. They travel in FIRE's dialect, which is spoken then.

    Returns
    -------
    tuple of Volume
        In the order in which they came.

    Raises
    ------
    DeliveryError
        If nobody listens there, or the server says an error, in its words.
    StreamReconError
        From the scan.
    """
    address = client.Server.parse(str(server), idle_s=idle_s)
    overrides = {name: value_text(value) for name, value in parameters.items()}
    dialect = Dialect.FIRE if overrides else Dialect.GADGETRON
    request = client.Request(_config(chain), dialect, overrides)
    observer = _Observer(progress, notice, _total(source, group))
    with closing(_messages(source, group)) as scan:
        header = first_header(scan)
        reply = client.send(chain_of([header], scan), address, request, observer)
    if not reply.complete:
        reasons = [each.text for each in reply.notices if each.level is Level.ERROR]
        raise DeliveryError(
            f"{address}: {reasons[-1] if reasons else 'the scan was not taken whole'}"
        )
    return ScanResults(header.xml, reply.images).volumes


class _Observer:
    """Calls what the user gave; the rest goes to the log."""

    def __init__(
        self,
        progress: Callable[[Progress], object] | None,
        notice: Callable[[Notice], object] | None,
        total: int | None,
    ) -> None:
        self._progress = progress
        self._notice = notice
        self._total = total
        self._lines = self._images = 0

    def sent(self, lines: int, size: int) -> None:  # noqa: ARG002  (bytes are nobody's business)
        """Count lines."""
        self._lines += lines
        self._report()

    def received(self, images: int = 1) -> None:
        """Count images."""
        self._images += images
        self._report()

    def say(self, notice: Notice) -> None:
        """Pass a sentence on."""
        if self._notice is None:
            _log.log(_LEVELS[notice.level], "%s", notice.text)
        else:
            self._notice(notice)

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(Progress(self._lines, self._total, self._images))


def _messages(source: Source, group: str | None) -> Generator[Message]:
    """The messages of a scan, as a generator that can be closed."""
    if isinstance(source, str | Path):
        yield from open_scan(Path(source), group)
    else:
        yield from source


def _total(source: Source, group: str | None) -> int | None:
    return lines_of(Path(source), group) if isinstance(source, str | Path) else None


def _chain_text(chain: str | Path) -> bytes:
    path = Path(chain)
    return path.read_bytes() if path.is_file() else find_chain_file(str(chain))


def _config(chain: str | Path) -> ConfigFile | ConfigText:
    path = Path(chain)
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    return ConfigFile(str(chain)) if text is None else ConfigText(text)
