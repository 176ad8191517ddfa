"""The process that delivers images comes back, whatever keeps it from running."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streamrecon.server.settings import Settings
from streamrecon.server.workers import supervised_process
from streamrecon.server.workers.delivery_process import DeliveryProcess


def test_a_process_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "destinations.toml").touch()
    supervised = DeliveryProcess(Settings(storage=tmp_path))
    attempts: list[int] = []

    async def fails(*_: object, **__: object) -> None:
        attempts.append(1)
        if len(attempts) == 3:
            raise asyncio.CancelledError
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fails)
    monkeypatch.setattr(supervised_process, "_FIRST_PAUSE_S", 0.01)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(supervised.run())

    assert len(attempts) == 3
    assert caplog.text.count("cannot be started: Resource temporarily unavailable") == 2
