"""A client's parameters laid over the properties of a chain file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamrecon.model.notice import Level, Notice
from streamrecon.stream.chainfile.lookup import Given, Plan

FIRE_KEYS = frozenset({"config", "customconfig", "options", "sendOriginal"})
"""Parameters that FIRE sends whatever the chain; they are the server's, not a gadget's."""

_SHOWN_CHARACTERS = 40


def override(plans: Sequence[Plan], parameters: Mapping[str, str]) -> list[Notice]:
    """Set fields by a client's parameters: ``Gadget.field``, or ``field`` of all that have it.

    Returns
    -------
    list of Notice
        A warning that names the keys nobody has; those that FIRE always sends are only
        mentioned at level DEBUG.
    """
    unused = []
    for key, text in parameters.items():
        owner, _, field = key.rpartition(".")
        hit = [p for p in plans if p.known(field) and (not owner or p.called(owner))]
        for plan in hit:
            plan.give(field, Given(text, f"parameter {key!r}: ", literal=True))
        if not hit:
            unused.append(key)
    return _unused_notices(unused)


def _unused_notices(keys: list[str]) -> list[Notice]:
    notices = []
    for level, group in (
        (Level.DEBUG, [k for k in keys if k in FIRE_KEYS]),
        (Level.WARNING, [k for k in keys if k not in FIRE_KEYS]),
    ):
        if group:
            names = ", ".join(sorted(map(_shown, group)))
            notices.append(Notice(level, f"parameters that no gadget of this chain has: {names}"))
    return notices


def _shown(key: str) -> str:
    """Give a client's word in a form that keeps a log line short and whole."""
    return key[:_SHOWN_CHARACTERS] if key.isprintable() else ascii(key[:_SHOWN_CHARACTERS])
