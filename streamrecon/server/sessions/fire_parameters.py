"""Reads FIRE's parameters, the JSON text that may follow the header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain

from streamrecon.errors import ConfigError

_CONFIGS = ("customconfig", "config")
_DEFAULT = "default"


def read_parameters(text: str) -> dict[str, str] | None:
    """Parameters of a client's TEXT; ``None`` if it is a log line.

    A host sends all parameters that it shows. One that is ``default`` is as if it were not sent:
    the chain file's value stays.

    Raises
    ------
    ConfigError
        If it begins as JSON and is none, or its parameters are not names with plain values.

    Examples
    --------
    >>> read_parameters('{"parameters": {"config": "gre", "threshold": 0.1, "fast": true}}')
    {'config': 'gre', 'threshold': '0.1', 'fast': 'true'}
    >>> read_parameters("table moved") is None
    True
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"parameters: no JSON: {error}") from error
    except RecursionError as error:
        raise ConfigError("parameters: found JSON nested too deeply, needed two levels") from error
    parameters = content.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ConfigError("parameters: found no names with values")
    found = {
        name: text
        for name, value in parameters.items()
        if (text := _plain(name, value)) != _DEFAULT
    }
    try:
        "".join(chain.from_iterable(found.items())).encode()
    except UnicodeEncodeError as error:
        raise ConfigError("parameters: found half a character (a lone surrogate)") from error
    return found


def _plain(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case bool() | int() | float():
            return json.dumps(value)
        case _:
            raise ConfigError(f"parameters: {name}: found {type(value).__name__}, needed a value")


def config_named(parameters: Mapping[str, str]) -> str | None:
    """Name of the configuration that the parameters ask for, if any.

    >>> config_named({"config": "gre", "customconfig": ""})
    'gre'
    """
    return next((parameters[key] for key in _CONFIGS if parameters.get(key)), None)
