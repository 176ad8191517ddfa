"""Forms of an answer, and which error becomes which."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamrecon.errors import ConfigError, DataError, HeaderError, ProtocolError, StreamReconError
from streamrecon.server.sessions.error_report import BusyError
from streamrecon.web.access import Access, User
from streamrecon.web.image_files import NoImagesError
from streamrecon.web.protect import BODY_S

_HALF_A_LETTER = re.compile("[\ud800-\udfff]")  # JSON has it, no file and no table does
Plain = Callable[[Request], Awaitable[Response]]
Handler = Callable[[Request, User], Awaitable[Response]]
_STATUS: tuple[tuple[type[StreamReconError], int], ...] = (
    (NoImagesError, 404),
    (BusyError, 409),
    (ConfigError, 400),
    (DataError, 400),
    (HeaderError, 400),
    (ProtocolError, 400),
)


def refused(status: int, reason: str) -> JSONResponse:
    """An error that the page shows."""
    return JSONResponse({"error": reason}, status)


def for_users(access: Access, handler: Handler) -> Plain:
    """The handler for those whom we know; all others are told to sign in."""

    async def answer(request: Request) -> Response:
        user = access.user(request)
        if user is None:
            return refused(401, "sign in first")
        if request.method == "POST" and not access.may_act(request, user):
            return refused(403, "only this page and programs with the token may act")
        return await handler(request, user)

    return with_reasons(answer)


def with_reasons(handler: Plain) -> Plain:
    """The handler, whose errors are told to who asks."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except HTTPException as e:
            return refused(e.status_code, e.detail)
        except StreamReconError as e:
            for kind, status in _STATUS:
                if isinstance(e, kind):
                    return refused(status, str(e))
            raise

    return answer


async def body_of(request: Request) -> dict[str, object]:
    """The JSON object that was sent.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ConfigError("body: needed application/json")
    try:
        async with asyncio.timeout(BODY_S):
            found = await request.json()
    except TimeoutError as e:
        raise HTTPException(408, "the request did not come in time") from e
    except (ValueError, RecursionError) as e:
        raise ConfigError("body: found no JSON") from e
    if not isinstance(found, dict):
        raise ConfigError("body: needed a JSON object")
    return found


def text_of(body: dict[str, object], name: str, longest: int = 200) -> str:
    """A text of the body; empty where there is none.

    Raises
    ------
    ConfigError
        If it is no text, or too long.
    """
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > longest or _HALF_A_LETTER.search(value):
        raise ConfigError(f"{name}: needed a text of at most {longest} letters")
    return value


def number_of(request: Request, name: str, default: float) -> float:
    """A finite number of the query.

    Raises
    ------
    ConfigError
        If it is none.
    """
    text = request.query_params.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError as e:
        raise ConfigError(f"{name}: found no number") from e
    if not math.isfinite(value):
        raise ConfigError(f"{name}: found {value}, needed a finite number")
    return value
