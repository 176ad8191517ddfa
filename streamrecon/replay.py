"""Scans from files through a chain, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from io import BufferedIOBase
from itertools import chain as chain_of
from pathlib import Path
from typing import BinaryIO

from streamrecon.model.notice import Level, Notice
from streamrecon.model.observer import Observer
from streamrecon.mrd.files.cut_scan import cut_scan
from streamrecon.mrd.files.open_scan import first_header, open_scan
from streamrecon.mrd.files.plain_stream import read_stream, write_stream
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Acquisitions, Close, DicomFile, Image, Message
from streamrecon.output.formats import ScanResults
from streamrecon.stream.run.chain import Chain

Result = Image | DicomFile
"""What a client would be given."""
_RESULTS: tuple[type[Result], ...] = (Image, DicomFile)


def run_scan(
    scan: Iterable[Message],
    chain: Chain,
    *,
    give: Callable[[Result], None],
    watch: Observer,
) -> None:
    """Feed a scan to a chain; what a client would be sent goes to ``give`` and ``watch``.

    Parameters
    ----------
    scan
        Header first, then data.
    chain
        A new chain.
    give
        Takes every image and DICOM file; volumes come as images.
    watch
        Is told of every line, image and notice.

    Raises
    ------
    StreamReconError
        From the scan or from a gadget.
    """
    series = ImageSeries()

    def emit(item: object) -> None:
        match item:
            case Notice(Level.DEBUG):
                pass
            case Notice():
                watch.say(item)
            case _:
                for result in series.sent(item, _RESULTS):
                    give(result)
                    watch.received()

    chain.run(_watched(series.watched(scan), watch), emit)
    nothing = series.nothing_sent()
    if nothing is not None:
        watch.say(nothing)


def _watched(scan: Iterable[Message], watch: Observer) -> Iterator[Message]:
    for message in scan:
        if isinstance(message, Acquisitions):
            watch.sent(len(message), message.data.nbytes)
        yield message


def replay(
    path: Path,
    chain: Chain,
    watch: Observer,
    *,
    group: str | None = None,
    is_cut: bool = False,
) -> ScanResults:
    """Reconstruct the scan in a file.

    Parameters
    ----------
    path
        MRD file (HDF5), or a plain stream.
    chain
        A new chain.
    watch
        Is told of every line, image and notice.
    group
        Group of the scan in an HDF5 file, where there are several.
    is_cut
        Whether a plain stream may end anywhere: what is before the end is reconstructed.

    Raises
    ------
    StreamReconError
        From the file or from a gadget.
    """
    results: list[Result] = []
    with closing(cut_scan(path, watch.say) if is_cut else open_scan(path, group)) as scan:
        header = first_header(scan)
        run_scan(chain_of([header], scan), chain, give=results.append, watch=watch)
    return ScanResults.of(header.xml, results)


def pipe(source: BufferedIOBase, target: BinaryIO, chain: Chain, watch: Observer) -> None:
    """Reconstruct a plain stream into another one: header, images as they are made, CLOSE.

    After an error there is no CLOSE, so that a reader does not take the images for all of them.

    Raises
    ------
    StreamReconError
        From the stream or from a gadget.
    """
    scan = (message for message in read_stream(source) if not isinstance(message, Close))
    header = first_header(scan)
    write_stream([header], target)
    run_scan(
        chain_of([header], scan),
        chain,
        give=lambda result: write_stream([result], target),
        watch=watch,
    )
    write_stream([Close()], target)
