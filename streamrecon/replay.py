"""Scans from files through a chain, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain as chain_of
from pathlib import Path

from streamrecon.model.notice import Level, Notice
from streamrecon.model.observer import Observer
from streamrecon.mrd.files.cut_scan import cut_scan
from streamrecon.mrd.files.open_scan import first_header, open_scan
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

    chain.run(_watched(scan, watch), emit)
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
    header: bytes | None = None,
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
    header
        MRD header for a file of images that has none.
    is_cut
        Whether a plain stream may end anywhere: what is before the end is reconstructed.

    Raises
    ------
    StreamReconError
        From the file or from a gadget.
    """
    results: list[Result] = []
    whole = open_scan(path, group, header=header)
    with closing(cut_scan(path, watch.say) if is_cut else whole) as scan:
        first = first_header(scan)
        run_scan(chain_of([first], scan), chain, give=results.append, watch=watch)
    return replace(ScanResults.of(first.xml, results), chain=chain.hash)


def pipe(
    scan: Iterator[Message], send: Callable[[Message], None], chain: Chain, watch: Observer
) -> None:
    """Reconstruct a stream into another one: header, images as they are made, CLOSE.

    After an error there is no CLOSE, so that a reader does not take the images for all of them.

    Parameters
    ----------
    scan
        Header first, then data; a CLOSE ends it.
    send
        Takes the messages of the other stream.
    chain
        A new chain.
    watch
        Is told of every line, image and notice.

    Raises
    ------
    StreamReconError
        From the stream or from a gadget.
    """
    data = (message for message in scan if not isinstance(message, Close))
    header = first_header(data)
    send(header)
    run_scan(chain_of([header], data), chain, give=send, watch=watch)
    send(Close())
