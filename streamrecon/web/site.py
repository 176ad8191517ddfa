"""The addresses of the console page: what may be asked for, and by whom."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from importlib import resources

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from streamrecon.server.watching.outcome_words import OUTCOME_WORDS
from streamrecon.web.access import COOKIE, DAYS_S, Access, User
from streamrecon.web.answers import (
    Handler,
    body_of,
    for_users,
    number_of,
    refused,
    text_of,
    with_reasons,
)
from streamrecon.web.checks import Checks
from streamrecon.web.feed import Feed
from streamrecon.web.metrics import Metrics
from streamrecon.web.protect import Protect
from streamrecon.web.scan_pages import ScanPages
from streamrecon.web.scans import MOST_ROWS, Scans

_BEAT_S = 15.0  # below the patience of proxies
_MOST_PAGES = 32
_WRONG_TOKEN_S = 0.5
_SCRIPTS = ("page.js", "nodes.js", "readings.js", "viewer.js", "slice_view.js", "niivue.js")
_FILES = dict.fromkeys(_SCRIPTS, "text/javascript")
_FILES |= {"index.html": "text/html", "page.css": "text/css"}
_FILES |= {"niivue-font.png": "image/png", "niivue.txt": "text/plain"}
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"[\w .@-]{1,64}")


class Site:
    """Everything that is answered over HTTP."""

    def __init__(
        self,
        *,
        access: Access,
        feed: Feed,
        checks: Checks,
        metrics: Metrics,
        scans: Scans,
        pages: ScanPages,
    ) -> None:
        self._access = access
        self._feed = feed
        self._checks = checks
        self._metrics = metrics
        self._scans = scans
        self._pages = pages
        package = resources.files("streamrecon.web") / "page"
        self._files = {name: (package / name).read_bytes() for name in _FILES}

    def app(self) -> Protect:
        """The application."""
        open_to_all = [
            Route("/", self._index),
            Route("/static/{name}", self._static),
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._prometheus),
            Route("/api/login", with_reasons(self._login), methods=["POST"]),
        ]
        for_known: list[tuple[str, Handler, str]] = [
            ("/api/me", self._me, "GET"),
            ("/api/logout", self._logout, "POST"),
            ("/api/events", self._events, "GET"),
            ("/api/scans", self._latest, "GET"),
            ("/api/actions", self._actions, "GET"),
            *self._pages.routes(),
        ]
        known = [
            Route(path, for_users(self._access, handler), methods=[method])
            for path, handler, method in for_known
        ]
        return Protect(Starlette(routes=[*open_to_all, *known]))

    async def _index(self, _request: Request) -> Response:
        return self._file("index.html")

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        return self._file(name) if name in self._files else refused(404, "no such file")

    def _file(self, name: str) -> Response:
        return Response(self._files[name], media_type=_FILES[name])

    async def _health(self, _request: Request) -> Response:
        is_live = self._feed.is_live
        return Response(
            "ok\n" if is_live else "the service does not answer\n", 200 if is_live else 503
        )

    async def _ready(self, _request: Request) -> Response:
        answers = self._checks.answers
        is_ready = not any(check.fault for check in answers.values())
        facts = {n: {"fault": c.fault, "warning": c.warning} for n, c in answers.items()}
        return JSONResponse({"ready": is_ready, "checks": facts}, 200 if is_ready else 503)

    async def _prometheus(self, _request: Request) -> Response:
        return Response(self._metrics.text(), headers={"content-type": _PROMETHEUS})

    async def _login(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return refused(403, "sign in on the page itself")
        body = await body_of(request)
        name = text_of(body, "name", 64).strip() or "token"
        if not _NAME.fullmatch(name):
            return refused(400, "name: needed letters, digits, spaces")
        if not self._access.knows(text_of(body, "token")):
            await asyncio.sleep(_WRONG_TOKEN_S)
            return refused(401, "this is not the token")
        answer = JSONResponse({"name": name})
        answer.set_cookie(
            COOKIE,
            self._access.cookie(name),
            max_age=int(DAYS_S),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def _logout(self, _request: Request, _user: User) -> Response:
        answer = JSONResponse({})
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def _me(self, _request: Request, user: User) -> Response:
        facts = {"name": user.name, "key": user.key, "outcomes": OUTCOME_WORDS}
        return JSONResponse(facts)

    async def _events(self, _request: Request, _user: User) -> Response:
        if self._feed.followers >= _MOST_PAGES:
            return refused(503, f"{_MOST_PAGES} pages are open, which is the limit")
        return StreamingResponse(
            self._sse(), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    async def _sse(self) -> AsyncIterator[str]:
        yield 'retry: 1000\ndata: {"event":"hello"}\n\n'
        async for text in self._feed.events(_BEAT_S):
            yield f"data: {text}\n\n" if text else ": at work\n\n"

    async def _latest(self, request: Request, _user: User) -> Response:
        limit = min(max(int(number_of(request, "limit", 100)), 1), MOST_ROWS)
        before = number_of(request, "before", 0.0) or None
        rows = await asyncio.to_thread(self._scans.latest, limit, before)
        facts: Mapping[str, object] = {
            "scans": rows,
            "service": self._feed.board.service,
            "checks": {n: c.fault for n, c in self._checks.answers.items()},
        }
        return JSONResponse(facts)

    async def _actions(self, _request: Request, _user: User) -> Response:
        return JSONResponse({"actions": await asyncio.to_thread(self._scans.actions, 200)})
