"""Runs the console page of a service in this process, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from streamrecon.errors import ConfigError
from streamrecon.server.settings import Settings
from streamrecon.server.watching.watch_settings import host_and_port
from streamrecon.web.access import TOKEN_FILE, Access, token_of
from streamrecon.web.checks import Checks
from streamrecon.web.feed import Feed
from streamrecon.web.image_files import ImageFiles
from streamrecon.web.metrics import Metrics
from streamrecon.web.protect import MOST_HEADER_BYTES, BehindProxy, GuardedProtocol
from streamrecon.web.scan_pages import ScanPages
from streamrecon.web.scans import Scans
from streamrecon.web.site import Site

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 128
_BACKLOG = 64
_GRACE_S = 2  # for answers that are on their way; pages follow for ever


def run_web(settings: Settings, *, while_stdin: bool = False) -> int:
    """Serve browsers until SIGTERM, or until stdin ends; return the exit code.

    Raises
    ------
    ConfigError
        If no address or no storage is set, or the address cannot be listened on.
    """
    if not settings.web:
        raise ConfigError("web: found no address, needed HOST:PORT")
    if settings.storage is None:
        raise ConfigError("web: found no storage, needed the service's")
    door = _bound(settings.web)
    with door:
        return asyncio.run(_serve(settings, settings.storage, door, while_stdin=while_stdin))


async def _serve(
    settings: Settings, storage: Path, door: socket.socket, *, while_stdin: bool
) -> int:
    token = token_of(storage)
    feed = Feed(storage)
    checks = Checks(settings, feed)
    metrics = Metrics(settings, feed, checks)
    scans = Scans(settings, storage, feed)
    pages = ScanPages(settings, scans, ImageFiles(storage), feed)
    access = Access(token, settings.web_user_header)
    site = Site(access=access, feed=feed, checks=checks, metrics=metrics, scans=scans, pages=pages)
    server = uvicorn.Server(
        uvicorn.Config(
            site.app(),
            http=BehindProxy if settings.web_user_header else GuardedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    _announce(door, storage, token)
    beside = [asyncio.create_task(effort) for effort in (feed.run(), checks.run(), metrics.run())]
    if while_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _end, server)
    try:
        await server.serve([door])
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await pages.again.close()
    return 0


def _end(server: uvicorn.Server) -> None:
    """Stdin has ended: the service has."""
    asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    server.should_exit = True


def _bound(address: str) -> socket.socket:
    host, port = host_and_port(address)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, protocol)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(place)
            door.listen(_BACKLOG)
        except OSError:
            door.close()
            raise
    except OSError as e:
        raise ConfigError(f"web: cannot listen on {address}: {e}") from e
    return door


def _announce(door: socket.socket, storage: Path, token: str) -> None:
    """Say where the page is; the token only to a person at a terminal."""
    host, port = door.getsockname()[:2]
    place = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    _log.info("the console page is at %s, its token in %s", place, storage / TOKEN_FILE)
    if not ip_address(host).is_loopback:
        _log.warning("the page is not encrypted: let only a reverse proxy reach %s", place)
    if sys.stdout.isatty():
        print(f"watch at {place}#token={token}", flush=True)  # noqa: T201  (for the person there)
