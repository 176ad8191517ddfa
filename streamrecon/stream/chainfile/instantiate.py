"""Makes gadgets from a chain file, a registry and a client's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from streamrecon.errors import ConfigError
from streamrecon.model.notice import Notice
from streamrecon.stream.chainfile.lookup import Plan, plan_gadgets, renaming_notices
from streamrecon.stream.chainfile.named import of_chain
from streamrecon.stream.chainfile.overrides import override
from streamrecon.stream.chainfile.references import resolve
from streamrecon.stream.chainfile.scan_parameters import scan_parameters
from streamrecon.stream.chainfile.spec import ChainSpec, GadgetSpec
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.serial import AnyGadget
from streamrecon.wrong_value import wrong_values

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


def make_gadgets(
    spec: ChainSpec, registry: Registry, parameters: Mapping[str, str] = NO_PARAMETERS
) -> tuple[dict[GadgetSpec, AnyGadget], tuple[Notice, ...]]:
    """Every gadget of a chain file, made with its values and a client's parameters.

    Returns
    -------
    gadgets, notices
        Warnings for what is given but has no effect: properties of stock gadgets, parameters that
        no gadget has; and the new names of what was called by old ones.

    Raises
    ------
    ConfigError
        For whatever cannot be used, with chain, line, name, reason and the nearest known name.
    """
    with of_chain(spec.name):
        plans, notices = plan_gadgets(spec, registry)
        notices += override(plans, parameters, registry)
        made = {plan.spec: _make(plan, plans) for plan in plans}
        scan_parameters(made)  # or the contradiction in them
    return made, (*notices, *renaming_notices(plans))


def _make(plan: Plan, plans: Sequence[Plan]) -> AnyGadget:
    values = {name: resolve(plan, name, plans) for name in plan.given}
    try:
        return plan.gadget.model_validate(values)
    except ValidationError as e:
        raise ConfigError(_refusal(plan, e)) from e


def _refusal(plan: Plan, error: ValidationError) -> str:
    of_names: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        of_names.setdefault(str(detail["loc"][0]) if detail["loc"] else "", []).append(detail)
    reasons = []
    for name, details in of_names.items():
        given = plan.given.get(name)
        origin = given.origin if given else f"line {plan.spec.line}: "
        place = f"{origin}{plan.spec.name}{'.' if name else ''}{name}"
        reasons.append(f"{place}: {wrong_values(details)}")
    return "; ".join(reasons)
