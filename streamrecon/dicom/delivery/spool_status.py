"""Reports where the images of a spool are, and which destinations are ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streamrecon.dicom.delivery.destinations import AnyDestination
from streamrecon.dicom.delivery.sending.transport import check_ready
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.errors import DeliveryError


def listing(spool: Spool) -> Iterator[str]:
    """One line per series, destination and state; no patient data."""
    tallies = spool.tallies()
    if not tallies:
        yield "the spool is empty"
    for tally in tallies:
        reason = f" ({tally.reason})" if tally.reason else ""
        yield (
            f"{tally.series:6d} {tally.output:16s} {tally.destination:16s}"
            f" {tally.count:5d} {tally.state.value}{reason}"
        )


def readiness(destinations: Iterable[AnyDestination]) -> Iterator[tuple[bool, str]]:
    """Whether each destination answers (C-ECHO, or a query of the web server), and a line on it."""
    for destination in destinations:
        try:
            check_ready(destination)
        except DeliveryError as e:
            yield False, str(e)
        else:
            yield True, f"{destination.name}: ready"
