"""Accepts clients and gives each a worker, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import uuid
from collections.abc import Callable, Coroutine, Sequence
from ipaddress import ip_address

from streamrecon.server.client_socket import ClientLost, drain, first_bytes, half_close
from streamrecon.server.cut_scans import recover_cut_scans
from streamrecon.server.delivery_process import DeliveryProcess
from streamrecon.server.error_report import BusyError, OverdueError, WorkerLostError
from streamrecon.server.folder_health import watch_folders
from streamrecon.server.listening_sockets import Address, listening_sockets
from streamrecon.server.log_lines import log_to_stderr
from streamrecon.server.open_connections import Guest, TurnedAwayError, makes_room
from streamrecon.server.relay import Relay
from streamrecon.server.settings import Settings
from streamrecon.server.watch import Watch
from streamrecon.server.worker import Equip
from streamrecon.server.worker_channel import Summary
from streamrecon.server.worker_pool import Pool, Worker

_log = logging.getLogger(__name__)

_LAST_WORDS_S = 2.0  # after the second signal; then the sockets are closed
_WORKERS_TRIED = 3  # of those that are lost before they have read anything
_TICK_S = 0.01  # a timer may fire a clock's step too soon
_ACCEPT_PAUSE_S = 0.5  # when descriptors run out; one comes back when a session ends


def serve(
    settings: Settings,
    equip: Equip,
    *,
    preload: Sequence[str] = (),
    listening: Callable[[Sequence[Address]], None] = lambda _: None,
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

    Raises
    ------
    ConfigError
        If an address cannot be listened on.
    StreamReconError
        If no worker becomes warm.
    """
    log_to_stderr(settings.log_level, settings.log_format)
    return asyncio.run(Listener(settings, equip, preload).run(listening))


class Listener:
    """One running service."""

    def __init__(self, settings: Settings, equip: Equip, preload: Sequence[str] = ()) -> None:
        self._settings = settings
        self._courier = DeliveryProcess(settings)
        self._pool = Pool(settings, equip, preload)
        self._watch = Watch(settings, self._pool, lambda: self._waiting)
        self._clients: dict[asyncio.Task[None], Relay] = {}
        self._guests: dict[Guest, asyncio.Task[None]] = {}
        self._waiting = 0  # clients in line for a worker
        self._in_line: set[asyncio.Timeout] = set()
        self._stopping = asyncio.Event()
        self._aborting = asyncio.Event()

    async def run(self, listening: Callable[[Sequence[Address]], None]) -> int:
        """Serve until told to stop; see `serve`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        doors = listening_sockets(self._settings)
        beside = [
            asyncio.create_task(effort)
            for effort in (
                self._courier.run(),
                self._watch.run(),
                watch_folders(self._settings),
                recover_cut_scans(self._settings),
            )
        ]
        try:
            await self._first_of(self._pool.fill(), self._stopping.wait())
            addresses = [door.getsockname()[:2] for door in doors]
            self._watch.listening(addresses)
            listening(addresses)
            await self._first_of(self._stopping.wait(), *map(self._accept_all, doors))
        finally:
            for door in doors:
                door.close()
            await self._see_out()
            await self._pool.close()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
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
            self._stopping.set()

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

    async def _accept_all(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(door)
            except OSError as error:
                _log.error("accept: %s", error)
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            guest = Guest(address[0], loop.time())
            if self._admits(guest):
                self._welcome(client, guest)
            else:
                client.close()

    def _admits(self, guest: Guest) -> bool:
        peer = ip_address(guest.address.partition("%")[0])
        if not any(peer in network for network in self._settings.allow):
            _log.warning("%s is turned away: not in the allow list", peer)
            self._watch.turned_away("allow")
            return False
        try:
            silent = makes_room(
                self._guests,
                guest,
                most=self._settings.connections,
                most_of_address=self._settings.connections_per_address,
            )
        except TurnedAwayError as reason:
            _log.warning("%s is turned away: %s", peer, reason)
            self._watch.turned_away("connections")
            return False
        if silent is not None:
            _log.warning("%s said nothing, and makes room for %s", silent.address, peer)
            self._guests.pop(silent).cancel()
        return True

    def _welcome(self, client: socket.socket, guest: Guest) -> None:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        session = uuid.uuid4().hex[:8]
        scan = self._watch.scan(session, guest.address)
        relay = Relay(client, session, self._settings, scan)
        task = asyncio.get_running_loop().create_task(self._attend(client, relay, guest))
        self._clients[task] = relay
        self._guests[guest] = task
        task.add_done_callback(self._clients.pop)
        task.add_done_callback(lambda _: self._guests.pop(guest, None))

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
