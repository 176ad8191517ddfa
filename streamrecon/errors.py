"""The tree of errors: what can go wrong, one class per answer on the wire.

- `StreamReconError`
    - `ProtocolError`      the peer broke the grammar of the wire or of a file
        - `TruncatedStream`    it stopped in the middle of a message
    - `ConfigError`        a chain file, a parameter or a setting
    - `HeaderError`        the MRD header lacks or contradicts something that is needed
    - `DataError`          the lines do not fit the header, or lines are missing
    - `ReconError`         a numerical stage cannot give a result
    - `MemoryLimitError`   the scan needs more memory than it may have
    - `DeliveryError`      a destination does not take what was made
    - `StorageError`       a folder of the service cannot be written or read

``code`` is the word in brackets that a client sees: ``ERR [header] missing: TE``.
Messages say what was found, what was needed and where; they carry no patient data. A `MemoryError`
of any library is told with the code ``memory``, anything else that is not of this tree as
``internal``.
"""

from __future__ import annotations


class StreamReconError(Exception):
    """Anything this project raises on purpose."""

    code = "internal"


class ProtocolError(StreamReconError):
    """The peer broke the grammar of the wire or of a file."""

    code = "protocol"


class TruncatedStream(ProtocolError):  # noqa: N818  (the field's word for it)
    """The peer stopped in the middle of a message."""

    code = "truncated"


class ConfigError(StreamReconError):
    """A chain file, a parameter or a setting cannot be used."""

    code = "config"


class HeaderError(StreamReconError):
    """The MRD header lacks or contradicts something that is needed."""

    code = "header"


class DataError(StreamReconError):
    """The lines do not fit the header, or lines are missing."""

    code = "data"


class ReconError(StreamReconError):
    """A numerical stage cannot give a result."""

    code = "recon"


class MemoryLimitError(StreamReconError):
    """The scan needs more memory than it may have."""

    code = "memory"


class DeliveryError(StreamReconError):
    """A destination does not take what was made."""

    code = "delivery"


class StorageError(StreamReconError):
    """A folder of the service cannot be written or read; the scan itself goes on."""

    code = "storage"


def code_of(error: BaseException) -> str:
    """The word in brackets that stands for an error of any kind.

    >>> code_of(HeaderError("missing: TE")), code_of(MemoryError()), code_of(ZeroDivisionError())
    ('header', 'memory', 'internal')
    """
    if isinstance(error, MemoryError):
        return MemoryLimitError.code
    return error.code if isinstance(error, StreamReconError) else StreamReconError.code


def in_words(error: BaseException) -> str:
    """Code and message of an error of any kind, as who waits for a result is told it.

    >>> in_words(HeaderError("missing: TE")), in_words(ZeroDivisionError("a / b"))
    ('[header] missing: TE', '[internal] ZeroDivisionError')
    >>> in_words(MemoryError())
    '[memory] there is no more memory'
    """
    if isinstance(error, MemoryError):
        text = f"there is no more memory{f': {error}' if str(error) else ''}"
    else:
        text = str(error) if isinstance(error, StreamReconError) else type(error).__name__
    return f"[{code_of(error)}] {text}"
