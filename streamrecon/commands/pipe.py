"""`streamrecon pipe`: reconstructs a stream from stdin, a file or a named pipe to another."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from streamrecon.commands.run_setup.chains import chain_named_by_a_peer, chosen_chain
from streamrecon.commands.run_setup.options import add_chain, add_storage
from streamrecon.commands.run_setup.pipe_ends import Incoming, Outgoing, incoming, opened
from streamrecon.console import Watch
from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.wire.messages import ConfigText
from streamrecon.replay import pipe
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.chainfile.spec import ChainSpec


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "A plain MRD stream in, header first; one with the images out. What fails is a text in it,"
        " a stream without CLOSE, and the exit status."
    )
    add_chain(parser, "a packaged chain by name, or a chain file", required=False)
    for flag, name, meaning in (("-i", "input", "stdin"), ("-o", "output", "stdout")):
        parser.add_argument(
            flag, f"--{name}", type=Path, metavar="PATH", help=f"file or named pipe ({meaning})"
        )
    parser.add_argument(
        "--mrd2", action="store_true", help="streams of MRD 2 (needs the extra mrd2)"
    )
    add_storage(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Reconstruct until the input ends."""
    with ExitStack() as files, Watch(live=False) as watch:
        source, target = opened(options.input, options.output, files)
        out = Outgoing(target, is_mrd2=options.mrd2)
        try:
            given = incoming(source, is_mrd2=options.mrd2)
            spec = _given_chain(options, given, watch)
            chain = chosen_chain(options, session="pipe", spec=spec)
            pipe(given.scan, out.send, chain, watch)
        except (StreamReconError, MemoryError) as e:
            out.fail(e)
            raise
    return 0


def _given_chain(options: argparse.Namespace, given: Incoming, watch: Watch) -> ChainSpec | None:
    """The chain that stands in the stream, where none was named.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if options.config is not None:
        if given.config is not None:
            watch.say(Notice(Level.INFO, "the config in the stream is passed over: --config"))
        return None
    match given.config:
        case None:
            raise ConfigError("needed --config, or a config in the stream before the header")
        case ConfigText(xml):
            return read_chain(xml)
        case config:
            return chain_named_by_a_peer(config.name)
