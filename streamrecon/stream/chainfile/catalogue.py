"""Lists the gadgets of a registry: names, parameters, units, defaults, limits."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.values import alternatives
from streamrecon.stream.installed import InstalledGadget
from streamrecon.stream.registry import GadgetClass, Registry

_UNITS = {
    "s": "s",
    "ms": "ms",
    "us": "µs",
    "hz": "Hz",
    "t": "T",
    "mm": "mm",
    "rad": "rad",
    "deg": "°",
    "ppm": "ppm",
    "bytes": "bytes",
    "percent": "%",
}
"""Last word of a parameter's name → unit; names end in their unit by convention."""
_SIGNS = {
    "gt": ">",
    "ge": "≥",
    "lt": "<",
    "le": "≤",
    "multiple_of": "a multiple of",
    "min_length": "items ≥",
    "max_length": "items ≤",
}
"""Names that pydantic gives to limits → words."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a gadget, in words."""

    name: str
    kind: str
    unit: str
    default: str
    limits: str
    description: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One gadget, in words; ``package`` is empty for ours."""

    name: str
    stock_names: tuple[str, ...]
    summary: str
    parameters: tuple[Parameter, ...]
    package: str = ""


def catalogue(registry: Registry) -> tuple[Entry, ...]:
    """Every gadget, sorted by name, ours first; a broken one of another package with its reason."""
    own = sorted(map(_entry, registry.gadgets), key=lambda entry: entry.name)
    return (*own, *(_installed(each, registry) for each in registry.installed))


def catalogue_text(registry: Registry) -> str:
    """Every gadget on a page: what `streamrecon gadgets` prints."""
    return "\n\n".join(map(_page, catalogue(registry)))


def value_text(value: object) -> str:
    """A value as a chain file would write it.

    Examples
    --------
    >>> value_text((1.5, 2)), value_text(True), value_text(None)
    ('1.5 2', 'true', 'none')
    """
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case tuple() | list():
            return " ".join(map(value_text, value))
        case _:
            return str(value)


def _entry(gadget: GadgetClass) -> Entry:
    summary = inspect.cleandoc(gadget.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    parameters = (_parameter(name, field) for name, field in gadget.model_fields.items())
    return Entry(gadget.__name__, gadget.stock_names, summary, tuple(parameters))


def _installed(gadget: InstalledGadget, registry: Registry) -> Entry:
    try:
        found = registry.find(gadget.name)
    except ConfigError as e:
        return Entry(gadget.name, (), f"cannot be used: {e}", (), gadget.package)
    entry = _entry(found) if found else Entry(gadget.name, (), "", ())
    return replace(entry, package=gadget.package)


def _parameter(name: str, field: FieldInfo) -> Parameter:
    required = field.is_required()
    default = "" if required else value_text(field.get_default(call_default_factory=True))
    return Parameter(
        name=name,
        kind=_kind(field.annotation),
        unit=_UNITS.get(name.rpartition("_")[2], "") if "_" in name else "",
        default="required" if required else default,
        limits=", ".join(_limits(field)),
        description=field.description or "",
    )


def _kind(annotation: object) -> str:
    return " | ".join(map(_kind_of_one, alternatives(annotation)))


def _kind_of_one(kind: object) -> str:
    if kind is type(None):
        return "none"
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " | ".join(str(choice.value) for choice in kind)
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return str(kind)


def _limits(field: FieldInfo) -> list[str]:
    return [
        f"{sign} {getattr(limit, name):.6g}"
        for limit in field.metadata
        for name, sign in _SIGNS.items()
        if getattr(limit, name, None) is not None
    ]


def _page(entry: Entry) -> str:
    known_as = f"  (stock: {', '.join(entry.stock_names)})" if entry.stock_names else ""
    package = f"  (package {entry.package})" if entry.package else ""
    lines = [f"{entry.name}{known_as}{package}", f"    {entry.summary}"]
    for p in entry.parameters:
        facts = [p.kind, *([p.unit] if p.unit else []), *([p.limits] if p.limits else [])]
        lines.append(f"    {p.name} = {p.default}  [{', '.join(facts)}]  {p.description}".rstrip())
    return "\n".join(lines)
