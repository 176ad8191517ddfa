"""Whole connections of a client, damaged in one or two places.

What is damaged is chosen by a random number generator, so that a seed names a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
from chains import CONFIG
from narrowing import as_a, given
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.phantoms.phantom import HEAD
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene

from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    Close,
    ConfigFile,
    ConfigText,
    Header,
    Image,
    Message,
    Query,
    Text,
    Waveform,
)
from streamrecon.mrd.wire.writer import encode

Random = np.random.Generator
Stream = list[Message]
T = TypeVar("T")

_SMALL = Scene(
    "a small head", phantom=HEAD, matrix=(6, 12, 14), voxel_mm=(24.0, 17.0, 13.0), n_coils=2,
    te_s=(0.005, 0.011), noise_lines=4, noise_samples=32, bipolar=True,
    sampling=Sampling(navigators=True, centre_repeats=1),
)  # fmt: skip
_SCENES = (
    _SMALL,
    Scene(
        "slices, averaged", phantom=HEAD, matrix=(3, 12, 14), voxel_mm=(24.0, 17.0, 13.0),
        n_coils=3, te_s=(0.006,), slices=True, gap_mm=3.0, averages=2, noise_lines=0,
    ),
    Scene(
        "accelerated", phantom=HEAD, matrix=(6, 16, 14), voxel_mm=(24.0, 12.0, 13.0), n_coils=4,
        te_s=(0.005, 0.011), sampling=Sampling(acceleration=(1, 2), calibration_lines=8),
        noise_lines=4, noise_samples=32, order=Order.CENTRE_OUT, waveforms=True,
    ),
)  # fmt: skip
_CHAINS = ("gre_recon", "gre_qsm", "gre_full", "gre_preview", "gre_swi", "default")
_COMPRESSING = (
    (CONFIG / "gre_recon.xml")
    .read_text()
    .replace("<gadget><name>AssembleKSpace", "<gadget><name>CompressCoils</name></gadget>\n"
             "<gadget><name>CollectCentre</name></gadget>\n<gadget><name>AssembleKSpace")
)  # fmt: skip
_WATCHING = """<configuration><version>2</version><stream>
<gadget><name>WhitenNoise</name></gadget><gadget><name>CorrectNavigators</name></gadget>
<gadget><name>WatchQuality</name></gadget><gadget><name>CollectCentre</name></gadget>
</stream></configuration>"""

NUMBERS = (
    "0", "1", "-1", "2", "3", "7", "0.5", "1e-9", "16", "64", "255", "4096", "65535", "65536",
    "1e9", "-1e9", "4294967296", "1e38", "1e308", "-1e308", "1e-320", "nan", "inf", "-inf",
    "", "x", "0x10", "1_0", "١", "1" * 400,
)  # fmt: skip
FLOATS = (0.0, -1.0, 1e-30, 1e9, 3e38, -3e38, np.nan, np.inf, -np.inf, 1e20)
INTEGERS = (0, 1, 2, 3, 7, 15, 16, 17, 255, 1024, 32768, 65535)


@cache
def _base(number: int) -> tuple[Message, ...]:
    return tuple(simulate(_SCENES[number]).messages())


def mutated_connection(seed: int, what: str = "anything") -> bytes:
    """The bytes of one connection, config first, damaged as the seed says.

    ``what`` is damaged: ``"header"``, ``"samples"``, ``"lines"`` or ``"anything"``.
    """
    random = np.random.default_rng(seed)
    stream = _whole(random)
    kinds = _KINDS[what]
    for _ in range(int(random.integers(1, 3))):
        kinds[int(random.integers(len(kinds)))](stream, random)
    return damaged_bytes(b"".join(b"".join(encode(message)) for message in stream), random)


def sound_connection() -> bytes:
    """An undamaged scan through the longest chain."""
    stream = [ConfigFile("gre_full"), *_base(0), Close()]
    return b"".join(b"".join(encode(message)) for message in stream)


def small_scan() -> Stream:
    """An undamaged scan: header, noise lines, lines that image and navigate."""
    return [_copied(message) for message in _base(0)]


def scan_with_waveforms() -> Stream:
    """An undamaged scan with physiology between its lines."""
    return [_copied(message) for message in _base(2)]


def _whole(random: Random) -> Stream:
    """An undamaged connection: a chain and a scan."""
    kind = int(random.integers(10))
    config: ConfigFile | ConfigText = ConfigFile(_CHAINS[int(random.integers(len(_CHAINS)))])
    if kind == 0:
        config = ConfigText(_COMPRESSING)
    elif kind == 1:
        config = ConfigText(_WATCHING)
    if kind in {2, 3}:
        name = config.name if isinstance(config, ConfigFile) else "gre_recon"
        text = (CONFIG / f"{name}.xml").read_text()
        config = ConfigText(text.replace(
            "<name>AssembleKSpace</name>",
            '<name>AssembleKSpace</name><property name="incomplete" value="reconstruct"/>',
        ))  # fmt: skip
    scan = [_copied(message) for message in _base(int(random.integers(len(_SCENES))))]
    return [config, *scan, Close()]


def _copied(message: Message) -> Message:
    return _copied_run(message) if isinstance(message, Acquisitions) else message


def _copied_run(run: Acquisitions) -> Acquisitions:
    return Acquisitions(run.header.copy(), run.data.copy(), run.trajectory.copy())


def one_of(random: Random, values: Sequence[T]) -> T:
    """Any of the values."""
    return values[int(random.integers(len(values)))]


def _header_number(stream: Stream, random: Random) -> None:
    """Another number in the MRD header."""
    at, text = _header_text(stream)
    numbers = [*re.finditer(r">([-+.\deE]+)<", text)]
    if numbers:
        spot = numbers[int(random.integers(len(numbers)))]
        value = str(one_of(random, NUMBERS))
        stream[at] = Header((text[: spot.start(1)] + value + text[spot.end(1) :]).encode())


def _header_element(stream: Stream, random: Random) -> None:
    """An element of the MRD header twice, or not at all."""
    at, text = _header_text(stream)
    elements = [*re.finditer(r"<(\w+)>[^<]*</\1>|<(\w+)>(?:(?!<\2>).)*?</\2>", text, re.DOTALL)]
    if elements:
        spot = elements[int(random.integers(len(elements)))]
        again = spot[0] * int(random.integers(0, 4))
        stream[at] = Header((text[: spot.start()] + again + text[spot.end() :]).encode())


def _header_text(stream: Stream) -> tuple[int, str]:
    at = next(n for n, message in enumerate(stream) if isinstance(message, Header))
    return at, as_a(Header, stream[at]).xml.decode(errors="replace")


def _line_field(stream: Stream, random: Random) -> None:
    """Another value in a field of some lines' headers."""
    header = _some_lines(stream, random)[0]
    names = [name for name in given(layout.ACQUISITION.names) if name not in _SHAPES]
    field = header[names[int(random.integers(len(names)))]]
    if field.dtype.names:
        field = field[str(one_of(random, field.dtype.names))]
    which = _which(len(header), random)
    values = FLOATS if field.dtype.kind == "f" else INTEGERS
    if field.ndim > 1 and random.random() < 0.5:
        field = field[:, int(random.integers(field.shape[1]))]
    field[which] = np.asarray(one_of(random, values)).astype(field.dtype)


