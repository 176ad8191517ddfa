"""Says what is wrong with a URL in one sentence, without the credentials that may stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from streamrecon.errors import ConfigError, StreamReconError

_HIDDEN = "***"
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"\?.*", re.DOTALL)
_ADDRESS = re.compile(r"[\w.+-]+://[^\s'\")>]+")
_PACKAGES = {"smbclient": "smbprotocol"}
"""Modules that fsspec misses → what brings them, where that has another name."""
_REFUSED = re.compile(r"(?i)credential|forbidden|unauthori[sz]ed|access ?denied|permission")
_LONGEST = 200  # letters of what a library says


class NotThereError(ConfigError):
    """A URL that leads to nothing."""


def without_credentials(url: str) -> str:
    """A URL as it may be printed and kept.

    >>> without_credentials("zip://a.h5::https://me:secret@host/c.zip?signature=1")
    'zip://a.h5::https://***@host/c.zip?***'
    """
    parts = (_USER.sub(f"{_HIDDEN}@", part) for part in url.split("::"))
    return "::".join(_QUERY.sub(f"?{_HIDDEN}", part) for part in parts)


@contextmanager
def plain_errors(url: str, *, needed: str) -> Iterator[None]:
    """Turn what a file system raises into a sentence.

    Libraries have errors of their own kinds, and texts with the whole URL: neither leaves here, nor
    do the errors themselves as causes, which engines print in their logs.

    Parameters
    ----------
    url
        Of what is read or written.
    needed
        What was needed, in words.

    Raises
    ------
    ConfigError
        If the protocol is not known, a package is missing, permission is refused, or the file
        system does not answer; `NotThereError` if it has no such file or folder.
    """
    shown = without_credentials(url)
    try:
        yield
    except StreamReconError:
        raise
    except ImportError as e:
        missing = getattr(e.__cause__, "name", None) or e.name or "its package"
        package = _PACKAGES.get(missing, missing)
        raise ConfigError(
            f"{shown}: found no package {package}, needed for this protocol: pip install {package}"
        ) from None
    except FileNotFoundError:
        raise NotThereError(f"{shown}: found no such file or folder, needed {needed}") from None
    except Exception as e:  # noqa: BLE001  (of any library)
        stated = _stated(e, url)
        if isinstance(e, ValueError) and "Protocol not known" in stated:
            raise ConfigError(
                f"{shown}: found a protocol that fsspec does not know, needed one of those that "
                "python -c 'import fsspec; print(fsspec.available_protocols())' names"
            ) from None
        if _is_refusal(e):
            raise ConfigError(
                f"{shown}: permission was refused ({stated}), needed {needed}, and credentials for "
                "it where its package looks for them"
            ) from None
        raise ConfigError(f"{shown}: found an error ({stated}), needed {needed}") from None


def _is_refusal(error: Exception) -> bool:
    is_named = _REFUSED.search(f"{type(error).__name__} {error}") is not None
    return getattr(error, "status", None) in {401, 403} or is_named


def _stated(error: Exception, url: str) -> str:
    text = " ".join(str(error).split())
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    text = _ADDRESS.sub(lambda found: without_credentials(found[0]), text)
    return f"{type(error).__name__}: {text[:_LONGEST]}"


def _secrets(url: str) -> set[str]:
    """What stands in a URL before the host, and behind the question mark."""
    found: set[str] = set()
    for part in url.split("::"):
        users = [user.rstrip("@") for user in _USER.findall(part)]
        queries = [query.lstrip("?") for query in _QUERY.findall(part)]
        passwords = [user.partition(":")[2] for user in users]
        found |= {*users, *passwords, *queries}
    return {each for text in found if text for each in (text, unquote(text))}
