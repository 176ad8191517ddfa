"""A message for the person at the console, on its way through the chain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much a notice matters; the words are those that FIRE shows in colour."""

    DEBUG = "DBG"
    INFO = "INF"
    WARNING = "WRN"
    ERROR = "ERR"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that reaches the client as TEXT, and the session's report.

    It carries no patient data.
    """

    level: Level
    text: str

    def __str__(self) -> str:
        return f"{self.level.value} {self.text}"