_SHAPES = {"number_of_samples", "active_channels", "trajectory_dimensions"}


def _flag(stream: Stream, random: Random) -> None:
    """A flag of some lines turned."""
    header = _some_lines(stream, random)[0]
    header["flags"][_which(len(header), random)] ^= np.uint64(
        layout.flag(int(random.integers(1, 53)))
    )


def _sample(stream: Stream, random: Random) -> None:
    """Samples that are no measurements."""
    data = _some_lines(stream, random)[1]
    lines = np.flatnonzero(np.arange(len(data))[_which(len(data), random)] >= 0)
    where = (
        lines[:, None],
        int(random.integers(data.shape[1])),
        int(random.integers(data.shape[2])),
    )
    data[where] = np.complex64(one_of(random, FLOATS))


def _other_shape(stream: Stream, random: Random) -> None:
    """Some lines with other numbers of samples or channels, consistently."""
    at, run = _a_run(stream, random)
    cut = int(random.integers(len(run.header) + 1))
    n, channels, samples = run.data.shape
    channels = one_of(random, (0, 1, channels, channels + 1, 2 * channels))
    samples = one_of(random, (0, 1, 2, samples - 1, samples, samples + 1, 3 * samples))
    data = np.ones((n - cut, channels, samples), np.complex64)
    header = run.header[cut:].copy()
    header["active_channels"], header["number_of_samples"] = channels, samples
    if random.random() < 0.5:
        header["center_sample"] = samples // 2
    path = np.zeros((n - cut, samples, 0), np.float32)
    stream[at : at + 1] = [run.select(slice(cut)), Acquisitions(header, data, path)]


