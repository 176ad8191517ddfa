"""Accepts clients and gives each a worker, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import uuid
from collections.abc import Callable, Coroutine, Sequence

from streamrecon.errors import ConfigError
from streamrecon.server.doors.address_places import AddressPlaces
from streamrecon.server.doors.client_socket import ClientLost, drain, first_bytes, half_close
from streamrecon.server.doors.listening_sockets import Address, listening_sockets
from streamrecon.server.doors.open_connections import Guest
from streamrecon.server.doors.reception import Reception
from streamrecon.server.health.log_lines import log_to_stderr
from streamrecon.server.health.systemd import notify, reloading
from streamrecon.server.sessions.error_report import BusyError, OverdueError, WorkerLostError
from streamrecon.server.sessions.relay import Relay
from streamrecon.server.settings import Settings
from streamrecon.server.settings_renewal import renewed
from streamrecon.server.watching.watch import Watch
from streamrecon.server.workers.beside import Beside
from streamrecon.server.workers.delivery_process import DeliveryProcess
from streamrecon.server.workers.worker import Equip
from streamrecon.server.workers.worker_channel import Summary
from streamrecon.server.workers.worker_pool import Pool, Worker

_log = logging.getLogger(__name__)

_LAST_WORDS_S = 2.0  # after the second signal; then the sockets are closed
_WORKERS_TRIED = 3  # of those that are lost before they have read anything
_TICK_S = 0.01  # a timer may fire a clock's step too soon


def serve(
    settings: Settings,
    equip: Equip,
    *,
    preload: Sequence[str] = (),
    listening: Callable[[Sequence[Address]], None] = lambda _: None,
    reread: Callable[[], Settings] | None = None,
) -> int:
    """Run the service until SIGTERM or SIGINT; return the exit code.

    The first signal closes the listening sockets and waits for the running scans: 0. The second
    ends them, each client is told so: 1.

    Parameters
    ----------
    settings
        What the operator chose.
    equip
        Called in every worker to get its gadgets; importable by name in a new process.
    preload
        Modules that all workers need, imported once.
    listening
        Called with the addresses when clients can connect.
    reread
        Gives the settings anew at SIGHUP; ``None``: the same as before, with the files they name.

    Raises
    ------
    ConfigError
        If an address cannot be listened on.
    StreamReconError
        If no worker becomes warm.
    """
    log_to_stderr(settings.log_level, settings.log_format)
    return asyncio.run(Listener(settings, equip, preload, reread).run(listening))


class Listener:
    """One running service."""

    def __init__(
        self,
        settings: Settings,
        equip: Equip,
        preload: Sequence[str] = (),
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        self._settings = settings
        self._reread = reread or (lambda: settings)
        self._beside = Beside(settings)
        self._pool = Pool(settings, equip, preload)
        self._places = AddressPlaces(settings)
        self._watch = Watch(settings, self._pool, lambda: self._waiting)
        self._reception = Reception(settings, self._welcome, self._watch.turned_away)
        self._clients: dict[asyncio.Task[None], Relay] = {}
        self._waiting = 0  # clients in line for a worker
        self._in_line: set[asyncio.Timeout] = set()
        self._stopping = asyncio.Event()
        self._aborting = asyncio.Event()

    async def run(self, listening: Callable[[Sequence[Address]], None]) -> int:
        """Serve until told to stop; see `serve`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._renew)
        doors = listening_sockets(self._settings)
        self._beside.start(self._watch.run())
        try:
            await self._first_of(self._pool.fill(), self._stopping.wait())
            addresses = [door.getsockname()[:2] for door in doors]
            self._watch.listening(addresses)
            listening(addresses)
            notify("READY=1")
            await self._first_of(self._stopping.wait(), *map(self._reception.receive, doors))
        finally:
            for door in doors:
                door.close()
            await self._see_out()
            await self._reception.close()
            await self._pool.close()
            await self._beside.close()
        return int(self._aborting.is_set())

    async def _first_of(self, *efforts: Coroutine[object, object, object]) -> None:
        tasks = [asyncio.ensure_future(effort) for effort in efforts]
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for task in done:
            task.result()

    def _stop(self) -> None:
        if self._stopping.is_set():
            _log.warning("told to stop again: %d sessions are cut", len(self._clients))
            self._aborting.set()
        else:
            _log.info("told to stop: %d sessions are finished first", len(self._clients))
            notify("STOPPING=1")
            self._stopping.set()

    def _renew(self) -> None:
        """Read the settings again; running scans keep theirs, and a fault keeps the old ones."""
        reloading()
        try:
            settings = renewed(self._settings, self._reread())
            courier = DeliveryProcess(settings)
            self._reception.renew(settings)
        except ConfigError as error:
            _log.error("told to read the settings again, the old ones stay: %s", error)
        else:
            self._settings = settings
            self._beside.renew(courier, settings)
            self._pool.renew(settings)
            logging.getLogger().setLevel(settings.log_level)
            _log.info("told to read the settings again: they hold from the next scan on")
        notify("READY=1")

    async def _see_out(self) -> None:
        now = asyncio.get_running_loop().time()
        for patience in self._in_line:
            patience.reschedule(now)
        while self._clients and not self._aborting.is_set():
            await self._first_of(asyncio.wait(list(self._clients)), self._aborting.wait())
        if not self._clients:
            return
        for relay in self._clients.values():
            relay.condemn(BusyError("the service was stopped"))
        _, late = await asyncio.wait(list(self._clients), timeout=_LAST_WORDS_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _welcome(self, client: socket.socket, guest: Guest) -> asyncio.Task[None]:
        session = uuid.uuid4().hex[:8]
        scan = self._watch.scan(session, guest.address)
        relay = Relay(client, session, self._settings, scan)
        task = asyncio.get_running_loop().create_task(self._attend(client, relay, guest))
        self._clients[task] = relay
        task.add_done_callback(self._clients.pop)
        return task

    async def _attend(self, client: socket.socket, relay: Relay, guest: Guest) -> None:
        with client:
            try:
                await self._serve(client, relay, guest)
            except ClientLost as event:
                _log.info("session %s: the client is lost: %s", relay.session, event)
            except Exception:  # noqa: BLE001  (the edge: one client must not end the service)
                _log.exception("session %s", relay.session)
            finally:
                relay.close()
                if guest.has_place:
                    self._places.leave(guest.address)

    async def _serve(self, client: socket.socket, relay: Relay, guest: Guest) -> None:
        try:
            worker = await self._begun(client, relay, guest)
        except (BusyError, OverdueError, WorkerLostError) as reason:
            _log.info("session %s: refused: %s", relay.session, reason)
            relay.scan.refused(reason.code)
            await relay.refuse(reason)
            half_close(client)
            await drain(client, self._settings)
            return
        if worker is None:
            return
        try:
            summary = await relay.serve(worker)
            half_close(client)
        except BaseException:
            await self._pool.give_back(worker)
            raise
        if summary.goes_on:
            await self._outlive(client, worker, relay, summary)
            return
        code = await self._pool.give_back(worker)
        level = logging.ERROR if code else logging.INFO
        _log.log(level, "session %s: %s, exit code %s", relay.session, summary, code)
        await drain(client, self._settings)

    async def _outlive(
        self, client: socket.socket, worker: Worker, relay: Relay, summary: Summary
    ) -> None:
        """Let the client go at once; the worker keeps its place until its branches have ended."""
        _log.info("session %s: %s", relay.session, summary)
        try:
            with client:
                await drain(client, self._settings)
        finally:
            code = await self._pool.give_back(worker, self._settings.total_s)
            level = logging.ERROR if code else logging.INFO
            _log.log(level, "session %s: worker ended, exit code %s", relay.session, code)

    async def _begun(self, client: socket.socket, relay: Relay, guest: Guest) -> Worker | None:
        """Worker that has taken the client; one that was lost while it was idle is replaced."""
        for _ in range(_WORKERS_TRIED):
            worker = await self._worker_for(client, relay, guest)
            if worker is None:
                return None
            try:
                if await relay.hand_to(worker):
                    loop = asyncio.get_running_loop()
                    loop.call_later(self._settings.hurry_s + _TICK_S, self._hurry)
                    return worker
            except BaseException:
                await self._pool.give_back(worker, 0.0)
                raise
            code = await self._pool.give_back(worker, 0.0)
            _log.error("session %s: its worker was lost, exit code %s", relay.session, code)
        raise WorkerLostError(f"{_WORKERS_TRIED} workers were lost before the scan began")

    async def _worker_for(self, client: socket.socket, relay: Relay, guest: Guest) -> Worker | None:
        """Worker for a client that has begun to speak; ``None`` for one that came and left."""
        try:
            async with asyncio.timeout(None) as patience:
                self._in_line.add(patience)
                opening = await first_bytes(client, self._settings.opening_s)
                if not opening:
                    return None
                relay.notes(opening)
                guest.is_silent = False
                if not guest.has_place:
                    await self._places.take(guest.address)
                    guest.has_place = True
                return await self._in_turn()
        except TimeoutError as error:
            if self._stopping.is_set():
                raise BusyError("the service is stopping") from error
            limit = f"{self._settings.opening_s:g} s"
            raise OverdueError(f"no configuration came within {limit} of connecting") from error
        finally:
            self._in_line.discard(patience)

    async def _in_turn(self) -> Worker:
        self._waiting += 1
        self._hurry()
        try:
            return await self._pool.take()
        finally:
            self._waiting -= 1

    def _hurry(self) -> None:
        """Where clients wait and no place is free, who dawdles with its header has had its time."""
        if self._waiting and self._pool.is_full:
            for relay in self._clients.values():
                relay.hurry()
