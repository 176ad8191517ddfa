"""Decides what of new settings may hold while the service runs."""

from __future__ import annotations

import logging

from streamrecon.server.settings import Settings
from streamrecon.server.settings_group import TAKES_A_RESTART
from streamrecon.server.watching.watch_settings import WatchSettings

_log = logging.getLogger(__name__)

AT_START = frozenset(WatchSettings.model_fields) | {
    name
    for name, field in Settings.model_fields.items()
    if field.json_schema_extra == TAKES_A_RESTART
}
"""What was opened, counted or begun with when the service started."""


def renewed(old: Settings, new: Settings) -> Settings:
    """The new settings, but for those that take a restart: these stay, and the log names them."""
    waiting = {name for name in AT_START if getattr(new, name) != getattr(old, name)}
    if waiting:
        _log.warning("%s: a restart is needed for what was changed", ", ".join(sorted(waiting)))
    return new.model_copy(update={name: getattr(old, name) for name in waiting})