def _lines_lost(stream: Stream, random: Random) -> None:
    """Lines lost, sent twice or in another order."""
    at, run = _a_run(stream, random)
    order = np.arange(len(run.header))
    kind = int(random.integers(4))
    if kind == 0:
        order = order[random.random(len(order)) < random.random()]
    elif kind == 1:
        order = np.concatenate([order, order[_which(len(order), random)]])
    elif kind == 2:
        order = random.permutation(order)
    else:
        order = order[: int(random.integers(len(order) + 1))]
    stream[at] = run.select(order)


def _message(stream: Stream, random: Random) -> None:
    """A message lost, twice, elsewhere, or one that nobody waits for."""
    at = int(random.integers(len(stream)))
    kind = int(random.integers(3))
    if kind == 0:
        del stream[at]
    elif kind == 1:
        stream.insert(int(random.integers(len(stream) + 1)), stream[at])
    else:
        stream.insert(at, _unexpected(random))
    if not any(isinstance(message, Header) for message in stream):
        stream.insert(1, Header(b"<ismrmrdHeader/>"))
    if not any(isinstance(message, Acquisitions) for message in stream):
        stream.insert(-1, _base(0)[1])


def _unexpected(random: Random) -> Message:
    image = np.zeros(1, layout.IMAGE)
    image["matrix_size"], image["channels"], image["data_type"] = (2, 3, 1), 1, 5
    image["image_type"] = one_of(random, (0, 1, 2, 5, 6, 9))
    pixels = np.full((1, 1, 3, 2), one_of(random, FLOATS), np.float32)
    unexpected: list[Message] = [
        Image(image[0], pixels, {"EchoTime": (str(one_of(random, NUMBERS)),)}),
        Waveform(np.zeros(1, layout.WAVEFORM)[0], np.zeros((0, 0), np.uint32)),
        Bucket((), ()),
        Query("gadgetron::info", 7),
        Text("{" + '"parameters":{' * int(random.integers(1, 3000))),
        Text('{"parameters": {"%s": %s}}' % one_of(random, _PARAMETERS)),  # noqa: UP031
        Text('{"parameters": []}'),
    ]
    return unexpected[int(random.integers(7))]


_PARAMETERS = (
    ("incomplete", '"reconstruct"'), ("phase_sign", "-1"), ("shares", '"0.1"'),
    ("shares", '"nan inf"'), ("resolution_mm", "1e-300"), ("resolution_mm", "1e300"),
    ("hold_mib", "1e400"), ("x\\ud800", '"\\udfff"'), ("config", '"gre_qsm"'),
    ("config", '"\\u0000/../x"'), ("CompressCoils.channels", "1"), ("ridge", "0"),
    ("iterations", "50"), ("method", '"pocs"'), ("te_ms", "1e-320"), ("slab_mm", "1e-9"),
)  # fmt: skip


def _a_run(stream: Stream, random: Random) -> tuple[int, Acquisitions]:
    runs = [n for n, message in enumerate(stream) if isinstance(message, Acquisitions)]
    at = runs[int(random.integers(len(runs)))]
    return at, as_a(Acquisitions, stream[at])


def _some_lines(stream: Stream, random: Random) -> tuple[np.ndarray, np.ndarray]:
    """Headers and samples of a run that may be written."""
    at, run = _a_run(stream, random)
    if not len(run.header) or not run.data.size:
        run = as_a(Acquisitions, _base(0)[1])
    stream[at] = copy = _copied_run(run)
    return copy.header, copy.data


def _which(n: int, random: Random) -> slice:
    """One line, all, or those from some line on."""
    at = int(random.integers(n)) if n else 0
    return [slice(at, at + 1), slice(None), slice(at, None)][int(random.integers(3))]


def damaged_bytes(whole: bytes, random: Random) -> bytes:
    """Now and then a byte turned or the end cut off."""
    kind = int(random.integers(20))
    if kind == 0:
        return whole[: int(random.integers(len(whole)))]
    if kind == 1:
        at = int(random.integers(len(whole)))
        return whole[:at] + bytes([int(random.integers(256))]) + whole[at + 1 :]
    return whole


_HEADER = (_header_number, _header_number, _header_element)
_LINES = (_line_field, _line_field, _flag, _other_shape, _lines_lost, _message)
_KINDS: dict[str, tuple[Callable[[Stream, Random], None], ...]] = {
    "anything": (*_HEADER, _line_field, _line_field, _flag, _sample, *_LINES[3:]),
    "header": _HEADER,
    "samples": (_sample,),
    "lines": _LINES,
}
