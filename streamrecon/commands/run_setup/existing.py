"""Options that name what is to be read: what is not there is said before the work, not in it."""

from __future__ import annotations

from pathlib import Path

from streamrecon.errors import ConfigError

AUTO = "auto"


def there(text: str) -> Path:
    """A file or folder to be read, as argparse converts it.

    Raises
    ------
    ConfigError
        If there is none: asked for what cannot be done, which is exit status 2.
    """
    path = Path(text)
    if not path.exists():
        raise ConfigError(f"{text}: found no such file or folder")
    return path


def there_or_auto(text: str) -> str:
    """The same, where ``auto`` looks for the file itself."""
    return text if text == AUTO else str(there(text))
