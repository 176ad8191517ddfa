"""Converts the texts of a chain file to values of a gadget's fields."""

from __future__ import annotations

import types
from collections.abc import Collection
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo


def read_text(field: FieldInfo, text: str) -> object:
    """Bring a text into the form from which pydantic makes the field's value.

    Lists are written with white space or commas between their items, in brackets or not. An empty
    text is an empty list, or ``None`` where the field allows it. A text that spells one of a
    field's literal choices is that choice. All else is left to pydantic, which reads ``true``,
    ``1.0`` and the values of an enum.

    Examples
    --------
    >>> read_text(FieldInfo(annotation=tuple[float, ...]), "[1 2.5, 3]")
    ['1', '2.5', '3']
    >>> read_text(FieldInfo(annotation=float | None), "") is None
    True
    >>> read_text(FieldInfo(annotation=Literal[-1, 1] | None), "-1")
    -1
    """
    kinds = alternatives(field.annotation)
    if any(_is_list(kind) for kind in kinds):
        return text.strip("[]()").replace(",", " ").split()
    if not text and type(None) in kinds:
        return None
    return next((c for kind in kinds for c in _choices(kind) if str(c) == text), text)


def alternatives(annotation: object) -> tuple[object, ...]:
    """Types that a union is made of; one that is no union is its own only alternative."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(a for part in get_args(annotation) for a in alternatives(part))
    return (annotation,)


def _choices(kind: object) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _is_list(kind: object) -> bool:
    base = get_origin(kind) or kind
    return isinstance(base, type) and issubclass(base, Collection) and not issubclass(base, str)
