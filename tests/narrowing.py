"""What a test knows of a value and its type does not say; it fails where the value is another."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def given(value: T | None) -> T:
    """The value, which is there."""
    assert value is not None
    return value


def as_a(kind: type[T], value: object) -> T:
    """The value, which is of that class."""
    assert isinstance(value, kind)
    return value


def all_of(kind: type[T], values: Iterable[object]) -> list[T]:
    """The values, which are all of that class."""
    return [as_a(kind, value) for value in values]
