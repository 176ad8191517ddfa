"""What a session answers to the bytes of a connection, without sockets and processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamrecon_gadgets import REGISTRY

from streamrecon.errors import TruncatedStream
from streamrecon.mrd.wire.messages import Close, ConfigFile, ConfigText, Image, Message, Text
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.sessions.error_report import answer
from streamrecon.server.sessions.session import Session
from streamrecon.server.settings import Settings


@dataclass(frozen=True)
class Answer:
    """What the service says to a connection, and why: the error behind the last words."""

    texts: tuple[str, ...]
    images: tuple[Image, ...]
    error: Exception | None

    @property
    def last_words(self) -> str:
        """ERR and its code, WRN, or CLOSE."""
        return self.texts[-1] if self.error is not None else "CLOSE"

    @property
    def is_internal(self) -> bool:
        """Whether anything was said to be the service's own fault."""
        return any("[internal]" in text for text in self.texts)


def connection(chain: str, *scan: Message) -> bytes:
    """The bytes of a connection that asks for a packaged chain, or brings the text of one."""
    config = ConfigText(chain) if chain.startswith("<") else ConfigFile(chain)
    stream = (config, *scan, Close())
    return b"".join(b"".join(encode(message)) for message in stream)


def answer_in_process(received_bytes: bytes, *, storage: Path | None = None) -> Answer:
    """What a session makes of these bytes, without sockets and processes."""
    said: list[object] = []

    def received() -> Iterator[Message]:
        parser = MrdParser()
        for start in range(0, len(received_bytes), 1 << 16):
            yield from parser.receive(received_bytes[start : start + (1 << 16)])
        parser.end()
        raise TruncatedStream("the stream ended without CLOSE")

    def say(item: object) -> None:
        if isinstance(item, Message):
            b"".join(encode(item))
        said.append(item)

    session = Session(
        "0000", received(), say, registry=REGISTRY,
        settings=Settings(storage=storage, destinations=None), leaving=lambda: None,
    )  # fmt: skip
    error = None
    try:
        session.hold()
    except Exception as caught:  # noqa: BLE001  (the edge of a session)
        error = caught
        said.extend(answer(caught, "0000"))
    texts = tuple(item.text for item in said if isinstance(item, Text))
    return Answer(texts, tuple(item for item in said if isinstance(item, Image)), error)
