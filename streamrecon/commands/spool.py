"""`streamrecon spool`: lists, retries and discards images on their way to archives."""

from __future__ import annotations

import argparse
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from streamrecon.dicom.delivery.destinations import AnyDestination, read_destinations
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.spool_status import listing, readiness
from streamrecon.dicom.objects.output_names import refuse_unknown
from streamrecon.errors import ConfigError
from streamrecon.server.health.log_lines import log_to_stderr
from streamrecon.server.settings import Settings, load_settings
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.storage.durable_files import HeldError

_log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 2.0
_GRACE_S = 3.0  # with all else less than five seconds
_DAY_S = 86400.0
_HOUR_S = 3600.0
_EPILOG = """\
States of an image at a destination: waiting (it will be sent, also after a restart), sent, sent
with a warning, sent and not yet confirmed (where the destination is asked to promise that it
keeps it), refused (the destination does not take this kind of object), failed.

  streamrecon spool list                         what is where
  streamrecon spool retry --destination pacs     have pacs tried at once, failed images too
  streamrecon spool fail --series 507            stop trying; `retry` brings them back
  streamrecon spool echo                         ask each destination whether it is ready

The spool holds patient data. The list shows none.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = "See and move DICOM images that wait for archives."
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, purpose in (
        ("list", _list, "one line per series, destination and state"),
        ("retry", _retry, "send what waits, was refused or failed at once"),
        ("fail", _fail, "stop trying what waits or was refused; retry brings it back"),
        ("age-out", _age_out, "delete what arrived everywhere and is older than the settings say"),
        ("echo", _echo, "ask each destination whether it is ready; 1 if one is not"),
        ("send", _send, "deliver until SIGTERM; a running service does it itself"),
    ):
        action = actions.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
        _add_places(action)
        if run in {_retry, _fail}:
            action.add_argument("--destination", default="", metavar="NAME", help="only this one")
            action.add_argument("--output", default="", metavar="KIND", help="only these: QSM_ppb")
            action.add_argument("--series", type=int, metavar="N", help="only this series")
        if run is _send:
            action.add_argument(
                "--while-stdin", action="store_true", help="deliver until stdin ends instead"
            )
        action.set_defaults(run=run)


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="the service's settings")
    parser.add_argument("--spool", type=Path, metavar="DIR", help="folder; as in the settings")
    parser.add_argument(
        "--destinations", type=Path, metavar="FILE.toml", help="file; as in the settings"
    )


def _list(options: argparse.Namespace) -> int:
    with _spool(options) as spool:
        print("\n".join(listing(spool)))
    return 0


def _retry(options: argparse.Namespace) -> int:
    return _moved(options, Spool.retry, "to be tried again")


def _fail(options: argparse.Namespace) -> int:
    return _moved(options, Spool.give_up, "moved to failed")


def _moved(options: argparse.Namespace, move: Callable[..., int], what: str) -> int:
    """Move images, after names that match nothing were refused.

    Raises
    ------
    ConfigError
        If no image is called so, or neither settings nor spool know the destination.
    """
    with _spool(options) as spool:
        _refuse_unmatched(options, spool)
        chosen = (options.destination, options.output, options.series)
        count = move(spool, destination=chosen[0], output=chosen[1], series=chosen[2])
    print(f"{count} images {what}")
    return 0


def _refuse_unmatched(options: argparse.Namespace, spool: Spool) -> None:
    try:
        refuse_unknown({options.output} - {""})
    except ValueError as e:
        raise ConfigError(f"--output: {e}") from e
    if not options.destination:
        return
    known = {each.destination for each in spool.tallies()}
    file = _destinations(options)
    if file.is_file():
        known |= {each.name for each in read_destinations(file)}
    if options.destination not in known:
        there = ", ".join(sorted(known)) or "none"
        raise ConfigError(f"--destination: found {options.destination!r}, needed one of {there}")


def _age_out(options: argparse.Namespace) -> int:
    with _spool(options) as spool:
        count = spool.age_out(_days(options) * _DAY_S)
    print(f"{count} batches deleted")
    return 0


def _echo(options: argparse.Namespace) -> int:
    faults = 0
    for is_ready, line in readiness(read_destinations(_destinations(options))):
        faults += not is_ready
        print(line)
    return int(faults > 0)


def _send(options: argparse.Namespace) -> int:
    settings = _settings(options)
    log_to_stderr(settings.log_level, settings.log_format)
    asked, ended, done = (threading.Event() for _ in range(3))
    for number in (signal.SIGTERM, signal.SIGINT):
        # ``asked`` is waited for by another thread alone: a handler that sets what its own thread
        # waits for may meet the lock of that wait.
        signal.signal(number, signal.SIG_IGN if options.while_stdin else lambda *_: asked.set())
    folder, days = _folder(options), _days(options)
    destinations = read_destinations(_destinations(options))
    if options.while_stdin:
        _end_in_time(partial(select.select, [sys.stdin], [], []), ended, done)
        sender = _next_sender(folder, destinations, ended)
    else:
        sender = Sender(folder, destinations)
        _end_in_time(asked.wait, ended, done)
    if sender is None:
        return 0
    with sender:
        while not ended.is_set():
            with Spool(folder) as spool:
                spool.age_out(days * _DAY_S)
            ended.wait(_HOUR_S)
    done.set()
    return 0


def _end_in_time(wait: Callable[[], object], ended: threading.Event, done: threading.Event) -> None:
    """Have ``ended`` set when ``wait`` returns, and the process gone once all is ``done``, or soon.

    An archive may take a minute to answer, and nothing here is lost by an end without a word: what
    was not answered is sent again.
    """

    def watch() -> None:
        wait()
        ended.set()
        if not done.wait(_GRACE_S):
            _log.warning("what is on its way is cut off, and sent again later")
        logging.shutdown()
        os._exit(0)

    threading.Thread(target=watch, name="end", daemon=True).start()


def _next_sender(
    folder: Path, destinations: Sequence[AnyDestination], ended: threading.Event
) -> Sender | None:
    """The one that delivers this spool; while another service does, this one waits."""
    is_logged = False
    while True:
        try:
            return Sender(folder, destinations)
        except HeldError:
            if not is_logged:
                _log.info("another service delivers this spool; this one takes over from it")
            is_logged = True
            if ended.wait(_LOOK_AGAIN_S):
                return None


def _spool(options: argparse.Namespace) -> Spool:
    folder = _folder(options)
    if not folder.is_dir():
        raise ConfigError(f"spool {folder}: no such folder")
    return Spool(folder)


def _settings(options: argparse.Namespace) -> Settings:
    flags = {"spool": options.spool, "destinations": options.destinations}
    return load_settings(flags, os.environ, options.settings).settings


def _folder(options: argparse.Namespace) -> Path:
    return _needed(delivery_of(_settings(options)).spool, "--spool")


def _destinations(options: argparse.Namespace) -> Path:
    return _needed(delivery_of(_settings(options)).destinations, "--destinations")


def _days(options: argparse.Namespace) -> float:
    return _settings(options).spool_days


def _needed(path: Path | None, flag: str) -> Path:
    if path is None:
        raise ConfigError(f"the settings have no storage: {flag} is needed")
    return path
