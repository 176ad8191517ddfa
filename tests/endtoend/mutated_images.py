"""Connections of a client that sends images, damaged in one or two places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
from answers_in_process import answer_in_process, connection
from mutated_scans import FLOATS, INTEGERS, NUMBERS, damaged_bytes, one_of, small_scan
from narrowing import as_a, given

from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Header, Image, Message

CHAIN = """<configuration><version>2</version><stream>
<gadget><name>AssembleImages</name></gadget><gadget><name>EchoImages</name></gadget>
</stream></configuration>"""

Random = np.random.Generator
Stream = list[Message]


@cache
def small_images() -> tuple[Message, ...]:
    """The header, and magnitude and phase of every echo, as the service itself gives them."""
    header, *lines = small_scan()
    images = answer_in_process(connection("gre_recon", header, *lines)).images
    return (header, *images)


def mutated_images(seed: int) -> bytes:
    """The bytes of one connection, config first, damaged as the seed says."""
    random = np.random.default_rng(seed)
    stream = list(small_images())
    for _ in range(int(random.integers(1, 3))):
        kind = _KINDS[int(random.integers(len(_KINDS)))]
        kind(stream, random)
    return damaged_bytes(connection(CHAIN, *stream), random)


def _header_field(stream: Stream, random: Random) -> None:
    """Another value in a field of one image's header, or of all."""
    names = [name for name in given(layout.IMAGE.names) if name not in _SHAPES]
    name = names[int(random.integers(len(names)))]
    kind = layout.IMAGE[name].base.kind
    value = one_of(random, FLOATS if kind == "f" else INTEGERS)
    for at in _some(stream, random):
        image = as_a(Image, stream[at])
        header = image.header.copy()
        header[name] = np.asarray(value).astype(layout.IMAGE[name].base)
        stream[at] = replace(image, header=header)


_SHAPES = {"data_type", "matrix_size", "channels", "attribute_string_len"}


def _meta(stream: Stream, random: Random) -> None:
    """Another value in the meta, or none."""
    for at in _some(stream, random):
        image = as_a(Image, stream[at])
        meta = dict(image.meta)
        keys = sorted(meta)
        if keys:
            key = keys[int(random.integers(len(keys)))]
            meta[key] = tuple(str(one_of(random, NUMBERS)) for _ in range(random.integers(0, 3)))
            if random.random() < 0.3:
                del meta[key]
        stream[at] = replace(image, meta=meta)


def _pixels(stream: Stream, random: Random) -> None:
    """Pixels that are no numbers, of another type or another number."""
    for at in _some(stream, random):
        image = as_a(Image, stream[at])
        data = image.data.copy()
        kind = int(random.integers(4))
        if kind == 0 and data.dtype.kind in "fc":
            data[..., : int(random.integers(1, data.shape[-1] + 1))] = one_of(random, FLOATS)
        elif kind == 1:
            data = data[..., : int(random.integers(0, data.shape[-1] + 1))]
        elif kind == 2:
            types = tuple(layout.PIXELS.values())
            with np.errstate(all="ignore"):
                data = np.abs(data).astype(one_of(random, types))
        else:
            data = np.concatenate([data] * int(random.integers(1, 3)), axis=int(random.integers(3)))
        stream[at] = replace(image, data=data)


def _images(stream: Stream, random: Random) -> None:
    """Images lost, sent twice or in another order."""
    for at in reversed(_some(stream, random)):
        if random.random() < 0.5:
            del stream[at]
        else:
            stream.insert(int(random.integers(1, len(stream) + 1)), stream[at])


def _some(stream: Stream, random: Random) -> list[int]:
    """Places of one image, or of all."""
    images = [at for at, message in enumerate(stream) if isinstance(message, Image)]
    if not images or random.random() < 0.4:
        return images
    return [images[int(random.integers(len(images)))]]


def _scan_header(stream: Stream, random: Random) -> None:
    """Another number in the MRD header."""
    text = as_a(Header, stream[0]).xml.decode()
    value = str(one_of(random, NUMBERS))
    old = str(one_of(random, ("<TE>11.0</TE>", "<x>14</x>", "<z>6</z>", "127732436")))
    new = value if old.isdigit() else old[: old.index(">") + 1] + value + old[old.index("</") :]
    stream[0] = Header(text.replace(old, new).encode())


_KINDS: tuple[Callable[[Stream, Random], None], ...] = (
    _header_field, _header_field, _meta, _meta, _pixels, _images, _scan_header,
)  # fmt: skip
