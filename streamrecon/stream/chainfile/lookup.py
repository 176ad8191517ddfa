"""The gadgets of a chain file looked up, with the texts that their fields are given."""

from __future__ import annotations

from dataclasses import dataclass
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
