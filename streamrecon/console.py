"""What a person at a terminal sees of a scan on its way: a progress line, and what is said."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from streamrecon.model.notice import Level, Notice

_STYLES = {
    Level.DEBUG: "dim",
    Level.INFO: "",
    Level.WARNING: "yellow",
    Level.ERROR: "bold red",
}


class Watch:
    """Shows how far a scan is, and every notice, on stderr.

    Parameters
    ----------
    name
        What is worked on.
    total
        Lines that there will be, if known.
    live
        Whether to draw the progress line; by default only on a terminal.
    stream
        Where to write, stderr if not given.
    """

    def __init__(
        self,
        name: str = "",
        *,
        total: int | None = None,
        live: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._console = Console(
            file=stream or sys.stderr, highlight=False, force_terminal=True if live else None
        )
        drawn = self._console.is_terminal if live is None else live
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not drawn,
        )
        self._task: TaskID = self._progress.add_task("", total=total, name=name, state="")
        self._total = total
        self._lines = self._bytes = self._images = 0
        self._stage = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def sent(self, lines: int, size: int) -> None:
        """Count lines that went out, and their bytes."""
        self._lines += lines
        self._bytes += size
        self._show()

    def received(self, images: int = 1) -> None:
        """Count images that came back."""
        self._images += images
        self._show()

    def stage(self, name: str, left_s: float | None) -> None:
        """Show what is done now, and how long the rest will take, if that is known."""
        left = "" if left_s is None else f", about {max(1.0, left_s):.0f} s left"
        self._stage = f"{name}{left}"
        self._show()

    def say(self, notice: Notice) -> None:
        """Print a notice above the progress line, in the colour of its level."""
        words = Text(f"{notice.level.value} {_printable(notice.text)}", _STYLES[notice.level])
        self._console.print(words, soft_wrap=True)

    def _show(self) -> None:
        elapsed_s = self._progress.tasks[0].elapsed or 0.0
        rate = f", {self._bytes / 1e6 / elapsed_s:.0f} MB/s" if elapsed_s else ""
        known = f"/{self._total}" if self._total is not None else ""
        work = self._stage or f"{self._lines}{known} lines{rate}"
        state = f"{work}, images: {self._images}"
        self._progress.update(self._task, completed=self._lines, state=state)


def _printable(text: str) -> str:
    """The text without what could drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text.rstrip())


def tell_renamed(old: str, new: str) -> None:
    """Say on stderr what something is called now."""
    print(f"streamrecon: {old} is now called {new}; the old name still works", file=sys.stderr)


def complain(reason: str) -> None:
    """Say on stderr why something failed."""
    print(f"streamrecon: error: {reason}", file=sys.stderr)


def warn(reason: str) -> None:
    """Say on stderr what is to be read beside a result."""
    print(f"streamrecon: warning: {reason}", file=sys.stderr)


def keep_warnings_back() -> None:
    """Send Python's warnings to the log, which only the service shows: they are no user's business.

    Whoever asked Python for them (``-W``, ``PYTHONWARNINGS``) sees them.
    """
    if sys.warnoptions:
        return
    logging.getLogger("py.warnings").addHandler(logging.NullHandler())
    logging.captureWarnings(True)
