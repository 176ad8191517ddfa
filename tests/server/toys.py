"""Gadgets that do nothing but show what the server does, and the service that runs them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import PrivateAttr

from streamrecon import errors
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Acquisitions, Header, Image, Meta
from streamrecon.server.listener import serve
from streamrecon.server.settings import Settings
from streamrecon.server.workers.worker import WorkerSetup
from streamrecon.stream.gadget import Gadget, WayOut
from streamrecon.stream.registry import Registry


def picture(values: np.ndarray) -> Image:
    """Image of these values, in rows."""
    columns = min(len(values), 1024)
    pixels = np.asarray(values, np.float32).reshape(1, 1, -1, columns)
    return Image(np.zeros(1, IMAGE)[0], pixels)


class SumLines(Gadget[Acquisitions]):
    """One image at the end: (lines, sum of the real parts, scale)."""

    accepts: ClassVar = (Acquisitions,)
    scale: float = 1.0
    _lines: int = PrivateAttr(0)
    _sum: float = PrivateAttr(0.0)

    def feed(self, item: Acquisitions) -> Iterator[object]:
        self._lines += len(item)
        self._sum += float(item.data.real.sum())
        yield from ()

    def finish(self) -> Iterator[object]:
        yield picture(np.array([self._lines, self._sum * self.scale, self.scale]))


class BallMap(Gadget[Header]):
    """A map of χ: +1 ppm on the patient's right, in front; -1 on the left, behind."""

    accepts: ClassVar = (Header,)

    def feed(self, item: Header) -> Iterator[object]:
        values = np.zeros((1, 15, 24, 20), np.float32)
        values[:, :, :12, :10], values[:, :, 12:, 10:] = 1.0, -1.0
        head = np.zeros(1, IMAGE)[0]
        head["matrix_size"], head["field_of_view"] = (20, 24, 15), (40.0, 48.0, 45.0)
        head["read_dir"], head["phase_dir"], head["slice_dir"] = np.eye(3)
        head["image_type"], head["image_series_index"] = 3, 8
        meta: Meta = {"STREAMRECON_Quantity": ("chi",), "STREAMRECON_Unit": ("ppm",)}
        yield Image(head, values, meta)
        yield item


class Slow(Gadget[Acquisitions]):
    """Takes its time with every batch."""

    accepts: ClassVar = (Acquisitions,)
    pause_s: float = 0.01

    def feed(self, item: Acquisitions) -> Iterator[object]:
        time.sleep(self.pause_s)
        yield item


class TellPid(Gadget[Header]):
    """Tells the worker's process id."""

    accepts: ClassVar = (Header,)

    def feed(self, item: Header) -> Iterator[object]:
        yield Notice(Level.INFO, f"pid {os.getpid()}")
        yield item


class TellCpu(Gadget[Header]):
    """Tells at the end how much CPU its process has used since the header."""

    accepts: ClassVar = (Header,)
    _began: float = PrivateAttr(0.0)

    def feed(self, item: Header) -> Iterator[object]:
        self._began = time.process_time()
        yield item

    def finish(self) -> Iterator[object]:
        yield Notice(Level.INFO, f"cpu {time.process_time() - self._began:.6f}")


class Burst(Gadget[Header]):
    """Makes many images as soon as the header is there."""

    accepts: ClassVar = (Header,)
    images: int = 100
    image_mib: int = 4

    def feed(self, item: Header) -> Iterator[object]:
        for number in range(self.images):
            yield picture(np.full(self.image_mib << 18, number))
        yield item


class Fail(Gadget[Header | Acquisitions]):
    """Fails in the way it is told."""

    accepts: ClassVar = (Header, Acquisitions)
    error: str = "DataError"
    at: Literal["header", "line", "finish"] = "line"

    def feed(self, item: Header | Acquisitions) -> Iterator[object]:
        if (self.at == "header") == isinstance(item, Header) and self.at != "finish":
            self._fail()
        yield item

    def finish(self) -> Iterator[object]:
        if self.at == "finish":
            self._fail()
        yield from ()

    def _fail(self) -> None:
        kind = (
            getattr(errors, self.error, None)
            or {"ValueError": ValueError, "MemoryError": MemoryError}[self.error]
        )
        raise kind("found 3, needed 4")


class Die(Gadget[Acquisitions]):
    """Ends its process as the kernel would."""

    accepts: ClassVar = (Acquisitions,)

    def feed(self, item: Acquisitions) -> Iterator[object]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield item


class KeepElsewhere(Gadget[Acquisitions]):
    """Writes ``done`` into a folder at the end, as soon as ``go`` is in it; or fails instead."""

    accepts: ClassVar = (Acquisitions,)
    way_out: ClassVar = WayOut.ELSEWHERE
    folder: str
    fail: bool = False

    def feed(self, item: Acquisitions) -> Iterator[object]:
        yield from ()

    def finish(self) -> Iterator[object]:
        while not Path(self.folder, "go").exists():
            time.sleep(0.01)
        if self.fail:
            raise errors.ReconError("found 3, needed 4")
        Path(self.folder, "done").touch()
        yield from ()


REGISTRY = Registry((SumLines, BallMap, Slow, TellPid, TellCpu, Burst, Fail, Die, KeepElsewhere))


def equip() -> WorkerSetup:
    """What the workers get."""
    return WorkerSetup(REGISTRY)


def equip_nothing() -> WorkerSetup:
    """What a broken installation does."""
    raise ModuleNotFoundError("no gadgets")


def main() -> int:
    """Serve with the settings of the first argument; tell the port on stdout."""
    given = json.loads(sys.argv[1])
    place = given.pop("reread", "")

    def reread() -> Settings:
        later = json.loads(Path(place).read_text()) if place else {}
        return Settings.model_validate(given | later)

    def listening(addresses: object) -> None:
        print(json.dumps(addresses), flush=True)

    chosen = equip_nothing if "broken" in sys.argv else equip
    settings = Settings.model_validate(given)
    return serve(settings, chosen, preload=["toys"], listening=listening, reread=reread)
