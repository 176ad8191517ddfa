"""The report of a selftest: JSON and text, signed with a key of the site."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamrecon import __version__
from streamrecon.errors import ConfigError
from streamrecon.storage.atomic_file import whole
from streamrecon_simulator.selftest.rows import Row, table_of

_SIGNATURE = "hmac_sha256"
_LEAST_KEY_BYTES = 16

FILES = ("selftest.json", "selftest.txt")
"""What a report is."""


def report_of(
    rows: Sequence[Row], *, against: str, chain: str, began: str, seconds: float
) -> dict[str, object]:
    """What is written and signed: figures, limits, verdicts, and where and when.

    Parameters
    ----------
    rows
        All of them.
    against, chain
        Address of the service, and name of the chain.
    began
        Date and time.
    seconds
        How long it took.
    """
    return {
        "schema_version": 1,
        "software": f"streamrecon {__version__}",
        "against": against,
        "chain": chain,
        "began": began,
        "seconds": round(seconds, 1),
        "passes": all(row.passes for row in rows),
        "rows": [_row(row) for row in rows],
    }


def _row(row: Row) -> dict[str, str | float | bool | None]:
    number = float(f"{row.number:.4g}") if math.isfinite(row.number) else None
    return {
        "scan": row.scan, "name": row.name, "number": number, "low": row.low, "high": row.high,
        "passes": row.passes,
    }  # fmt: skip


def signed(report: Mapping[str, object], key: bytes) -> dict[str, object]:
    """The report with the HMAC-SHA256 of all the rest, keys in order and without spaces.

    >>> sorted(signed({"a": 1}, b"sixteen bytes or more"))
    ['a', 'hmac_sha256']
    """
    return {**report, _SIGNATURE: _hmac(report, key)}


def is_genuine(report: Mapping[str, object], key: bytes) -> bool:
    """Whether nobody without the key has changed a report since it was signed.

    >>> whole = signed({"passes": False}, b"sixteen bytes or more")
    >>> is_genuine(whole, b"sixteen bytes or more")
    True
    >>> is_genuine(whole | {"passes": True}, b"sixteen bytes or more")
    False
    """
    rest = {name: value for name, value in report.items() if name != _SIGNATURE}
    return hmac.compare_digest(str(report.get(_SIGNATURE, "")), _hmac(rest, key))


def _hmac(report: Mapping[str, object], key: bytes) -> str:
    text = json.dumps(report, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def read_key(path: Path) -> bytes:
    """The key that a file holds, without the end of its line.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds less than 16 bytes.
    """
    try:
        key = path.read_bytes().strip()
    except OSError as e:
        raise ConfigError(f"{path}: the key cannot be read: {e.strerror}") from e
    if len(key) < _LEAST_KEY_BYTES:
        raise ConfigError(f"{path}: found a key of {len(key)} bytes, needed {_LEAST_KEY_BYTES}")
    return key


def write_report(folder: Path, report: Mapping[str, object], rows: Sequence[Row]) -> list[Path]:
    """Write ``selftest.json`` and ``selftest.txt``; give their paths."""
    verdict = "PASS" if report["passes"] else "FAIL"
    head = f"{verdict}  {report['software']}, {report['chain']} at {report['against']}, "
    head += f"{report['began']}, {report['seconds']} s"
    lines = [head, *table_of(rows)]
    texts = dict(zip(FILES, (json.dumps(report, indent=2), "\n".join(lines)), strict=True))
    for name, text in texts.items():
        with whole(folder / name) as scratch:
            scratch.write_text(f"{text}\n", encoding="utf-8")
    return [folder / name for name in texts]


def check_report(path: Path, key: bytes) -> bool:
    """Whether a file is a report that its key signed.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise ConfigError(f"{path}: is no report: {e}") from e
    return isinstance(found, dict) and is_genuine(found, key)
