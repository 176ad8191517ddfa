"""The command line: the one module that joins gadgets, server, client and replay."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gadgets import REGISTRY
from gadgets.plans import keep_plans, recall_plans
from gadgets.warm import warm
from streamrecon import __version__
from streamrecon.client import DEFAULT_PORT, IDLE_S, Request, Server, send
from streamrecon.console import Watch
from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.ids import Dialect
from streamrecon.mrd.messages import ConfigFile, ConfigText
from streamrecon.mrd.noise_link import noise_link
from streamrecon.mrd.source import header_of, lines_of, open_scan
from streamrecon.noise_query import ask_noise
from streamrecon.output.formats import FORMATS, Harvest, write_harvest
from streamrecon.replay import pipe, replay
from streamrecon.server.listener import Address, serve
from streamrecon.server.settings import Settings, load_settings
from streamrecon.server.worker import Equipment
from streamrecon.stream.catalogue import catalogue_text
from streamrecon.stream.chain import Chain
from streamrecon.stream.chainfile import read_chain
from streamrecon.stream.config import build_chain
from streamrecon.stream.describe import describe
from streamrecon.stream.gadget import Context
from streamrecon.stream.library import find_chain_file

_DESCRIPTION = "Inline multi-echo GRE reconstruction: k-space in over MRD, images out."
_EPILOG = "Exit status: 0 all done; 1 a scan or a server failed; 2 asked for what cannot be done."

Options = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except StreamReconError as e:
        return _fail(str(e), 2 if isinstance(e, ConfigError) else 1)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as e:
        return _fail(f"{e.filename or 'system'}: {e.strerror or e}", 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return status


def _fail(reason: str, status: int) -> int:
    print(f"streamrecon: error: {reason}", file=sys.stderr)
    return status


def equip() -> Equipment:
    """What every worker of the service has; called in the worker's own process."""
    return Equipment(REGISTRY, warm=_warm_up, recall=recall_plans, learn=keep_plans)


def _warm_up(storage: Path | None) -> None:
    recall_plans(storage)
    warm()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("streamrecon", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"streamrecon {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands.add_parser("serve", help="reconstruct the scans that clients send"))
    _add_send(commands.add_parser("send", help="send a scan to a server, write what comes back"))
    _add_replay(commands.add_parser("replay", help="reconstruct files without a server"))
    _add_pipe(commands.add_parser("pipe", help="reconstruct a stream from stdin to stdout"))
    _add_check(commands.add_parser("check", help="check a chain file, show what it will do"))
    listed = commands.add_parser("gadgets", help="list what a chain file may name")
    listed.set_defaults(run=_gadgets)
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = "Serve until SIGTERM; running scans are finished first."
    parser.epilog = (
        "A setting is taken from its flag, else from its environment variable"
        " (STREAMRECON_PORT for --port), else from the table [server] of the settings file."
    )
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings file")
    parser.add_argument("--show-settings", action="store_true", help="print them and end")
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, metavar="VALUE", help=field.description)
    parser.set_defaults(run=_serve)


def _serve(options: Options) -> int:
    flags = {name: getattr(options, name) for name in Settings.model_fields}
    origin = load_settings(flags, os.environ, options.settings)
    if options.show_settings:
        print("\n".join(origin.lines()))
        return 0
    return serve(origin.settings, equip, preload=(__name__,), listening=_announce)


def _announce(addresses: Sequence[Address]) -> None:
    places = ", ".join(str(Server(host, port)) for host, port in addresses)
    print(f"listening on {places}", flush=True)


def _add_send(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send a scan to any MRD server; write the images that come back."
    parser.add_argument("file", type=Path, metavar="FILE", help="MRD file (HDF5) or plain stream")
    parser.add_argument(
        "--to",
        default=f"127.0.0.1:{DEFAULT_PORT}",
        metavar="HOST:PORT",
        help="the server (%(default)s)",
    )
    parser.add_argument(
        "--dialect",
        choices=[dialect.value for dialect in Dialect],
        default=Dialect.GADGETRON.value,
        help="how to speak to it (%(default)s)",
    )
    parser.add_argument(
        "--timeout", type=float, default=IDLE_S, metavar="S", help="longest silence (%(default)g s)"
    )
    parser.add_argument(
        "--ask-noise",
        action="store_true",
        help="ask first whether the server has the noise scan that the header names",
    )
    _add_chain(parser, "a chain that the server knows by name, or a chain file to send")
    _add_output(parser, "folder for the images")
    parser.set_defaults(run=_send)


def _send(options: Options) -> int:
    server = Server.parse(options.to, idle_s=options.timeout)
    request = Request(
        _request_config(options.config), Dialect(options.dialect), dict(options.values)
    )
    header = header_of(options.file, options.group)
    with Watch(options.file.name, total=lines_of(options.file, options.group)) as watch:
        for measurement in noise_link(header).dependencies if options.ask_noise else ():
            watch.say(ask_noise(server, measurement))
        reply = send(open_scan(options.file, options.group), server, request, watch)
    _write(Harvest(header, reply.images, reply.files), options.output, options.format)
    return 0 if reply.complete else 1


def _request_config(text: str) -> ConfigFile | ConfigText:
    path = Path(text)
    return ConfigText(path.read_text(encoding="utf-8")) if path.is_file() else ConfigFile(text)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.description = "Reconstruct each file as the service would; one folder for each."
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="MRD files or streams")
    parser.add_argument("--stop", action="store_true", help="stop at the first file that fails")
    _add_chain(parser, "a packaged chain by name, or a chain file")
    _add_storage(parser)
    _add_output(parser, "folder for the folders")
    parser.set_defaults(run=_replay)


