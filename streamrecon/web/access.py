"""Who may look and who may act: a token of the service, or the user that a reverse proxy names.

A browser that has shown the token gets a cookie, signed with it, which no other site can use
(``SameSite=Strict``); to act it must also send a text that only our own page can read. A program
sends the token itself with each request. Whoever comes through a reverse proxy that names the user
in the header of the settings needs neither, but the same text to act.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from streamrecon.storage.atomic_file import whole_private

COOKIE = "streamrecon"
TOKEN_FILE = "web-token"  # noqa: S105  (its name)
DAYS_S = 12 * 3600.0  # of a cookie: a working day
_TOKEN_BYTES = 32
_SHORTEST_TOKEN = 16
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    key: str
    """Text to be sent with each action, in ``X-CSRF-Token``."""
    is_program: bool = False


class Access:
    """Knows users by their requests.

    Parameters
    ----------
    token
        The secret.
    user_header
        Header of a reverse proxy; empty where there is none.
    """

    def __init__(self, token: str, user_header: str = "") -> None:
        self._token = token
        self._user_header = user_header

    def user(self, request: HTTPConnection) -> User | None:
        """Who asks; ``None`` for a stranger."""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return User("token", "", is_program=True) if self.knows(shown.strip()) else None
        if self._user_header:
            name = request.headers.get(self._user_header, "").strip()[:_LONGEST_NAME]
            return self._person(name) if name else None
        known = self._of_cookie(request.cookies.get(COOKIE, ""))
        return None if known is None else self._person(known)

    def may_act(self, request: HTTPConnection, user: User) -> bool:
        """Whether the request comes from our own page, or from a program that has the token."""
        if user.is_program:
            return True
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        origin = request.headers.get("origin")
        if origin is not None and _place(origin) != request.headers.get("host"):
            return False
        return _same(request.headers.get("x-csrf-token", ""), user.key)

    def knows(self, token: str) -> bool:
        """Whether it is the token."""
        return _same(token, self._token)

    def cookie(self, name: str) -> str:
        """Cookie of someone who has shown the token; the name is what they call themselves."""
        letters = base64.urlsafe_b64encode(name[:_LONGEST_NAME].encode()).decode()
        facts = f"{letters}.{time.time() + DAYS_S:.0f}"
        return f"{facts}.{self._mac('cookie', facts)}"

    def _of_cookie(self, cookie: str) -> str | None:
        facts, _, mac = cookie.rpartition(".")
        if not _same(mac, self._mac("cookie", facts)):
            return None
        letters, _, ends = facts.partition(".")
        if float(ends) < time.time():
            return None
        return base64.urlsafe_b64decode(letters).decode()

    def _person(self, name: str) -> User:
        return User(name, self._mac("act", name))

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.new(self._token.encode(), f"{purpose} {text}".encode(), "sha256").hexdigest()


def _place(origin: str) -> str:
    """Host and port; empty where it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def token_of(storage: Path) -> str:
    """The service's token, made if there is none; only its own user may read the file."""
    path = storage / TOKEN_FILE
    try:
        token = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        token = ""
    if len(token) < _SHORTEST_TOKEN:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with whole_private(path) as file:
            file.write(token.encode("ascii") + b"\n")
    return token
