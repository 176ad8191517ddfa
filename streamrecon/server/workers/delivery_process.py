"""Keeps the process that delivers the spool running beside the sessions.

It is a process of its own: an archive's protocol is spoken neither by a worker, which ends with
its scan, nor by the listener, whose clients must not wait for it. It is `streamrecon spool send`,
and ends when its stdin does, hence with the service whatever ends that.
"""

from __future__ import annotations

import logging

from streamrecon.dicom.delivery.destinations import read_destinations
from streamrecon.errors import ConfigError
from streamrecon.model.delivery import Delivery
from streamrecon.server.settings import Settings
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.server.workers.supervised_process import keep_running

_log = logging.getLogger(__name__)

_NICENESS = 5  # images that wait must not slow the scan that runs


class DeliveryProcess:
    """Owner of the delivering process.

    Parameters
    ----------
    settings
        Where spool and destinations are. Without a file of destinations there is nothing to do.

    Raises
    ------
    ConfigError
        If the file of destinations has a fault, or is named and not there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._delivery = _checked(settings)

    async def run(self) -> None:
        """Keep the process running until cancelled; then let it end after what is on its way."""
        if self._delivery is None:
            return
        words = ["spool", "send", "--while-stdin"]
        places = ["--spool", str(self._delivery.spool)]
        places += ["--destinations", str(self._delivery.destinations)]
        settings = {
            "STREAMRECON_SPOOL_DAYS": str(self._settings.spool_days),
            "STREAMRECON_LOG_LEVEL": self._settings.log_level,
            "STREAMRECON_LOG_FORMAT": self._settings.log_format,
        }
        sender = "the sender of the spool"
        await keep_running(sender, [*words, *places], settings, niceness=_NICENESS)


def _checked(settings: Settings) -> Delivery | None:
    delivery = delivery_of(settings)
    file = delivery.destinations
    if file is None or (settings.destinations is None and not file.exists()):
        return None
    if delivery.spool is None:
        raise ConfigError("destinations are set, but no spool: needed a storage or a spool folder")
    destinations = read_destinations(file)
    _log.info("images of the spool go to %s", ", ".join(d.name for d in destinations) or "nobody")
    return delivery
