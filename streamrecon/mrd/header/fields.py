"""Reads values from an XML header and reports all of its faults at once."""

from __future__ import annotations

import math

from streamrecon.errors import HeaderError
from streamrecon.xml import Element, parse_xml


def read_findings(xml: bytes) -> HeaderFields:
    """Values of an MRD header.

    Raises
    ------
    HeaderError
        If the text is not an ``ismrmrdHeader`` document.
    """
    return HeaderFields(header_root(xml))


def header_root(xml: bytes) -> Element:
    """Document of an MRD header.

    Raises
    ------
    HeaderError
        If the text is not an ``ismrmrdHeader`` document.
    """
    root = parse_xml(xml, what="MRD header", error=HeaderError)
    if root.tag != "ismrmrdHeader":
        raise HeaderError(f"MRD header: found <{root.tag}>, needed <ismrmrdHeader>")
    return root


class HeaderFields:
    """Looks up values by path and keeps what is missing or wrong until `settle`.

    After `settle` every value that was needed is there; before it a missing number is 1.0, so
    that one pass finds all faults.
    """

    def __init__(self, root: Element) -> None:
        self._root = root
        self._missing: list[str] = []
        self._wrong: list[str] = []

    def miss(self, name: str) -> None:
        """Note that ``name`` is not there."""
        self._missing.append(name)

    def refuse(self, fault: str) -> None:
        """Note a value that cannot be used."""
        self._wrong.append(fault)

    def settle(self) -> None:
        """Raise what was noted.

        Raises
        ------
        HeaderError
            With all that is missing, then all that is wrong.
        """
        faults = [f"missing: {', '.join(self._missing)}"] if self._missing else []
        faults += self._wrong
        if faults:
            raise HeaderError("; ".join(faults))

    def text(self, path: str) -> str:
        """Text at ``path``, stripped; empty where there is none."""
        return self._root.text_of(path) or ""

    def numbers(self, path: str) -> list[float]:
        """All finite numbers at ``path``, in order."""
        found = []
        for element in self._root.all(path):
            value = self._number(element.text, path)
            if value is not None:
                found.append(value)
        return found

    def number(self, path: str) -> float | None:
        """The first number at ``path``, or ``None``."""
        found = self.numbers(path)
        return found[0] if found else None

    def needed(self, path: str) -> float:
        """The number at ``path``, which must be there."""
        found = self.numbers(path)
        if not found and self._root.first(path) is None:
            self.miss(path)
        return found[0] if found else 1.0

    def count(self, path: str) -> int | None:
        """The whole number at ``path``, or ``None``."""
        value = self.number(path)
        if value is None or value == int(value):
            return None if value is None else int(value)
        self.refuse(f"{path}: found {value}, needed a whole number")
        return None

    def user_long(self, name: str) -> int | None:
        """The whole number that ``userParameters`` has under ``name``, or ``None``."""
        for entry in self._root.anywhere("userParameterLong"):
            if entry.text_of("name") == name:
                value = self._number(entry.text_of("value") or "", f"userParameterLong {name}")
                return None if value is None else int(value)
        return None

    def user_string(self, name: str) -> str:
        """The text that ``userParameters`` has under ``name``, stripped; empty where none."""
        for entry in self._root.anywhere("userParameterString"):
            if entry.text_of("name") == name:
                return entry.text_of("value") or ""
        return ""

    def has(self, path: str) -> bool:
        """Whether there is an element at ``path``."""
        return self._root.first(path) is not None

    def elements(self, path: str) -> list[Element]:
        """All elements at ``path``."""
        return self._root.all(path)

    def _number(self, text: str, path: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        self.refuse(f"{path}: found {text.strip()[:40]!r}, needed a number")
        return None
