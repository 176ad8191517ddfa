"""Makes TLS contexts of the files that an operator names; TLS 1.2 at least."""

from __future__ import annotations

import ssl
from pathlib import Path

from streamrecon.errors import ConfigError


def client_context(ca: Path, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """For who connects: certificate and name of the peer are always checked.

    Parameters
    ----------
    ca
        Certificates that the peer's is checked against, PEM.
    certificate, key
        Ours, where the peer asks for them; the key may stand in the same file.

    Raises
    ------
    OSError
        If a file cannot be read; it names the file, which `ssl` does not.
    """
    _read(ca, certificate, key)
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def server_context(certificate: Path, key: Path | None, client_ca: Path | None) -> ssl.SSLContext:
    """For who listens.

    Parameters
    ----------
    certificate, key
        Ours; the key may stand in the same file.
    client_ca
        Only clients with a certificate of this authority get in; ``None``: all do.

    Raises
    ------
    ConfigError
        If a file cannot be read, or is not what it should be; it names the file.
    """
    try:
        _read(certificate, key, client_ca)
    except OSError as e:
        raise ConfigError(f"TLS: {e.filename}: {e.strerror}") from e
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as e:
        files = f"{certificate}" if key is None else f"{certificate}, {key}"
        raise ConfigError(f"TLS: {files}: found no certificate with its key: {e}") from e
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError as e:
            raise ConfigError(f"TLS: {client_ca}: found no certificates: {e}") from e
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _read(*files: Path | None) -> None:
    for file in files:
        if file is not None:
            file.read_bytes()


def _no_password() -> str:
    """A service has nobody to ask."""
    raise ValueError("found a key with a password, needed one without")
