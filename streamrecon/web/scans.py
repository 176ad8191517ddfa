"""Answers what sessions there were and are, from the record and from the running service."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from streamrecon.output.readings import KeptReadings, kept_readings
from streamrecon.server.settings import Settings
from streamrecon.storage.scan_table import NAME, Row, ScanTable
from streamrecon.web.feed import Feed

MOST_ROWS = 1000


class Scans:
    """Sessions now and before; each call opens the record for itself, so threads may call."""

    def __init__(self, settings: Settings, storage: Path, feed: Feed) -> None:
        self._settings = settings
        self._storage = storage
        self._feed = feed

    def latest(self, limit: int, before: float | None) -> list[Row]:
        """Sessions without their notices, the last first; what runs is told as it is now."""
        rows: dict[str, Row] = {}
        for scan in self._feed.board.scans.values():
            if before is None or scan.began < before:
                rows[scan.session] = scan.as_facts(notices=False)
        for row in self._recorded(limit, before):
            rows.setdefault(str(row["session"]), _without_notices(row))
        chosen = sorted(rows.values(), key=lambda row: -float(str(row["began"])))[:limit]
        found = kept_readings(self._storage, rows)
        for row in chosen:
            kept = found.get(str(row["session"]))
            row["light"] = "" if kept is None else kept.light
        return chosen

    def _recorded(self, limit: int, before: float | None) -> list[Row]:
        if not (self._storage / NAME).exists():
            return []
        try:
            with ScanTable(self._storage) as table:
                return list(table.latest(limit, before=before))
        except sqlite3.Error:  # what runs is shown all the same
            return []

    def find(self, session: str) -> Row | None:
        """One session with all that is known of it; what is usual for its kind beside."""
        live = self._feed.board.scans.get(session)
        row = None if live is None else live.as_facts(notices=True)
        if not (self._storage / NAME).exists():
            return row
        try:
            with ScanTable(self._storage) as table:
                row = (table.find(session) or {}) | row if row else table.find(session)
                if row is None:
                    return None
                kind = (str(row["config_hash"]), str(row["protocol"]))
                return row | {"usual_s": table.usual_seconds(*kind)}
        except sqlite3.Error:
            return row

    def readings(self, session: str) -> Row:
        """The light of a session's quality, why, and what was read from its maps."""
        found = kept_readings(self._storage, [session]).get(session, KeptReadings())
        return {"light": found.light, "light_reasons": found.reasons, "readings": found.rows}

    def raw_copy(self, row: Row) -> Path | None:
        """File of the raw copy, complete or cut; ``None`` where it is not kept any more."""
        name, folder = str(row.get("raw_copy") or ""), self._settings.raw_folder
        if not name or folder is None or Path(name).name != name:
            return None
        for ending in ("", ".part"):
            if (path := folder / f"{name}{ending}").is_file():
                return path
        return None

    def note_action(self, user: str, address: str, action: str, target: str) -> None:
        """Note on the record what a person does, before it is done."""
        with ScanTable(self._storage) as table:
            table.note_action(user, address, action, target)

    def actions(self, limit: int) -> list[Row]:
        """What persons did, the last first."""
        with ScanTable(self._storage) as table:
            return table.actions(limit)


def _without_notices(row: Row) -> Row:
    return {name: fact for name, fact in row.items() if name != "notices"}
