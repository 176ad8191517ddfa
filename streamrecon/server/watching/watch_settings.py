"""Settings of what lets people and programs watch the service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from streamrecon.server.settings_group import SettingsGroup


class WatchSettings(SettingsGroup):
    """Log lines, the record of scans, and the console page."""

    log_format: Literal["text", "json"] = Field(
        default="text", description="form of the log lines; json is one object a line"
    )
    history_days: float = Field(
        default=365.0, gt=0, description="age at which the record of a scan is removed"
    )
    history_mib: float = Field(
        default=64.0, gt=0, description="bytes of all records; the oldest are removed first"
    )
    web: str = Field(
        default="",
        description="HOST:PORT of the console page, health and metrics; empty: none of them",
    )
    web_user_header: str = Field(
        default="",
        description="header in which a reverse proxy, which alone reaches the page, names the user",
    )
    web_image_days: float = Field(
        default=7.0, gt=0, description="age at which the page's copies of images are removed"
    )
    web_image_gib: float = Field(
        default=20.0, gt=0, description="bytes of the page's copies of images; oldest go first"
    )

    @field_validator("web")
    @classmethod
    def _has_port(cls, value: str) -> str:
        if value:
            host_and_port(value)
        return value


def host_and_port(text: str) -> tuple[str, int]:
    """Address and port of a text; an IPv6 address stands in brackets.

    Raises
    ------
    ValueError
        If it has no port.

    Examples
    --------
    >>> host_and_port("127.0.0.1:8080"), host_and_port("[::1]:0")
    (('127.0.0.1', 8080), ('::1', 0))
    """
    host, separator, port = text.rpartition(":")
    if not (separator and host and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ValueError(f"found {text!r}, needed HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
