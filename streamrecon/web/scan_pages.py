"""Answers about one scan: its images, files, deliveries, and what may be done with it."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.spool_depth import silent
from streamrecon.errors import ConfigError
from streamrecon.model.outputs.look import Colours
from streamrecon.server.settings import Settings
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.storage.scan_table import Row
from streamrecon.web.access import User
from streamrecon.web.again import Again
from streamrecon.web.answers import Handler, body_of, number_of, refused, text_of
from streamrecon.web.downloads import FORMATS, zipped
from streamrecon.web.feed import Feed
from streamrecon.web.image_files import ImageFiles, NoImagesError
from streamrecon.web.pictures import (
    Wanted,
    facts_of,
    scale_png,
    scales,
    slice_png,
    volume_nifti,
)
from streamrecon.web.scans import Scans

_SESSION = re.compile(r"[0-9a-f]{8}")
_PLANES = {"axial", "coronal", "sagittal"}


class ScanPages:
    """What is answered about single scans."""

    def __init__(self, settings: Settings, scans: Scans, files: ImageFiles, feed: Feed) -> None:
        self._spool = delivery_of(settings).spool
        self._scans = scans
        self._files = files
        self._feed = feed
        self._drawing = asyncio.Semaphore(2)
        self._zipping = asyncio.Semaphore(1)
        self.again = Again(settings)

    def routes(self) -> list[tuple[str, Handler, str]]:
        """Paths, who answers, and the method."""
        scan = "/api/scans/{session}"
        return [
            (scan, self._scan, "GET"),
            (f"{scan}/images", self._images, "GET"),
            (scan + "/images/{number:int}/{plane}/{slice:int}.png", self._slice, "GET"),
            (scan + "/images/{number:int}.nii", self._volume, "GET"),
            (scan + "/download/{form}", self._download, "GET"),
            (f"{scan}/again", self._again, "POST"),
            ("/api/again", self._how_again, "GET"),
            ("/api/scale/{colours}.png", self._scale, "GET"),
            ("/api/scales", self._scales, "GET"),
            ("/api/chains", self._chains, "GET"),
            ("/api/deliveries", self._deliveries, "GET"),
            ("/api/deliveries/retry", self._retry, "POST"),
        ]

    async def _found(self, request: Request) -> Row:
        session = request.path_params["session"]
        if not _SESSION.fullmatch(session):
            raise NoImagesError("no such scan")
        row = await asyncio.to_thread(self._scans.find, session)
        if row is None:
            raise NoImagesError("no such scan")
        return row

    async def _scan(self, request: Request, _user: User) -> Response:
        row = await self._found(request)
        read = await asyncio.to_thread(self._scans.readings, str(row["session"]))
        return JSONResponse(row | read | {"has_raw": self._scans.raw_copy(row) is not None})

    async def _images(self, request: Request, _user: User) -> Response:
        row = await self._found(request)
        async with self._drawing:
            volumes = await asyncio.to_thread(self._files.volumes, str(row["image_copy"]))
            place = await asyncio.to_thread(self._scans.lesion, str(row["session"]))
            return JSONResponse({"volumes": await asyncio.to_thread(facts_of, volumes, place)})

    async def _slice(self, request: Request, _user: User) -> Response:
        wanted = _wanted(request)
        overlay = int(number_of(request, "overlay", -1.0))
        row = await self._found(request)
        async with self._drawing:
            volumes = await asyncio.to_thread(self._files.volumes, str(row["image_copy"]))
            number = request.path_params["number"]
            if number >= len(volumes) or overlay >= len(volumes):
                raise NoImagesError("no such volume")
            mask = volumes[overlay] if overlay >= 0 else None
            png = await asyncio.to_thread(slice_png, volumes[number], wanted, mask)
        return Response(png, media_type="image/png")

    async def _volume(self, request: Request, _user: User) -> Response:
        row, number = await self._found(request), request.path_params["number"]
        async with self._drawing:
            volumes = await asyncio.to_thread(self._files.volumes, str(row["image_copy"]))
            if number >= len(volumes):
                raise NoImagesError("no such volume")
            file = await asyncio.to_thread(volume_nifti, volumes[number])
        return Response(file, media_type="application/octet-stream")

    async def _scales(self, _request: Request, _user: User) -> Response:
        return JSONResponse(scales())

    async def _scale(self, request: Request, _user: User) -> Response:
        png = scale_png(_colours(request.path_params["colours"]))
        return Response(png, media_type="image/png", headers={"cache-control": "max-age=3600"})

    async def _download(self, request: Request, user: User) -> Response:
        row, form = await self._found(request), request.path_params["form"]
        session = str(row["session"])
        if form == "raw":
            path = self._scans.raw_copy(row)
            if path is None:
                raise NoImagesError("the raw copy of this scan is not kept")
            await self._note(request, user, "download raw", session)
            return FileResponse(path, filename=f"{session}.mrd")
        if form not in FORMATS:
            return refused(404, "no such form")
        await self._note(request, user, f"download {form}", session)
        async with self._zipping:
            copy = str(row["image_copy"])
            path = await asyncio.to_thread(zipped, self._files, copy, form)
        done = BackgroundTask(shutil.rmtree, path.parent, ignore_errors=True)
        return FileResponse(path, filename=f"{session}_{form}.zip", background=done)

    async def _chains(self, _request: Request, _user: User) -> Response:
        return JSONResponse({"chains": await asyncio.to_thread(lambda: self.again.chains)})

    async def _again(self, request: Request, user: User) -> Response:
        row, body = await self._found(request), await body_of(request)
        path = self._scans.raw_copy(row)
        if path is None:
            raise NoImagesError("the raw copy of this scan is not kept")
        config, given = text_of(body, "config"), body.get("parameters", [])
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise ConfigError("parameters: needed a list of texts")
        await self._note(request, user, f"again with {config[:64]}", str(row["session"]))
        self.again.start(path, config, given, self._feed.board.service)
        return JSONResponse({}, 202)

    async def _how_again(self, _request: Request, _user: User) -> Response:
        return JSONResponse({"state": self.again.state, "reason": self.again.reason})

    async def _deliveries(self, _request: Request, _user: User) -> Response:
        return JSONResponse(await asyncio.to_thread(_deliveries, self._spool))

    async def _retry(self, request: Request, user: User) -> Response:
        body = await body_of(request)
        destination = text_of(body, "destination", 64)
        if self._spool is None or not self._spool.is_dir():
            raise NoImagesError("there is no spool")
        await self._note(request, user, "retry", destination)
        moved = await asyncio.to_thread(_retry, self._spool, destination)
        return JSONResponse({"images": moved})

    async def _note(self, request: Request, user: User, action: str, target: str) -> None:
        address = request.client.host if request.client else ""
        note = self._scans.note_action
        await asyncio.to_thread(note, user.name, address, action, target)


def _wanted(request: Request) -> Wanted:
    plane = request.path_params["plane"]
    if plane not in _PLANES:
        raise NoImagesError("no such plane")
    low, high = number_of(request, "low", 0.0), number_of(request, "high", 1.0)
    colours = _colours(request.query_params.get("colours", "grey"))
    return Wanted(plane, request.path_params["slice"], low, high, colours)


def _colours(name: str) -> Colours:
    try:
        return Colours(name)
    except ValueError as e:
        raise NoImagesError("no such colours") from e


def _deliveries(spool: Path | None) -> dict[str, object]:
    if spool is None or not (spool / "journal.sqlite3").exists():
        return {"series": [], "silent": {}}
    try:
        with Spool(spool) as opened:
            series = [
                {
                    "series": each.series,
                    "output": each.output,
                    "destination": each.destination,
                    "state": each.state.value,
                    "images": each.count,
                    "reason": each.reason,
                }
                for each in opened.tallies()
            ]
        return {"series": series, "silent": silent(spool)}
    except sqlite3.Error as e:
        raise ConfigError(f"spool: {e}") from e


def _retry(spool: Path, destination: str) -> int:
    with Spool(spool) as opened:
        return opened.retry(destination=destination)
