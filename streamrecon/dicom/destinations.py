"""Where images go: archives and consoles, from a settings file."""

from __future__ import annotations

import ssl
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamrecon.errors import ConfigError

Title = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[!-\[\]-~]([ -\[\]-~]*)$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Tls(BaseModel):
    """Files for an encrypted association; the peer's certificate and name are always checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """What the socket needs; TLS 1.2 at least."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class Destination(BaseModel):
    """One DICOM node that takes images.

    All times have an end: `pynetdicom` would wait for a silent host forever.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    host: str
    port: int = Field(default=104, ge=1, le=65535)
    called: Title = "ANY-SCP"
    calling: Title = "STREAMRECON"
    outputs: frozenset[str] = Field(default=frozenset(), description="empty: all")
    associations: int = Field(default=1, ge=1, le=8)
    connect_s: Seconds = 10.0
    associate_s: Seconds = 30.0
    answer_s: Seconds = 60.0
    longest_pause_s: Seconds = 300.0
    tls: Tls | None = None

    def wants(self, output: str) -> bool:
        """Whether images of this kind go there."""
        return not self.outputs or output in self.outputs


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    destination: list[Destination] = []


def read_destinations(path: Path) -> tuple[Destination, ...]:
    """Destinations of a TOML file, one table ``[[destination]]`` each.

    Raises
    ------
    ConfigError
        If the file is not readable, or a setting is unknown or wrong, or two share a name.
    """
    try:
        found = _File.model_validate(tomllib.loads(path.read_text())).destination
    except (OSError, ValueError) as e:
        raise ConfigError(f"{path.name}: {_reason(e)}") from e
    names = [destination.name for destination in found]
    if len(set(names)) != len(names):
        raise ConfigError(f"{path.name}: found destinations {', '.join(names)}, needed one a name")
    return tuple(found)


def _reason(error: OSError | ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    faults = error.errors()
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
