"""Looks up the gadgets of a chain file, with the texts for their fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from streamrecon.errors import ConfigError
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.chainfile.spec import ChainSpec, GadgetSpec
from streamrecon.stream.registry import GadgetClass, Registry


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
    """One gadget: what the file says of it, its class, and the texts of its fields.

    ``old_names`` are those that its class had before; ``renamed`` is what of the old was used, with
    its new name.
    """

    spec: GadgetSpec
    gadget: GadgetClass
    old_names: tuple[str, ...] = ()
    given: dict[str, Given] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def is_stock(self) -> bool:
        """Whether the file names it by a stock gadget's name."""
        return self.spec.class_name in self.gadget.stock_names

    @property
    def names(self) -> tuple[str, str, str]:
        """What a client may call it: its name in the file, the class there, the class here."""
        return self.spec.name, self.spec.class_name, self.gadget.__name__

    def known(self, name: str) -> bool:
        """Whether the gadget has that parameter, or had it under this name."""
        return field_called(self.gadget, name) is not None

    def called(self, name: str) -> bool:
        """Whether a client may call it so."""
        if name in self.old_names:
            self.renamed[name] = self.gadget.__name__
        return name in self.names or name in self.old_names

    def field_name(self, name: str) -> str:
        """Name that a known parameter has today."""
        new = field_called(self.gadget, name) or name
        if name in self.gadget.old_fields:
            owner = self.gadget.__name__
            self.renamed[f"{owner}.{name}"] = f"{owner}.{new}"
        return new

    def give(self, name: str, given: Given) -> None:
        """Set a known parameter, whatever its name and its value were called before."""
        name = self.field_name(name)
        text = self.gadget.old_values.get(name, {}).get(given.text, given.text)
        if text != given.text:
            owner = f"{self.gadget.__name__}.{name}"
            self.renamed[f"{owner}={given.text}"] = f"{owner}={text}"
        self.given[name] = replace(given, text=text)


def field_called(gadget: GadgetClass, name: str) -> str | None:
    """Parameter of that name, of today or before, or without its underscores: hosts allow none."""
    name = gadget.old_fields.get(name, name)
    if name in gadget.model_fields:
        return name
    return next((known for known in gadget.model_fields if known.replace("_", "") == name), None)


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
        For an unknown gadget, an unknown property of a gadget of ours, or a stock file that makes
        no image.
    """
    plans, notices = [], []
    for gadget in spec.gadgets():
        plan = _plan(gadget, registry)
        idle = [p.name for p in gadget.properties if not plan.known(p.name)]
        if idle and not plan.is_stock:
            _refuse_property(plan, idle[0])
        if idle:
            names = ", ".join(sorted(idle))
            notices.append(Notice(Level.WARNING, f"{gadget.name}: without effect here: {names}"))
        for p in gadget.properties:
            if plan.known(p.name):
                plan.give(p.name, Given(p.text, f"line {p.line}: "))
        plans.append(plan)
    for number, plan in enumerate(plans):
        _check_ends(plan, plans[number + 1 :])
    return plans, notices


def _check_ends(plan: Plan, behind: Sequence[Plan]) -> None:
    """Refuse a stock file that would run and give nothing: what makes images is missing.

    Gadgets of ours behind it take what a stock gadget makes, whatever that is.
    """
    needed = plan.gadget.stock_needs if plan.is_stock else ()
    made = {name for each in behind for name in each.gadget.stock_names}
    if needed and all(each.is_stock for each in behind) and not made & set(needed):
        raise ConfigError(
            f"line {plan.spec.line}: {plan.spec.name}: no image would leave, missing behind it:"
            f" {' or '.join(needed)}"
        )


def renaming_notices(plans: Sequence[Plan]) -> tuple[Notice, ...]:
    """The new name of everything that was called by an old one, each once."""
    renamed = {old: new for plan in plans for old, new in plan.renamed.items()}
    return tuple(
        Notice(Level.WARNING, f"{old} is now called {new}; the old name still works")
        for old, new in renamed.items()
    )


def _plan(spec: GadgetSpec, registry: Registry) -> Plan:
    try:
        gadget = registry.find(spec.class_name)
    except ConfigError as e:
        raise ConfigError(f"line {spec.line}: gadget {spec.class_name!r}: {e}") from e
    if gadget is not None:
        plan = Plan(spec, gadget, registry.old_names(gadget))
        plan.called(spec.class_name)
        return plan
    near = registry.nearest(spec.class_name)
    hint = f"; did you mean {near}?" if near else ""
    raise ConfigError(f"line {spec.line}: gadget {spec.class_name!r}: unknown{hint}")


def _refuse_property(plan: Plan, name: str) -> None:
    line = next(p.line for p in plan.spec.properties if p.name == name)
    near = get_close_matches(name, plan.gadget.model_fields, n=1)
    known = ", ".join(plan.gadget.model_fields) or "none"
    hint = f"; did you mean {near[0]}?" if near else f"; known: {known}"
    raise ConfigError(f"line {line}: {plan.spec.name}.{name}: unknown property{hint}")
