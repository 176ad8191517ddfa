"""What is known of one session while it runs and afterwards; no patient data."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, fields
from typing import Self

from streamrecon.server.health.log_lines import escaped
from streamrecon.server.watching.progress import Progress
from streamrecon.server.workers.worker_channel import ScanFacts, Summary

_MOST_NOTICES = 100  # a scan has ten; a chain that floods its client floods nobody else
_LONGEST_NAME = 64  # names come from the wire
_LONGEST_TEXT = 500


@dataclass(slots=True)
class ScanRecord:
    """One session, as those who watch see it. Times are seconds since 1970 unless they say so."""

    session: str
    address: str = ""
    began: float = field(default_factory=time.time)
    ended: float = 0.0
    """0 while it runs."""
    config: str = ""
    config_hash: str = ""
    protocol: str = ""
    stages: list[str] = field(default_factory=list)
    gadgets: list[str] = field(default_factory=list)
    stage_s: list[float] = field(default_factory=list)
    """Seconds that each gadget has worked."""
    at_work: list[int] = field(default_factory=list)
    """Places of the gadgets that work just now."""
    lines: int = 0
    images: int = 0
    received: int = 0
    """Bytes from the client."""
    waiting_in: int = 0
    """Bytes that wait for the chain."""
    waiting_out: int = 0
    """Bytes that wait for the client."""
    memory_bytes: int = 0
    """What the worker holds; at the end the most that it held."""
    outcome: str = ""
    """``complete``, or the code of the error that the client was told."""
    reason: str = ""
    seconds: float = 0.0
    goes_on: bool = False
    """Detached branches were at work when the client had everything."""
    raw_copy: str = ""
    image_copy: str = ""
    notices: list[str] = field(default_factory=list)
    notices_lost: int = 0

    @property
    def is_known(self) -> bool:
        """Whether its header came: a query or a client that says nothing is no scan."""
        return bool(self.config)

    def learn(self, facts: ScanFacts) -> None:
        """Take what the worker knows when the header is there."""
        name, _, digest = facts.config.rpartition(" ")
        self.config, self.config_hash = clipped(name), clipped(digest)
        self.protocol = clipped(facts.protocol)
        self.stages = [clipped(name) for name in facts.stages]
        self.gadgets = [clipped(name) for name in facts.gadgets]
        self.raw_copy, self.image_copy = facts.raw_copy, facts.images

    def take_notice(self, text: str) -> bool:
        """Keep a notice, unless there are too many; whether it was kept."""
        if len(self.notices) >= _MOST_NOTICES:
            self.notices_lost += 1
            return False
        self.notices.append(text[:_LONGEST_TEXT])
        return True

    def refresh(self, progress: Progress) -> None:
        """Read what the worker, alive or dead, has written of itself."""
        self.lines, self.images, self.received = progress.counts()
        self.waiting_in, self.waiting_out = progress.queues()
        now, stages = time.monotonic(), progress.stages(len(self.stages))
        self.at_work = [n for n, stage in enumerate(stages) if stage.since]
        self.stage_s = [
            round(stage.worked_s + (now - stage.since if stage.since else 0.0), 4)
            for stage in stages
        ]
        self.seconds = time.time() - self.began

    def end(self, summary: Summary, reason: str) -> None:
        """Take the end; what was at work where the worker died stays."""
        self.ended = time.time()
        self.outcome, self.reason = summary.outcome, reason[:_LONGEST_TEXT]
        self.lines, self.images = summary.lines, summary.images
        self.received = round(summary.megabytes * 1e6)
        self.memory_bytes = summary.memory_bytes or self.memory_bytes
        self.seconds = summary.seconds or self.ended - self.began
        self.goes_on = summary.goes_on
        self.waiting_in = self.waiting_out = 0

    def as_facts(self, *, notices: bool) -> dict[str, object]:
        """For JSON; the notices are many times the rest."""
        facts = asdict(self)
        if not notices:
            del facts["notices"]
        return facts

    @classmethod
    def of_facts(cls, facts: dict[str, object]) -> Self:
        """Inverse of `as_facts`; what another version wrote beside is passed over."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: fact for name, fact in facts.items() if name in known})  # type: ignore[arg-type]


def clipped(name: str) -> str:
    r"""A name of the wire in a form that forges no line and drives no terminal, as long as is read.

    >>> print(clipped("qsm\n12:00  complete \x9b2J"))
    qsm\n12:00  complete \x9b2J
    """
    return escaped(name[:_LONGEST_NAME])
