"""The generated package of MRD 2 (PyPI: mrd-python, imported as ``mrd``), where it is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, TypeAlias

from streamrecon.errors import ConfigError

_NAME = "mrd"

Record: TypeAlias = Any
"""A value of the package, which tells type checkers nothing."""


def generated() -> ModuleType:
    """The package; imported by the first call, which takes a third of a second.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    if find_spec(_NAME) is None:
        raise ConfigError(
            "MRD of version 2: needed the package mrd-python (pip install 'streamrecon[mrd2]')"
        )
    return import_module(_NAME)
