"""The gadgets of a chain file looked up, with the values that their fields will get."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from pydantic import ValidationError

from streamrecon.errors import ConfigError
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.registry import GadgetClass, Registry
from streamrecon.stream.spec import ChainSpec, GadgetSpec
from streamrecon.stream.stage import AnyGadget
from streamrecon.stream.values import read_text

FIRE_KEYS = frozenset({"config", "customconfig", "options", "sendOriginal"})
"""Parameters that FIRE sends whatever the chain; they are the server's, not a gadget's."""

_REFERENCE = re.compile(r"([A-Za-z_]\w*)@([\w.-]+)")


@dataclass(frozen=True, slots=True)
class Given:
    """The text of one field and where it comes from.

    ``literal`` texts (a client's parameters) are no references, whatever they hold.
    """

    text: str
    origin: str
    literal: bool = False


@dataclass(slots=True)
class Plan:
    """One gadget: what the file says of it, its class, and the texts of its fields."""

    spec: GadgetSpec
    gadget: GadgetClass
    given: dict[str, Given]

    @property
    def is_stock(self) -> bool:
        """Whether the file names it by a stock gadget's name."""
        return self.spec.class_name in self.gadget.stock_names

    @property
    def names(self) -> tuple[str, str, str]:
        """What a client may call it: its name in the file, the class there, the class here."""
        return self.spec.name, self.spec.class_name, self.gadget.__name__

    def known(self, name: str) -> bool:
        """Whether the gadget has that parameter."""
        return name in self.gadget.model_fields


_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


def make_gadgets(
    spec: ChainSpec, registry: Registry, parameters: Mapping[str, str] = _NO_PARAMETERS
) -> tuple[dict[GadgetSpec, AnyGadget], tuple[Notice, ...]]:
    """Every gadget of a chain file, made with its values and a client's parameters.

    Returns
    -------
    gadgets, notices
        Warnings for what is given but has no effect: properties of stock gadgets, parameters that
        no gadget has.

    Raises
    ------
    ConfigError
        For whatever cannot be used, with line, name, reason and the nearest known name.
    """
    plans, notices = plan_gadgets(spec, registry)
    notices += override(plans, parameters)
    return {plan.spec: make_gadget(plan, plans) for plan in plans}, tuple(notices)


def plan_gadgets(spec: ChainSpec, registry: Registry) -> tuple[list[Plan], list[Notice]]:
    """Look up every gadget and its properties.

    Returns
    -------
    plans, notices
        One plan a gadget in the order of the file; a warning for each stock gadget with
        properties that do nothing here.

    Raises
    ------
    ConfigError
        For an unknown gadget, or an unknown property of a gadget of ours.
    """
    plans, notices = [], []
    for gadget in spec.gadgets():
        plan = Plan(gadget, _look_up(gadget, registry), {})
        idle = [p.name for p in gadget.properties if not plan.known(p.name)]
        if idle and not plan.is_stock:
            _refuse_property(plan, idle[0])
        if idle:
            names = ", ".join(sorted(idle))
            notices.append(Notice(Level.WARNING, f"{gadget.name}: without effect here: {names}"))
        for p in gadget.properties:
            if plan.known(p.name):
                plan.given[p.name] = Given(p.text, f"line {p.line}: ")
        plans.append(plan)
    return plans, notices


def _look_up(spec: GadgetSpec, registry: Registry) -> GadgetClass:
    gadget = registry.find(spec.class_name)
    if gadget is not None:
        return gadget
    near = registry.nearest(spec.class_name)
    hint = f"; did you mean {near}?" if near else ""
    raise ConfigError(f"line {spec.line}: gadget {spec.class_name!r}: unknown{hint}")


def _refuse_property(plan: Plan, name: str) -> None:
    line = next(p.line for p in plan.spec.properties if p.name == name)
    near = get_close_matches(name, plan.gadget.model_fields, n=1)
    known = ", ".join(plan.gadget.model_fields) or "none"
    hint = f"; did you mean {near[0]}?" if near else f"; known: {known}"
    raise ConfigError(f"line {line}: {plan.spec.name}.{name}: unknown property{hint}")


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
        hit = [p for p in plans if p.known(field) and owner in ("", *p.names)]
        for plan in hit:
            plan.given[field] = Given(text, f"parameter {key!r}: ", literal=True)
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
            text = f"parameters that no gadget of this chain has: {', '.join(sorted(group))}"
            notices.append(Notice(level, text))
    return notices


def make_gadget(plan: Plan, plans: Sequence[Plan]) -> AnyGadget:
    """Make the gadget, with references resolved and every value checked.

    Raises
    ------
    ConfigError
        For a reference that leads nowhere or in a circle, and for values the gadget refuses.
    """
    values: dict[str, object] = {}
    if plan.is_stock:
        values |= plan.gadget.stock_defaults.get(plan.spec.class_name, {})
    for name in plan.given:
        values[name] = _resolve(plan, name, plans, ())
    try:
        return plan.gadget.model_validate(values)
    except ValidationError as e:
        raise ConfigError(_refusal(plan, e)) from e


def _resolve(
    plan: Plan, name: str, plans: Sequence[Plan], path: tuple[tuple[str, str], ...]
) -> object:
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
    return _resolve(target, field_name, plans, (*path, here))


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
    return named[0], field


def _default(plan: Plan, name: str) -> object:
    stock = plan.gadget.stock_defaults.get(plan.spec.class_name, {})
    if name in stock:
        return stock[name]
    field = plan.gadget.model_fields[name]
    if field.is_required():
        raise ConfigError(
            f"line {plan.spec.line}: {plan.spec.name}.{name}: referred to, but given no value"
        )
    return field.get_default(call_default_factory=True, validated_data={})


def _refusal(plan: Plan, error: ValidationError) -> str:
    reasons = []
    for detail in error.errors(include_url=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        given = plan.given.get(name)
        origin = given.origin if given else f"line {plan.spec.line}: "
        reasons.append(f"{origin}{plan.spec.name}{'.' if name else ''}{name}: {detail['msg']}")
    return "; ".join(reasons)
