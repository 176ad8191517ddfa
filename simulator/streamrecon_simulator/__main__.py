"""The command line of the simulator: ``streamrecon-simulate``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.mrd.files.hdf5_process import read_scan
from streamrecon.mrd.wire.messages import Image, Message, Text
from streamrecon_simulator.client import Pace, play
from streamrecon_simulator.images import write_images
from streamrecon_simulator.options import add_scene_options, given, scene_from
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.selftest import command as selftest
from streamrecon_simulator.write import demo_scan, write_scan, write_scan_stream, write_truth

_SCENES_HELP = "a name that `streamrecon-simulate scenes` lists"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, 1 where server or file failed, 2 where it cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except StreamReconError as e:
        print(f"error [{e.code}] {e}", file=sys.stderr)
        return 2 if isinstance(e, ConfigError) else 1
    except OSError as e:
        print(f"error [file] {e}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("streamrecon-simulate", description="Scans with known truth.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("scenes", help="list the scenes").set_defaults(command=_scenes)
    _write_options(commands.add_parser("write", help="write a scan as an MRD file, and its truth"))
    _images_options(commands.add_parser("images", help="write images as NIfTI, and their truth"))
    _play_options(commands.add_parser("play", help="send a scan to an MRD server, show the answer"))
    tested = commands.add_parser("selftest", help="acceptance test of a running service")
    selftest.add(tested)
    tested.set_defaults(command=selftest.run)
    demo = commands.add_parser("demo", help="write the scan of `make demo`")
    demo.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.h5")
    demo.set_defaults(command=_demo)
    return parser


def _write_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scene", choices=SCENES, metavar="SCENE", help=_SCENES_HELP)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.h5")
    parser.add_argument("--stream", type=Path, metavar="FILE.mrd", help="a plain stream as well")
    parser.add_argument("--no-truth", action="store_true", help="the scan only")
    add_scene_options(parser)
    parser.set_defaults(command=_write)


def _images_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scene", choices=SCENES, metavar="SCENE", help=_SCENES_HELP)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--twelve-bit", action="store_true", help="integers of 12 bits, as scanners store them"
    )
    add_scene_options(parser)
    parser.set_defaults(command=_images)


def _play_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scan", metavar="FILE|SCENE", help=f"an MRD file, or {_SCENES_HELP}")
    parser.add_argument("--to", type=_address, default=("127.0.0.1", 9002), metavar="HOST:PORT")
    parser.add_argument("--config", required=True, metavar="NAME", help="name of the chain")
    parser.add_argument("--pace", type=Pace, default=Pace.FULL, metavar="tr|full")
    add_scene_options(parser)
    parser.set_defaults(command=_play)


def _scenes(_: argparse.Namespace) -> int:
    width = max(map(len, SCENES))
    for name, scene in SCENES.items():
        print(f"{name:{width}} {scene.summary}")
    return 0


def _write(options: argparse.Namespace) -> int:
    scene = scene_from(SCENES[options.scene], options)
    simulation = simulate(scene)
    write_scan(simulation, options.output)
    print(options.output)
    if options.stream:
        write_scan_stream(simulation, options.stream)
        print(options.stream)
    if not options.no_truth and not scene.noise_only:
        for path in write_truth(scene, options.output):
            print(path)
    return 0


def _images(options: argparse.Namespace) -> int:
    scene = scene_from(SCENES[options.scene], options)
    written = write_images(scene, options.output, name=options.scene, twelve_bit=options.twelve_bit)
    for path in written:
        print(path)
    return 0


def _play(options: argparse.Namespace) -> int:
    played = play(
        _messages(options), options.to, options.config, pace=options.pace, on_message=_show
    )
    print(f"images: {len(played.images)}, {'complete' if played.complete else 'NOT complete'}")
    return 0 if played.complete else 1


def _messages(options: argparse.Namespace) -> Iterable[Message]:
    if options.scan in SCENES:
        return simulate(scene_from(SCENES[options.scan], options)).messages()
    if given(options):
        raise ConfigError(f"{', '.join(given(options))}: a file is played as it is")
    return read_scan(Path(options.scan))


def _show(message: Message) -> None:
    match message:
        case Text(text=text):
            print(text)
        case Image(header=header, data=data):
            series, number = int(header["image_series_index"]), int(header["image_index"])
            shape = " × ".join(str(n) for n in data.shape)
            print(f"image {series}.{number}: {shape} {data.dtype}")
        case _:
            print(type(message).__name__)


def _demo(options: argparse.Namespace) -> int:
    demo_scan(options.output)
    print(options.output)
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


if __name__ == "__main__":
    sys.exit(main())
