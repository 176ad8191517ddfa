"""Places that a user names: folders of this machine, or URLs."""

from __future__ import annotations

from pathlib import Path

from streamrecon.cohort.places.remote_folder import RemoteFolder
from streamrecon.cohort.places.url_errors import without_credentials
from streamrecon.errors import ConfigError

_URL = "://"
_HERE = ("file://", "local://")
_READ_ONLY = ("http://", "https://", "zip://", "tar://", "github://")


def input_place(text: str) -> Path | RemoteFolder:
    """What is read; ``file://`` is a path.

    >>> input_place("file:///data/raw")
    PosixPath('/data/raw')
    """
    here = next((text[len(each) :] for each in _HERE if text.startswith(each)), text)
    return RemoteFolder(here) if _URL in here else Path(here)


def output_place(text: str) -> Path | RemoteFolder:
    """What is written to.

    Raises
    ------
    ConfigError
        If nothing can be written there.
    """
    place = input_place(text)
    if isinstance(place, RemoteFolder) and (place.url.startswith(_READ_ONLY) or "::" in place.url):
        raise ConfigError(
            f"--output {without_credentials(text)}: found a place that is only read (a web server, "
            "an archive, or one file system in another), needed a folder or a store such as s3://"
        )
    return place
