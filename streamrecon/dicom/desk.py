"""What a person does at a spool: look, have things tried again, give them up."""

from __future__ import annotations

from collections.abc import Iterator

from streamrecon.dicom.destinations import Destination
from streamrecon.dicom.spool import Spool
from streamrecon.dicom.store import echo
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


def readiness(destinations: tuple[Destination, ...]) -> Iterator[str]:
    """One line per destination: whether it answers a C-ECHO."""
    for destination in destinations:
        try:
            echo(destination)
        except DeliveryError as e:
            yield str(e)
        else:
            yield f"{destination.name}: ready"
