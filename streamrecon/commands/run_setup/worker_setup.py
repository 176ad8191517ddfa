"""Sets up a worker of the service; loaded in the worker's own process alone."""

from __future__ import annotations

from streamrecon_gadgets import REGISTRY

from streamrecon.commands.run_setup.warm_up import warm
from streamrecon.server.workers.worker import WorkerSetup


def equip() -> WorkerSetup:
    """The gadgets, and what is warmed up before a scan."""
    return WorkerSetup(REGISTRY, warm=warm)
