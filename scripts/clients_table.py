"""What consoles receive of every chain: client × chain × kind of scan, as a table of the documents.

    python scripts/clients_table.py | python scripts/fill_tables.py docs/reference/clients.md

A service is started, scans are simulated, and clients written from the protocol (tests/clients) ask
for each chain. What arrives is converted to DICOM as a host does, written, read, and held against
what the same chain makes in this process without a console.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / name) for name in (".", "clients", "endtoend", "gadgets")]
sys.path.append(str(ROOT / "packaging"))

from console_trial import (  # noqa: E402
    CLIENTS,
    SCENES,
    Trial,
    as_floats,
    judged,
    scan_of,
    through_client,
)
from wire_service import serving  # noqa: E402

CHAINS = ("gre_recon", "gre_qsm", "gre_swi", "gre_full")
TITLE = "### What every client receives\n"
COLUMNS = (
    *("client", "chain", "scan", "images", "series", "lost"),
    *("place [mm]", "value [steps]", "clipped voxels", "unit, window, times"),
)


def trials() -> Iterator[tuple[str, str, str, Trial]]:
    """Every client, chain and scan."""
    with tempfile.TemporaryDirectory() as storage, serving(Path(storage)) as server:
        for kind, scene in SCENES.items():
            scan = scan_of(scene)
            for chain in CHAINS:
                volumes = as_floats(chain, scan)
                for client in CLIENTS:
                    heard = through_client(client, (server.host, server.port), chain, scan)
                    yield client, chain, kind, judged(heard, volumes, scene, scan)


def cells(client: str, chain: str, kind: str, trial: Trial) -> tuple[str, ...]:
    """One line of the table."""
    return (
        *(client, f"`{chain}`", kind, str(trial.n_images), str(trial.n_series)),
        str(trial.n_expected - trial.n_images),
        f"{trial.place_mm:.4f}",
        f"{trial.steps:.3f}",
        str(trial.n_clipped),
        "; ".join(trial.faults) or "right",
    )


def main() -> None:
    """Print the table; exit code 1 if anything is not as it should be."""
    print(TITLE)
    print(f"| {' | '.join(COLUMNS)} |")
    print("|" + "---|" * len(COLUMNS))
    are_right = True
    for client, chain, kind, trial in trials():
        print(f"| {' | '.join(cells(client, chain, kind, trial))} |", flush=True)
        are_right = are_right and trial.is_right
    sys.exit(not are_right)


if __name__ == "__main__":
    main()
