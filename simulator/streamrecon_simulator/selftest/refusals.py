"""What a selftest is refused for before any work: a folder, a report, a service, a chain."""

from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryFile

from streamrecon.errors import ConfigError, DeliveryError, ProtocolError
from streamrecon_simulator.client import play

_CONNECT_S = 10.0
_ANSWER_S = 60.0  # of a service that is busy


def check_folder(folder: Path, names: tuple[str, ...], *, overwrite: bool) -> None:
    """Whether a report can be written there.

    Parameters
    ----------
    folder
        Is made if it is not there.
    names
        Of the files that will be written.
    overwrite
        Whether a report that is there already may go.

    Raises
    ------
    ConfigError
        If the folder takes no file, or has a report.
    """
    found = [name for name in names if (folder / name).exists()]
    if found and not overwrite:
        raise ConfigError(
            f"{folder}: found {' and '.join(found)} of an earlier selftest; needed another "
            "--output, or --overwrite"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as e:
        raise ConfigError(f"{folder}: the report cannot be written there: {e.strerror}") from e


def check_service(address: tuple[str, int], chain: str) -> None:
    """Whether a service is there and has that chain: it is asked for an empty scan.

    Raises
    ------
    DeliveryError
        If no service is there.
    ConfigError
        If it has no such chain, or the chain cannot be built there.
    """
    where = f"{address[0]}:{address[1]}"
    try:
        socket.create_connection(address, timeout=_CONNECT_S).close()
    except OSError as e:
        needed = "needed `streamrecon serve`"
        raise DeliveryError(f"{where}: no server there ({e}); {needed}") from e
    try:
        played = play([], address, chain, idle_s=_ANSWER_S)
    except (ProtocolError, DeliveryError) as e:  # it hangs up, by an end or by a reset
        raise DeliveryError(f"{where}: what is there is no MRD service: {e}") from e
    refused = [text for text in played.texts if text.startswith(f"ERR [{ConfigError.code}]")]
    if refused:
        raise ConfigError(f"{where}: the service does not take the chain {chain}: {refused[0]}")
