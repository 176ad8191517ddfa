"""`streamrecon send`: sends a scan to a server and receives the images."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from ssl import SSLContext, SSLError

from streamrecon.client import DEFAULT_PORT, IDLE_S, Request, Server, send
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import (
    add_chain,
    add_header,
    add_output,
    given_header,
    lines_if_shown,
    writable,
    write,
)
from streamrecon.console import Watch
from streamrecon.errors import ConfigError
from streamrecon.file_kinds import kind_of_file
from streamrecon.mrd.files.open_scan import first_header, open_scan
from streamrecon.mrd.header.noise_dependency import noise_link
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.messages import ConfigFile, ConfigText
from streamrecon.network.tls_files import client_context
from streamrecon.noise_query import ask_noise
from streamrecon.output.formats import ScanResults

_TLS = {
    "ca": "encrypt, and check the server's certificate by this one",
    "certificate": "ours, where the server asks for it",
    "key": "its key, if it is in another file",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = "Send a scan to any MRD server; write the images that come back."
    parser.add_argument("file", type=there, metavar="FILE", help="MRD file (HDF5) or plain stream")
    parser.add_argument(
        "--to",
        default=f"127.0.0.1:{DEFAULT_PORT}",
        metavar="HOST:PORT",
        help="the server (%(default)s)",
    )
    parser.add_argument(
        "--dialect",
        choices=[dialect.value for dialect in Dialect],
        default=Dialect.GADGETRON.value,
        help="how to speak to it (%(default)s)",
    )
    parser.add_argument(
        "--timeout", type=float, default=IDLE_S, metavar="S", help="longest silence (%(default)g s)"
    )
    parser.add_argument(
        "--ask-noise",
        action="store_true",
        help="ask first whether the server has the noise scan that the header names",
    )
    for name, purpose in _TLS.items():
        parser.add_argument(f"--tls-{name}", type=there, metavar="FILE.pem", help=purpose)
    add_chain(parser, "a chain that the server knows by name, or a chain file to send")
    add_output(parser, "folder for the images")
    add_header(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Send the scan; 0 only if the server ended without error."""
    server = replace(Server.parse(options.to, idle_s=options.timeout), tls=_tls(options))
    request = Request(
        _request_config(options.config), Dialect(options.dialect), dict(options.values)
    )
    writable(options.output)
    given = given_header(options)
    with closing(open_scan(options.file, options.group, header=given)) as scan:
        header = first_header(scan)
        with Watch(options.file.name, total=lines_if_shown(options, options.file)) as watch:
            for measurement in noise_link(header.xml).dependencies if options.ask_noise else ():
                watch.say(ask_noise(server, measurement))
            reply = send(chain([header], scan), server, request, watch)
    write(ScanResults(header.xml, reply.images, reply.files), options.output, options.format)
    return 0 if reply.complete else 1


def _tls(options: argparse.Namespace) -> SSLContext | None:
    ca, certificate, key = options.tls_ca, options.tls_certificate, options.tls_key
    if ca is None:
        if certificate or key:
            raise ConfigError("--tls-certificate, --tls-key: needed --tls-ca too")
        return None
    try:
        return client_context(ca, certificate, key)
    except SSLError as e:
        files = ", ".join(str(file) for file in (ca, certificate, key) if file)
        raise ConfigError(f"TLS: {files}: {e}") from e


def _request_config(text: str) -> ConfigFile | ConfigText:
    path = Path(text)
    if not path.is_file():
        return ConfigFile(text)
    try:
        return ConfigText(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as e:
        kind = kind_of_file(path)
        raise ConfigError(f"--config {path}: found {kind}, needed XML in UTF-8") from e
