"""Sends images to a destination, or checks that it is ready, by the protocol it speaks."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from streamrecon.dicom.delivery.destinations import AnyDestination, Destination
from streamrecon.dicom.delivery.sending import c_store, stow_rs
from streamrecon.dicom.delivery.sending.outcome import QueuedFile, StoreResult


def send(
    destination: AnyDestination, files: Sequence[QueuedFile]
) -> Generator[StoreResult, None, None]:
    """Send files; an answer for each, as it comes.

    Raises
    ------
    DeliveryError
        If the connection fails or breaks; what was not answered is to be sent again.
    """
    if isinstance(destination, Destination):
        return c_store.send(destination, files)
    return stow_rs.send(destination, files)


def check_ready(destination: AnyDestination) -> None:
    """Check that the destination is ready.

    Raises
    ------
    DeliveryError
        If it is not, saying why.
    """
    if isinstance(destination, Destination):
        c_store.echo(destination)
    else:
        stow_rs.check_ready(destination)
