"""Scans at once of one address: more of them wait in line, those of other addresses do not."""

from __future__ import annotations

import asyncio
from collections import Counter

from streamrecon.server.sessions.error_report import BusyError
from streamrecon.server.settings import Settings


class AddressPlaces:
    """Counts the scans of each address; nothing is counted where the setting is off.

    Parameters
    ----------
    settings
        ``sessions_per_address``, and what a client beyond it gets.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()  # of each address: who has a place, or waits

    async def take(self, address: str) -> None:
        """Take a place of an address for one scan, when one is free.

        Raises
        ------
        BusyError
            If there is none: at once or after the longest wait, as the settings say.
        """
        most = self._settings.sessions_per_address
        if most is None:
            return
        places = self._places.setdefault(address, asyncio.Semaphore(most))
        if places.locked() and self._settings.when_full == "refuse":
            raise BusyError(f"{most} scans of this address are running, which is its limit")
        self._users[address] += 1
        try:
            async with asyncio.timeout(self._settings.wait_s):
                await places.acquire()
        except BaseException as error:
            self._forget(address)
            if isinstance(error, TimeoutError):
                waited = f"{self._settings.wait_s:g} s"
                raise BusyError(
                    f"{most} scans of this address were running for {waited}, which is its limit"
                ) from error
            raise

    def leave(self, address: str) -> None:
        """Give back what `take` took."""
        if address in self._places:
            self._places[address].release()
            self._forget(address)

    def _forget(self, address: str) -> None:
        self._users[address] -= 1
        if not self._users[address]:
            del self._users[address], self._places[address]
