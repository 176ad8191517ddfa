"""Maps errors to the messages that a client gets; nothing else does.

| error | answer |
|---|---|
| `StreamReconError` and its kinds | ``ERR [code] message``, CLOSE |
| `DeliveryError` | ``WRN [delivery] message``, CLOSE: the images are made and kept |
| `MemoryError`, the kernel killed the worker for it | ``ERR [memory] session <id>: …``, CLOSE |
| anything else, a worker's death | ``ERR [internal] session <id>: …``, CLOSE; why is in the log |

A client that understands no TEXT (the noise query of Gadgetron's client) gets a failed dependency
instead. After an error nothing else is sent, and CLOSE alone always means complete success.
"""

from __future__ import annotations

from streamrecon.errors import DeliveryError, MemoryLimitError, StreamReconError
from streamrecon.mrd.wire.messages import Close, Dependency, Message, Text

_LONGEST_TEXT = 2000
"""Characters of an error's text; consoles show one line."""


class BusyError(StreamReconError):
    """The service does not take a scan now."""

    code = "busy"


class OverdueError(StreamReconError):
    """A time limit of the service has passed."""

    code = "timeout"


class WorkerLostError(StreamReconError):
    """The process that worked on a scan ended before the scan did."""


def answer(
    error: BaseException, session: str, *, dependency_query: bool = False
) -> tuple[Message, ...]:
    """Last messages to a client whose session ends with ``error``.

    Parameters
    ----------
    error
        Why the session ends.
    session
        Its name, which finds the cause in the log.
    dependency_query
        Whether the client understands only a dependency (id 1019) and CLOSE.

    Examples
    --------
    >>> from streamrecon.errors import HeaderError
    >>> answer(HeaderError("missing: TE"), "4f2a")
    (Text(text='ERR [header] missing: TE'), Close())
    >>> answer(ZeroDivisionError("x"), "4f2a")[0].text
    'ERR [internal] session 4f2a: the scan was not finished; the log of the server says why'
    """
    if dependency_query:
        return Dependency({"status": ("failed",)}), Close()
    return Text(_sentence(error, session)), Close()


def _sentence(error: BaseException, session: str) -> str:
    match error:
        case DeliveryError():
            return f"WRN [{error.code}] {error}"[:_LONGEST_TEXT]
        case StreamReconError() if error.code != StreamReconError.code:
            return f"ERR [{error.code}] {error}"[:_LONGEST_TEXT]
        case MemoryError():
            return (
                f"ERR [{MemoryLimitError.code}] session {session}: the scan was not finished;"
                " there was no more memory"
            )
        case _:
            return (
                f"ERR [{StreamReconError.code}] session {session}: "
                "the scan was not finished; the log of the server says why"
            )


def is_bug(error: BaseException) -> bool:
    """Whether the log needs the traceback: the client is told nothing but the session's name."""
    return not isinstance(error, StreamReconError) or error.code == StreamReconError.code
