"""FFT plans that one worker has measured, kept for the next one.

Planning the transforms of a protocol costs as much as transforming; the next scan of that
protocol need not pay it again.
"""

from __future__ import annotations

from pathlib import Path

from streamrecon.fourier import load_wisdom, save_wisdom

_FILE = "fftw.wisdom"


def recall_plans(storage: Path | None) -> None:
    """Take over the plans kept in ``storage``, if there are any."""
    if storage is not None:
        load_wisdom(storage / _FILE)


def keep_plans(storage: Path | None) -> None:
    """Keep the plans measured so far, with those that other processes have kept meanwhile.

    Raises
    ------
    OSError
        If the storage cannot be written.
    """
    if storage is None:
        return
    storage.mkdir(mode=0o700, parents=True, exist_ok=True)  # what else it holds is private
    load_wisdom(storage / _FILE)
    save_wisdom(storage / _FILE)
