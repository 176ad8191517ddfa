"""Statistics of other projects (extra ``studies``), loaded where used: each takes seconds."""

from __future__ import annotations

from typing import Any

from streamrecon.machine.optional_packages import optional_package


def library(name: str) -> Any:  # noqa: ANN401  (have no stubs)
    """A module of scikit-learn or statsmodels.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    return optional_package(name, "studies")
