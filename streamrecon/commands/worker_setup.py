"""Sets up a worker of the service; loaded in the worker's own process alone."""

from __future__ import annotations

from pathlib import Path

from streamrecon_gadgets import REGISTRY

from streamrecon.commands.warm_up import warm
from streamrecon.fourier import load_wisdom, save_wisdom
from streamrecon.server.worker import WorkerSetup

_PLANS = "fftw.wisdom"


def equip() -> WorkerSetup:
    """The gadgets, and what is warmed up, recalled and learnt around a scan."""
    return WorkerSetup(REGISTRY, warm=_warm_up, recall=recall_plans, learn=keep_plans)


def _warm_up(storage: Path | None) -> None:
    recall_plans(storage)
    warm()


def recall_plans(storage: Path | None) -> None:
    """Take over the FFT plans kept in ``storage``, if there are any.

    Planning the transforms of a protocol costs as much as transforming; the next scan of that
    protocol need not pay it again.
    """
    if storage is not None:
        load_wisdom(storage / _PLANS)


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
    load_wisdom(storage / _PLANS)
    save_wisdom(storage / _PLANS)
