"""Looks at a machine and its settings before a scanner does, and says what to do."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.machine.memory import available_bytes
from streamrecon.server.doors.tls_door import tls_door
from streamrecon.server.health import readiness
from streamrecon.server.health.folder_health import folder_faults
from streamrecon.server.settings import Settings
from streamrecon.server.watching.watch_settings import host_and_port
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.server.workers.web_process import check_page
from streamrecon.stream.chainfile.library import chain_file_names, find_chain_file
from streamrecon.units import GIB

_LEAST_GIB = 2.0  # a scan of 192 x 192 x 96 with five echoes and all maps
_SOON_DAYS = 30.0  # before a certificate ends
_ANSWER_S = 0.5
_FIRST_FREE_PORT = 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    subject
        What was looked at, as "port 9002".
    fault
        What is wrong; empty where nothing is.
    advice
        What to do about it.
    is_grave
        Whether a scan suffers from it.
    """

    subject: str
    fault: str = ""
    advice: str = ""
    is_grave: bool = True


ReadChain = Callable[[bytes], object]
"""Builds a chain of a chain file's text, or raises."""


def examine(settings: Settings, read_chain: ReadChain) -> Iterator[Finding]:
    """Look at everything, one finding for each thing, good ones too.

    Archives are asked, which takes seconds; nothing else leaves the machine. What it cannot see:
    firewalls, what the scanner sends, whether the phase sign is right.

    Parameters
    ----------
    settings
        Of the service.
    read_chain
        Builds the chains of the site.
    """
    yield from _ports(settings)
    yield from _page(settings)
    yield from _access(settings)
    yield from _folders(settings)
    yield from _quotas(settings)
    yield from _chains(settings, read_chain)
    archives = readiness.check_archives(settings)
    yield Finding("archives", archives.fault, "see `streamrecon spool list`, and ask the archive")
    clock = readiness.check_clock()
    yield Finding(
        "clock", clock.fault or clock.warning, "set up chrony or ntpd", is_grave=bool(clock.fault)
    )
    yield _threads(settings)
    yield _memory(settings)


def _ports(settings: Settings) -> Iterator[Finding]:
    if settings.socket_activation:
        return
    for host in settings.host:
        yield Finding(f"{host} port {settings.port}", *_port_fault(host, settings.port))


def _page(settings: Settings) -> Iterator[Finding]:
    """The console page: what keeps the service from starting, then what keeps only the page."""
    if not settings.web:
        return
    try:
        check_page(settings)
    except ConfigError as e:
        yield Finding("page", str(e), "install it, or take web out of the settings")
    host, port = host_and_port(settings.web)
    fault, advice = _port_fault(host, port)
    if not fault and not settings.web_user_header and not _is_loopback(host):
        fault, advice = "neither encrypted nor behind a proxy", "see docs/howto/watch-scans.md"
    yield Finding(f"page {settings.web}", fault, advice, is_grave=False)


def _port_fault(host: str, port: int) -> tuple[str, str]:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as e:
        return f"no such address ({e.strerror or e})", "name an address of this machine in host"
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(address)
        except PermissionError:
            return (
                f"a port below {_FIRST_FREE_PORT} needs a right",
                "take another port, or give CAP_NET_BIND_SERVICE",
            )
        except OSError as e:
            if _answers(host, port):
                return "a program listens there already", "end it, if it is not this service"
            return e.strerror or str(e), "name an address of this machine in host"
    return "", ""


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_S):
            return True
    except OSError:
        return False


def _access(settings: Settings) -> Iterator[Finding]:
    """Who gets in, and whether others can read along."""
    beyond = [host for host in settings.host if not _is_loopback(host)]
    near = all(network.is_loopback for network in settings.allow)
    if beyond and near:
        yield Finding(
            "allow", f"listens on {', '.join(beyond)} and lets in this machine alone",
            "add the scanner's network to allow",
        )  # fmt: skip
    for network in settings.allow:
        if network.prefixlen == 0:
            advice = "name the scanner's network"
            yield Finding("allow", f"{network} lets everybody in", advice, is_grave=False)
    if beyond and settings.tls_certificate is None:
        yield Finding(
            "encryption", "scans travel in clear beyond this machine",
            "set tls_certificate, or use a tunnel: docs/howto/encrypt-and-restrict.md",
            is_grave=False,
        )  # fmt: skip
    yield _certificate(settings)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _certificate(settings: Settings) -> Finding:
    file = settings.tls_certificate
    if file is None:
        return Finding("certificate")
    try:
        tls_door(settings)
    except StreamReconError as e:
        return Finding("certificate", str(e), "give a certificate and its key without a password")
    ends = _end_of_certificate(file)
    days = (ends - time.time()) / 86400
    if days < 0:
        return Finding("certificate", f"{file}: ended {datetime.fromtimestamp(ends, UTC):%Y-%m-%d}",
                       "renew it, then SIGHUP")  # fmt: skip
    soon = f"{file}: ends in {days:.0f} days" if days < _SOON_DAYS else ""
    return Finding("certificate", soon, "renew it, then SIGHUP", is_grave=False)


def _end_of_certificate(file: Path) -> float:
    facts = ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]  # noqa: SLF001
    return ssl.cert_time_to_seconds(facts["notAfter"])


def _folders(settings: Settings) -> Iterator[Finding]:
    faults = folder_faults(settings)
    for sentence in faults:
        name, _, fault = sentence.partition(": ")
        yield Finding(name, fault, "give the service's user the right, or make room")
    if not faults:
        yield Finding("folders")


def _quotas(settings: Settings) -> Iterator[Finding]:
    delivery = delivery_of(settings)
    for name, folder, gib in (
        ("raw_quota_gib", settings.raw_folder, settings.raw_quota_gib),
        ("spool_quota_gib", delivery.spool, settings.spool_quota_gib),
    ):
        if folder is None:
            continue
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        whole = shutil.disk_usage(there).total / GIB
        fault = f"{gib:g} GiB, the disk has {whole:.0f}" if gib > whole else ""
        yield Finding(name, fault, "take less than the disk has")


def _chains(settings: Settings, read_chain: ReadChain) -> Iterator[Finding]:
    for folder in settings.config_folders:
        if not folder.is_dir():
            yield Finding(f"config_folders {folder}", "no such folder", "make it, or take it out")
    names = [*chain_file_names(settings.config_folders)]
    if settings.default_chain:
        names.append(settings.default_chain)
    for name in names:
        fault = ""
        try:
            read_chain(find_chain_file(name, settings.config_folders))
        except (StreamReconError, OSError) as e:
            fault = str(e)
        if fault or name == settings.default_chain:
            yield Finding(f"chain {name}", fault, f"see `streamrecon check {name}`")
    yield Finding(f"{len(names)} chains")


def _threads(settings: Settings) -> Finding:
    processors = len(os.sched_getaffinity(0))
    threads = settings.threads or processors
    fault = f"{threads} threads of a scan, {processors} processors" if threads > processors else ""
    return Finding("threads", fault, "set threads to the number of processors", is_grave=False)


def _memory(settings: Settings) -> Finding:
    whole = available_bytes() / GIB
    if settings.memory_gib and settings.memory_gib * settings.sessions > whole:
        return Finding(
            "memory",
            f"{settings.sessions} scans of {settings.memory_gib:g} GiB, there are {whole:.1f}",
            "lower sessions or memory_gib",
        )
    each = settings.memory_gib or whole / settings.sessions
    fault = f"{each:.1f} GiB for a scan, needed {_LEAST_GIB:g}" if each < _LEAST_GIB else ""
    return Finding("memory", fault, "lower sessions, or add memory")
