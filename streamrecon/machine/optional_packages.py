"""Packages that an extra of ours brings, loaded where they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from streamrecon.errors import ConfigError


def optional_package(name: str, extra: str, *, needed_by: str = "") -> Any:  # noqa: ANN401  (any)
    """A module of a package that need not be installed.

    Parameters
    ----------
    name
        Of the module, as ``sklearn.ensemble``.
    extra
        That brings it, as ``studies``.
    needed_by
        What asks for it, for the error: an option, or what it is for.

    Raises
    ------
    ConfigError
        If the package, or one that it needs, is not installed.

    Examples
    --------
    >>> optional_package("distribluted", "batch", needed_by="--scheduler")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    streamrecon.errors.ConfigError: --scheduler: found no package distribluted, needed: ...
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as e:
        missing = (e.name or name).partition(".")[0]
        where = f"{needed_by}: " if needed_by else ""
        raise ConfigError(
            f"{where}found no package {missing}, needed: pip install 'streamrecon[{extra}]'"
        ) from e
