"""Log records as JSON, one object a line."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

_SESSION = re.compile(r"session ([0-9a-f]{8})\b")


class JsonLines(logging.Formatter):
    r"""Time, level, logger, message; the session where the message names one.

    What does not print in ASCII is escaped, so that no reader of the log is driven by it.

    >>> record = logging.LogRecord("a", 30, "", 0, "session 0a1b2c3d: %s", ("\x1b\n",), None)
    >>> facts = json.loads(JsonLines().format(record))
    >>> facts["level"], facts["session"], facts["message"]
    ('WARNING', '0a1b2c3d', 'session 0a1b2c3d: \x1b\n')
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        message = record.getMessage()
        facts = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
        }
        if (found := _SESSION.match(message)) is not None:
            facts["session"] = found[1]
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return json.dumps(facts)
