"""Statistics of other projects (extra ``studies``), loaded where used: each takes seconds."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from streamrecon.errors import ConfigError

_PACKAGES = {"sklearn": "scikit-learn", "statsmodels": "statsmodels"}


def library(name: str) -> Any:  # noqa: ANN401  (have no stubs)
    """A module of scikit-learn or statsmodels.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as e:
        package = _PACKAGES[name.partition(".")[0]]
        raise ConfigError(f"found no {package}, needed `streamrecon[studies]`") from e
