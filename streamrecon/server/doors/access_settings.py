"""Settings of who may reach the service, and over what."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from streamrecon.server.settings_group import TAKES_A_RESTART, MaybePath, SettingsGroup


class AccessSettings(SettingsGroup):
    """TLS, and sockets that somebody else opens."""

    socket_activation: bool = Field(
        default=False,
        description="listen on the sockets that systemd passes in place of host and port",
        json_schema_extra=TAKES_A_RESTART,
    )
    tls_certificate: MaybePath = Field(
        default=None, description="certificate of the service, PEM; with it clients must speak TLS"
    )
    tls_key: MaybePath = Field(
        default=None, description="its key, without a password; none: in the certificate's file"
    )
    tls_client_ca: MaybePath = Field(
        default=None, description="authority whose certificates clients must show; none: any client"
    )

    @model_validator(mode="after")
    def _have_certificate(self) -> Self:
        if self.tls_certificate is None and (self.tls_key or self.tls_client_ca):
            raise ValueError("tls_key, tls_client_ca: needed tls_certificate too")
        return self