def _replay(options: Options) -> int:
    status = 0
    for file, folder in zip(options.files, _folders(options.files, options.output), strict=True):
        try:
            chain = _chain(options, session=file.name)
            with Watch(file.name, total=lines_of(file, options.group)) as watch:
                watch.say(Notice(Level.INFO, f"{file.name}, to {folder}"))
                harvest = replay(file, chain, watch, group=options.group)
            _write(harvest, folder, options.format)
        except ConfigError:
            raise  # the next file would meet the same chain
        except StreamReconError as e:
            status = _fail(f"{file.name}: [{e.code}] {e}", 1)
            if options.stop:
                break
    return status


def _folders(files: Sequence[Path], output: Path) -> list[Path]:
    """A folder for each file, named like it; files of one name are numbered."""
    stems = [file.stem for file in files]
    return [
        output / (f"{stem}-{stems[:i].count(stem) + 1}" if stem in stems[:i] else stem)
        for i, stem in enumerate(stems)
    ]


def _add_pipe(parser: argparse.ArgumentParser) -> None:
    parser.description = "A plain MRD stream in, header first; one with the images out."
    _add_chain(parser, "a packaged chain by name, or a chain file")
    _add_storage(parser)
    parser.set_defaults(run=_pipe)


def _pipe(options: Options) -> int:
    chain = _chain(options, session="pipe")
    with Watch(live=False) as watch, os.fdopen(os.dup(0), "rb") as source:
        pipe(source, sys.stdout.buffer, chain, watch)
    return 0


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Check a chain file as the service would, before any scan."
    parser.add_argument("config", metavar="FILE", help="a chain file, or a packaged chain's name")
    parser.set_defaults(run=_check)


def _check(options: Options) -> int:
    print(describe(read_chain(_chain_file(options.config)), REGISTRY))
    return 0


def _gadgets(_: Options) -> int:
    print(catalogue_text(REGISTRY))
    return 0


def _add_chain(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--config", required=True, metavar="NAME|FILE.xml", help=meaning)
    parser.add_argument(
        "--set",
        dest="values",
        type=_assignment,
        action="append",
        default=[],
        metavar="[GADGET.]NAME=VALUE",
        help="set a gadget's parameter; may be repeated",
    )


def _add_storage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--storage", type=Path, metavar="DIR", help="noise of earlier scans (the service's folder)"
    )


def _add_output(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help=meaning)
    parser.add_argument(
        "--format",
        type=_formats,
        default=list(FORMATS),
        metavar="NAMES",
        help=f"which of {','.join(FORMATS)} to write (all)",
    )
    parser.add_argument("--group", metavar="NAME", help="group of the scan in the file (dataset)")


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"found {text!r}, needed NAME=VALUE")
    return name, value


def _formats(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"found {','.join(unknown)}, needed {','.join(FORMATS)}")
    return names


def _chain(options: Options, *, session: str) -> Chain:
    """A new chain, as a session of the service would make it."""
    storage = options.storage or _settings().storage
    context = Context(storage=storage, session=session)
    overrides = dict(options.values)
    return build_chain(_chain_file(options.config), REGISTRY, context, overrides=overrides)


def _chain_file(text: str) -> bytes:
    path = Path(text)
    return (
        path.read_bytes() if path.is_file() else find_chain_file(text, _settings().config_folders)
    )


def _settings() -> Settings:
    return load_settings({}, os.environ).settings


def _write(harvest: Harvest, folder: Path, formats: Sequence[str]) -> None:
    for path in write_harvest(harvest, folder, formats):
        print(path)
