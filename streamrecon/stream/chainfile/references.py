"""Resolves references: properties with the value of another gadget's, ``property@Gadget``.

Gadgetron replaces a reference that leads nowhere by an empty text, and so loses every literal
with an ``@``. Here both are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.lookup import Given, Plan
from streamrecon.stream.chainfile.values import read_text

_REFERENCE = re.compile(r"([A-Za-z_]\w*)@([\w.-]+)")


def resolve(
    plan: Plan, name: str, plans: Sequence[Plan], *, path: tuple[tuple[str, str], ...] = ()
) -> object:
    """Value of a field, taken from another gadget if its text is a reference.

    Parameters
    ----------
    plan, name
        The gadget and its field.
    plans
        All gadgets of the chain file.
    path
        Fields whose references led here.

    Raises
    ------
    ConfigError
        For a reference that leads nowhere, to several gadgets, or in a circle.
    """
    given = plan.given.get(name)
    if given is None:
        return _default(plan, name)
    field = plan.gadget.model_fields[name]
    if given.literal or "@" not in given.text:
        return read_text(field, given.text)
    here = (plan.spec.name, name)
    if here in path:
        circle = " → ".join(f"{gadget}.{field}" for gadget, field in (*path, here))
        raise ConfigError(f"{given.origin}references go in a circle: {circle}")
    target, field_name = _target(plan, name, given, plans)
    return resolve(target, field_name, plans, path=(*path, here))


def _target(plan: Plan, name: str, given: Given, plans: Sequence[Plan]) -> tuple[Plan, str]:
    place = f"{given.origin}{plan.spec.name}.{name}: {given.text!r}"
    match = _REFERENCE.fullmatch(given.text)
    if match is None:
        raise ConfigError(f"{place} is no reference (property@Gadget), and a literal has no '@'")
    field, owner = match.groups()
    named = [p for p in plans if p.spec.name == owner]
    if len(named) != 1:
        raise ConfigError(
            f"{place} is read as a reference (a literal has no '@'), but "
            f"{len(named) or 'no'} gadget{'s are' if named else ' is'} named {owner!r}"
        )
    if not named[0].known(field):
        raise ConfigError(f"{place}: {owner} has no parameter {field!r}")
    return named[0], named[0].field_name(field)


def _default(plan: Plan, name: str) -> object:
    field = plan.gadget.model_fields[name]
    if field.is_required():
        raise ConfigError(
            f"line {plan.spec.line}: {plan.spec.name}.{name}: referred to, but given no value"
        )
    return field.get_default(call_default_factory=True, validated_data={})
