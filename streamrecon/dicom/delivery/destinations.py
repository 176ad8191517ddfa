"""Reads the destinations of images, archives and consoles, from a settings file."""

from __future__ import annotations

import ssl
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
)

from streamrecon.dicom.objects.output_names import refuse_unknown
from streamrecon.errors import ConfigError
from streamrecon.network.tls_files import client_context

Title = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[!-\[\]-~]([ -\[\]-~]*)$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=1, le=65535)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(_Model):
    """Files for an encrypted connection; the peer's certificate and name are always checked."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """What the socket needs; TLS 1.2 at least.

        Raises
        ------
        OSError
            If a file cannot be read; it names the file, which `ssl` does not.
        """
        return client_context(self.ca, self.certificate, self.key)


class Commitment(_Model):
    """Asks an archive to promise that it keeps the images; until then they stay in the spool.

    An archive may answer over a connection of its own, to ``host`` and ``port`` of this machine,
    which it must know by our title.
    """

    host: str
    port: Port
    wait_s: Seconds = 60.0


class _Place(_Model):
    """What every destination has.

    All times have an end: `pynetdicom` would wait for a silent host forever. ``attempts`` are those
    after which an image that the destination does not take, or does not confirm, has failed; a
    destination that is away is tried for ever.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    outputs: frozenset[str] = Field(default=frozenset(), description="empty: all")
    associations: int = Field(default=1, ge=1, le=8)
    connect_s: Seconds = 10.0
    answer_s: Seconds = 60.0
    longest_pause_s: Seconds = 300.0
    attempts: int = Field(default=10, ge=1, le=1000)
    tls: Tls | None = None

    @field_validator("outputs")
    @classmethod
    def _are_known(cls, names: frozenset[str]) -> frozenset[str]:
        refuse_unknown(names)
        return names

    def wants(self, output: str) -> bool:
        """Whether images of this kind go there."""
        return not self.outputs or output in self.outputs


class Destination(_Place):
    """One DICOM node that takes images by C-STORE."""

    host: str
    port: Port = 104
    called: Title = "ANY-SCP"
    calling: Title = "STREAMRECON"
    associate_s: Seconds = 30.0
    commitment: Commitment | None = None


class WebDestination(_Place):
    """One DICOMweb server that takes images by STOW-RS.

    ``token`` is a file with what follows ``Authorization: Bearer``.
    """

    url: str = Field(pattern=r"^https?://[^/\s?#]+(/[^\s?#]*)?$")
    token: Path | None = None


AnyDestination = Destination | WebDestination


def _kind(found: object) -> str:
    return "web" if isinstance(found, dict) and "url" in found else "node"


class _File(_Model):
    destination: list[
        Annotated[
            Annotated[Destination, Tag("node")] | Annotated[WebDestination, Tag("web")],
            Discriminator(_kind),
        ]
    ] = []


def read_destinations(path: Path) -> tuple[AnyDestination, ...]:
    """Destinations of a TOML file, one table ``[[destination]]`` each.

    A destination with a ``url`` is a web server, any other a DICOM node.

    Raises
    ------
    ConfigError
        If the file or one that it names is not readable, or a setting is unknown or wrong, or two
        share a name.
    """
    try:
        found = _File.model_validate(tomllib.loads(path.read_text())).destination
        for destination in found:
            _open_files(destination)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{path.name}: {_reason(e)}") from e
    names = [destination.name for destination in found]
    if len(set(names)) != len(names):
        raise ConfigError(f"{path.name}: found destinations {', '.join(names)}, needed one a name")
    return tuple(found)


def _open_files(destination: AnyDestination) -> None:
    """Certificates and tokens are tried now, not when the first image is to leave."""
    if destination.tls is not None:
        destination.tls.context()
    if isinstance(destination, WebDestination) and destination.token is not None:
        destination.token.read_bytes()


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or ''} {error.strerror or error}".strip()
    if not isinstance(error, ValidationError):
        return str(error)
    faults = error.errors()
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
