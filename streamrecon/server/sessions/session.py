"""Holds the conversation with one client: configuration, header, data, close."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from streamrecon.errors import ConfigError
from streamrecon.machine.memory import bytes_of_each
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.noise_dependency import dependency_meta
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.grammar import SessionGrammar
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    Dependency,
    Header,
    Message,
    Query,
    Response,
    Text,
)
from streamrecon.server.sessions.fire_parameters import config_named, read_parameters
from streamrecon.server.sessions.queries import answer_query
from streamrecon.server.sessions.writer import ALWAYS, written_types
from streamrecon.server.settings import Settings
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.server.workers.worker_channel import Kind
from streamrecon.storage.noise_store import noise_known
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file
from streamrecon.stream.chainfile.overrides import unknown_parameters
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.chainfile.spec import ChainSpec
from streamrecon.stream.gadget import Context
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.chain import Chain

_log = logging.getLogger(__name__)

_NOISE_PREFIX = "GadgetronNoiseCovarianceMatrix_"  # Gadgetron's client writes it before the id


def _nothing(_chain: Chain, _header: Header) -> None:
    """Nobody watches."""


class SessionEnded(Exception):  # noqa: N818  (an event: the client has been told already)
    """The session ended elsewhere; whoever still works for it goes home."""


@dataclass(slots=True)
class SessionFacts:
    """What a session has learned, for its log line and its last words."""

    config: str = ""
    dependency_query: bool = False
    unknown_config: str = ""


class Session:
    """One conversation, from the first message to the end of the chain.

    Parameters
    ----------
    name
        Of the session, in logs.
    messages
        What the client sends, in order; raises what ended the stream.
    say
        Takes everything for the client; raises `SessionEnded` when nothing can be said any more.
    leaving
        Called when all is said and only detached branches are still at work.
    begun
        Called when the header is there, and again if the client changes the chain afterwards.
    registry
        The gadgets that a chain file may name.
    settings
        Folders of chain files, and the storage.
    """

    def __init__(
        self,
        name: str,
        messages: Iterator[Message],
        say: Callable[[object], None],
        *,
        registry: Registry,
        settings: Settings,
        leaving: Callable[[], None],
        begun: Callable[[Chain, Header], None] = _nothing,
    ) -> None:
        self._leaving = leaving
        self._begun = begun
        self._is_detached = False
        self._name = name
        self._messages = messages
        self._say = say
        self._registry = registry
        self._settings = settings
        self._grammar = SessionGrammar()
        self._written: tuple[type[Message], ...] = ALWAYS
        self._series = ImageSeries()
        self.lines = 0
        """Lines given to the chain so far."""
        self.facts = SessionFacts()

    def hold(self) -> None:
        """Talk until the client's CLOSE, and until the chain has finished.

        Raises
        ------
        StreamReconError
            What the client is to be told.
        Cut
            If the session ended elsewhere.
        """
        opening = self._next()
        if isinstance(opening, Close):
            return
        spec = self._chosen(opening)
        if spec.is_dependency_query:
            self._tell_noise(spec)
        else:
            self._reconstruct(spec)

    def _next(self) -> Message:
        for message in self._messages:
            _log.debug("in: %s", type(message).__name__)
            self._grammar.check(message)
            if not isinstance(message, Query):
                return message
            self._say(Response(answer_query(message.text, self._settings), message.correlation_id))
        raise SessionEnded

    def _chosen(self, opening: Message) -> ChainSpec:
        match opening:
            case ConfigFile(name):
                return self._named(name)
            case ConfigText(xml):
                spec = read_chain(xml)
                self.facts.config = f"text {spec.text_hash}"
                return spec
            case _:
                raise ConfigError(f"found {type(opening).__name__}, needed a config")

    def _named(self, name: str) -> ChainSpec:
        """The chain of that name, else the service's default; hosts name what they know."""
        folders, default = self._settings.config_folders, self._settings.default_chain
        self.facts.unknown_config = ""
        try:
            document = find_chain_file(name, folders)
        except ConfigError:
            if not default:
                raise
            document = find_chain_file(default, folders)
            self.facts.unknown_config, name = name, default
        spec = read_chain(document, name)
        self.facts.config = f"{name} {spec.text_hash}"
        return spec

    def _tell_noise(self, spec: ChainSpec) -> None:
        self.facts.dependency_query = True
        self._say(Kind.DEPENDENCY_QUERY)
        while not isinstance(self._next(), Close):
            pass
        measurement = (spec.dependency_name or "").removeprefix(_NOISE_PREFIX)
        record = noise_known(self._settings.storage, measurement)
        self._say(Dependency(dependency_meta(record)))

    def _reconstruct(self, spec: ChainSpec) -> None:
        chain = self._built(spec, {})  # a fault of the file is told before the first line
        while isinstance(header := self._next(), Text):
            _log.debug("a text before the header is passed over")
        if isinstance(header, Close):
            chain.run((), self._emit, leaving=self._leave)
            return
        self._tell_begun(chain, header)
        first = self._next()
        while isinstance(first, Text):
            parameters = read_parameters(first.text)
            if parameters is not None:
                chain = self._rebuilt(spec, parameters)
                self._tell_begun(chain, header)
            first = self._next()
        self._tell_default()
        chain.run(self._items(header, first), self._emit, leaving=self._leave)
        nothing = self._series.nothing_sent()
        if nothing is not None and not self._is_detached:
            self._emit(nothing)

    def _tell_begun(self, chain: Chain, header: Message) -> None:
        if isinstance(header, Header):
            self._begun(chain, header)

    def _tell_default(self) -> None:
        unknown, default = self.facts.unknown_config, self._settings.default_chain
        if unknown:
            text = f"config {unknown[:80]!r}: unknown; {default} is used"
            self._emit(Notice(Level.WARNING, text))

    def _leave(self) -> None:
        self._is_detached = True
        self._leaving()

    def _rebuilt(self, spec: ChainSpec, parameters: Mapping[str, str]) -> Chain:
        self._say(Dialect.FIRE)
        name = config_named(parameters)
        return self._built(self._named(name) if name else spec, parameters)

    def _built(self, spec: ChainSpec, parameters: Mapping[str, str]) -> Chain:
        self._written = written_types(spec.writers)
        context = Context(
            storage=self._settings.storage,
            session=self._name,
            delivery=delivery_of(self._settings),
            memory_bytes=bytes_of_each(self._settings.sessions, self._settings.memory_gib),
        )
        overrides = self._usual(spec) | dict(parameters)
        return build_chain(spec, self._registry, context, overrides=overrides)

    def _usual(self, spec: ChainSpec) -> dict[str, str]:
        """The service's own parameters, those that the chain has."""
        usual = dict(text.split("=", 1) for text in self._settings.parameters)
        unknown = unknown_parameters(spec, self._registry, usual) if usual else ()
        return {name: value for name, value in usual.items() if name not in unknown}

    def _items(self, header: Message, first: Message) -> Iterator[Message]:
        yield header
        message = first
        while not isinstance(message, Close):
            if isinstance(message, Acquisitions):
                self.lines += len(message)
            if not isinstance(message, Text):
                yield message
            message = self._next()

    def _emit(self, item: object) -> None:
        match item:
            case Notice(Level.DEBUG):
                _log.debug("%s", item)
            case Notice() if self._is_detached:
                _log.warning("session %s, detached: %s", self._name, item)
            case Notice():
                self._say(Text(str(item)))
            case _:
                for message in self._series.sent(item, self._written):
                    self._say(message)
