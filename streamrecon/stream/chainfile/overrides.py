"""Overrides properties of a chain file with a client's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamrecon.model.notice import Level, Notice
from streamrecon.stream.chainfile.lookup import Given, Plan, field_called, plan_gadgets
from streamrecon.stream.chainfile.named import of_chain
from streamrecon.stream.chainfile.spec import ChainSpec
from streamrecon.stream.registry import Registry

FIRE_KEYS = frozenset({"config", "customconfig", "options", "sendOriginal"})
"""Parameters that FIRE sends whatever the chain; they are the server's, not a gadget's."""

_SHOWN_CHARACTERS = 40


def override(
    plans: Sequence[Plan], parameters: Mapping[str, str], registry: Registry
) -> list[Notice]:
    """Set fields by a client's parameters: ``Gadget.field``, or ``field`` of all that have it.

    Returns
    -------
    list of Notice
        A warning that names the keys nobody has. What gadgets of other chains have is only
        mentioned, since hosts send all that their label has; FIRE's own keys at level DEBUG.
    """
    unused = []
    for key, text in parameters.items():
        hit = _meant(plans, key)
        for plan in hit:
            plan.give(key.rpartition(".")[2], Given(text, f"parameter {key!r}: ", literal=True))
        if not hit:
            unused.append(key)
    return _unused_notices(unused, registry)


def unknown_parameters(
    spec: ChainSpec, registry: Registry, parameters: Mapping[str, str]
) -> list[str]:
    """Keys that no gadget of the chain has.

    Raises
    ------
    ConfigError
        As `streamrecon.stream.chainfile.build.build_chain`.
    """
    with of_chain(spec.name):
        plans, _ = plan_gadgets(spec, registry)
    return [key for key in parameters if not _meant(plans, key)]


def _meant(plans: Sequence[Plan], key: str) -> list[Plan]:
    """Gadgets that a key of a client is for."""
    owner, _, field = key.rpartition(".")
    return [p for p in plans if p.known(field) and (not owner or p.called(owner))]


def _unused_notices(keys: list[str], registry: Registry) -> list[Notice]:
    notices = []
    of_fire = [key for key in keys if key in FIRE_KEYS]
    of_others = [key for key in keys if key not in FIRE_KEYS and _is_of_any(key, registry)]
    for level, group in (
        (Level.DEBUG, of_fire),
        (Level.INFO, of_others),
        (Level.WARNING, [key for key in keys if key not in of_fire + of_others]),
    ):
        if group:
            names = ", ".join(sorted(map(_shown, group)))
            notices.append(Notice(level, f"parameters that no gadget of this chain has: {names}"))
    return notices


def _is_of_any(key: str, registry: Registry) -> bool:
    return any(field_called(gadget, key) for gadget in registry.gadgets)


def _shown(key: str) -> str:
    """Give a client's word in a form that keeps a log line short and whole."""
    return key[:_SHOWN_CHARACTERS] if key.isprintable() else ascii(key[:_SHOWN_CHARACTERS])
