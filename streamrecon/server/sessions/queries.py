"""Answers the queries that a client may send outside a scan."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version

from streamrecon.server.health.folder_health import health
from streamrecon.server.settings import Settings
from streamrecon.units import MIB


def answer_query(question: str, settings: Settings) -> str:
    """Text for a QUERY such as ``gadgetron::info``; ours is ``streamrecon::health``.

    The names and the form of the info are Gadgetron's, because programs that look for a
    Gadgetron read them; the values are ours.

    Examples
    --------
    >>> answer_query("gadgetron::info::cuda", Settings())
    'NO'
    >>> answer_query("gadgetron::horoscope", Settings())
    'Unknown query'
    """
    if question == "streamrecon::health":
        return health(settings)
    answer = _ANSWERS.get(question)
    return "Unknown query" if answer is None else answer()


def _version() -> str:
    return f"streamrecon {version('streamrecon')}"


def _build() -> str:
    return version("streamrecon")


def _memory_mib() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB


def _info() -> str:
    facts = {
        "Version": _version(),
        "Git SHA1": _build(),
        "System Memory size": f"{_memory_mib()} MB",
        "Python Support": "YES",
        "Julia Support": "NO",
        "Matlab Support": "NO",
        "CUDA Support": "NO",
    }
    width = max(map(len, facts))
    lines = [f"  -- {name:<{width}} : {value}" for name, value in facts.items()]
    return "\n".join(["streamrecon Version Info", *lines, ""])


_ANSWERS: dict[str, Callable[[], str]] = {
    "ismrmrd::version": lambda: version("ismrmrd"),
    "gadgetron::version": _version,
    "gadgetron::build": _build,
    "gadgetron::info": _info,
    "gadgetron::info::memory": lambda: str(_memory_mib() * MIB),
    "gadgetron::info::python": lambda: "YES",
    "gadgetron::info::julia": lambda: "NO",
    "gadgetron::info::matlab": lambda: "NO",
    "gadgetron::info::cuda": lambda: "NO",
    "gadgetron::cuda::devices": lambda: "0",
}
