"""Settings of the service: flags, then environment, then one TOML file, then defaults."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from streamrecon.errors import ConfigError
from streamrecon.server.doors.access_settings import AccessSettings
from streamrecon.server.kept_settings import KeptSettings
from streamrecon.server.service_variables import service_variables
from streamrecon.server.settings_group import TAKES_A_RESTART, SettingsGroup
from streamrecon.server.watching.watch_settings import WatchSettings
from streamrecon.wrong_value import wrong_value

_PREFIX = "STREAMRECON_"
_FILE = "STREAMRECON_SETTINGS"
_TABLE = "server"
_OTHERS = frozenset({_FILE, "STREAMRECON_SHARED", "STREAMRECON_KILLS"})
"""Variables with our prefix that are no settings: the file's place, and two of the tests."""


class ScanSettings(SettingsGroup):
    """Who is listened to, and what a scan may cost."""

    host: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="addresses to listen on; loopback unless a scanner needs more",
        json_schema_extra=TAKES_A_RESTART,
    )
    port: int = Field(
        default=9002,
        ge=0,
        le=65535,
        description="TCP port; 0 takes a free one",
        json_schema_extra=TAKES_A_RESTART,
    )
    allow: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
        description="networks whose clients are served; the protocol knows no password",
    )
    sessions: int = Field(
        default=4,
        ge=1,
        description="scans at once; each may need memory for its whole k-space",
        json_schema_extra=TAKES_A_RESTART,
    )
    sessions_per_address: int | None = Field(
        default=None,
        ge=1,
        description="scans at once of one address; none: a hospital may be one",
        json_schema_extra=TAKES_A_RESTART,
    )
    warm_workers: int = Field(
        default=2, ge=1, description="idle workers kept ready: one scan, one noise query"
    )
    when_full: Literal["wait", "refuse"] = Field(
        default="wait", description="what a client beyond the limit gets: a place in line, or ERR"
    )
    wait_s: float = Field(
        default=60.0, gt=0, description="longest wait in line; consoles give up after minutes"
    )
    connections: int = Field(
        default=64, ge=1, description="open connections, waiting ones too; each is a descriptor"
    )
    connections_per_address: int = Field(
        default=32, ge=1, description="open connections of one address; a hospital may be one"
    )
    threads: int | None = Field(
        default=None, ge=1, description="threads that compute in one scan; none: all processors"
    )
    memory_gib: float | None = Field(
        default=None,
        gt=0,
        description="memory of one scan; none: its share of the machine's or the control group's",
    )
    config_folders: tuple[Path, ...] = Field(
        default=(), description="folders of chain files, searched after the packaged ones"
    )
    default_chain: str = Field(
        default="",
        description="chain of a client whose configuration has no known name; empty: it is refused",
    )
    parameters: tuple[str, ...] = Field(
        default=(),
        description="name=value of every chain that has it, unless the client says otherwise",
    )
    input_queue_mib: int = Field(
        default=32, ge=1, description="lines waiting for the chain; then the client is slowed"
    )
    output_queue_mib: int = Field(
        default=256, ge=1, description="images waiting for the client; then the chain is slowed"
    )
    opening_s: float = Field(
        default=60.0, gt=0, description="until configuration and header; frees idle connections"
    )
    hurry_s: float = Field(
        default=5.0, gt=0, description="until configuration and header where others wait in line"
    )
    idle_s: float = Field(
        default=600.0, gt=0, description="longest silence within a scan; breath-holds are shorter"
    )
    total_s: float = Field(
        default=4 * 3600.0, gt=0, description="longest session; an examination is shorter"
    )
    stall_s: float = Field(
        default=60.0, gt=0, description="longest time in which a client reads nothing of an image"
    )
    session_gib: float = Field(
        default=256.0, gt=0, description="bytes of one session; ten times the largest known scan"
    )
    drain_idle_s: float = Field(
        default=10.0, gt=0, description="silence after which an ended connection is closed"
    )
    drain_total_s: float = Field(
        default=900.0,
        gt=0,
        description="longest reading on after an error: a client that sends cannot hear it before",
    )
    warm_s: float = Field(
        default=300.0, gt=0, description="longest warm-up of a worker; compiling takes a minute"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="least severe log lines shown on stderr"
    )

    @field_validator("host", "allow", "config_folders", "parameters", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("sessions_per_address", "threads", "memory_gib", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("parameters")
    @classmethod
    def _have_names(cls, parameters: tuple[str, ...]) -> tuple[str, ...]:
        for text in parameters:
            if not all(part.strip() for part in text.partition("=")):
                raise ValueError(f"found {text!r}, needed name=value")
        return parameters


class Settings(WatchSettings, KeptSettings, AccessSettings, ScanSettings):
    """What an operator may change, each with the reason of its limit; the last group is first."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Settings, for each the place its value came from, and variables that were passed over."""

    settings: Settings
    source: Mapping[str, str]
    passed_over: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One line per setting: name, value, where it came from, what it is for."""
        texts = {name: shown(getattr(self.settings, name)) for name in Settings.model_fields}
        name_width = max(map(len, texts))
        value_width = max(map(len, texts.values()))
        return [
            f"{name:<{name_width}}  {value:<{value_width}}  [{self.source[name]}]  "
            f"{Settings.model_fields[name].description}"
            for name, value in texts.items()
        ]


def shown(value: object) -> str:
    """A value as a variable or a person writes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def as_environment(settings: Settings) -> dict[str, str]:
    """Variables that give one of our commands the same settings.

    >>> load_settings({}, as_environment(Settings(port=1, storage=None))).settings.storage is None
    True
    """
    names = Settings.model_fields
    return {_PREFIX + name.upper(): shown(getattr(settings, name)) for name in names}


def load_settings(
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> Origin:
    """Settings from all places, the first that has a value wins: flags, environment, file.

    Parameters
    ----------
    flags
        Values given on the command line by name of the setting; ``None`` counts as not given.
    environment
        Usually ``os.environ``; names are ``STREAMRECON_`` and the setting in capitals. Those that
        Kubernetes makes of a service's name are passed over.
    file
        TOML file with a table ``[server]``; ``None`` takes ``STREAMRECON_SETTINGS``, if any.

    Raises
    ------
    ConfigError
        If a place has a name that is no setting, or a value that does not fit; the message names
        the setting and the place.
    """
    passed_over = service_variables(environment, _PREFIX)
    environment = {name: text for name, text in environment.items() if name not in passed_over}
    _refuse_unknown(environment)
    chosen = file or (Path(environment[_FILE]) if environment.get(_FILE) else None)
    values: dict[str, object] = {}
    source = dict.fromkeys(Settings.model_fields, "default")
    if chosen is not None:
        found = _read_table(chosen)
        values |= found
        source |= dict.fromkeys(found, f"file {chosen}")
    for name in Settings.model_fields:
        variable = _PREFIX + name.upper()
        if variable in environment:
            values[name] = environment[variable]
            source[name] = f"environment {variable}"
        if flags.get(name) is not None:
            values[name] = flags[name]
            source[name] = "flag"
    return Origin(_validated(values, source), source, tuple(sorted(passed_over)))


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A variable that is misspelt would leave the default in place without a word."""
    known = {_PREFIX + name.upper() for name in Settings.model_fields} | _OTHERS
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"environment {name}: no such setting{hint}")


def _read_table(file: Path) -> dict[str, object]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"settings file {file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"settings file {file}: found no TOML: {error}") from error
    table = content.get(_TABLE, {})
    if not isinstance(table, dict):
        raise ConfigError(f"settings file {file}: {_TABLE!r} is no table")
    return table


def _validated(values: Mapping[str, object], source: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        place = source.get(name, "")
        if first["type"] == "extra_forbidden":
            near = get_close_matches(name, Settings.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{name}: no such setting{hint} [{place}]") from error
        raise ConfigError(f"{name}: {wrong_value(first)} [{place}]") from error
