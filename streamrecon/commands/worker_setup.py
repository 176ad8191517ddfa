"""What every worker of the service has; loaded in the worker's own process alone."""

from __future__ import annotations

from pathlib import Path

from streamrecon_gadgets import REGISTRY
from streamrecon_gadgets.plans import keep_plans, recall_plans

from streamrecon.commands.warm_up import warm
from streamrecon.server.worker import WorkerSetup


def equip() -> WorkerSetup:
    """The gadgets, and what is warmed up, recalled and learnt around a scan."""
    return WorkerSetup(REGISTRY, warm=_warm_up, recall=recall_plans, learn=keep_plans)


def _warm_up(storage: Path | None) -> None:
    recall_plans(storage)
    warm()
