"""Connections with physiology, buckets and grids of lines, damaged in values or bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from chains import CONFIG
from mutated_scans import (
    FLOATS,
    INTEGERS,
    Random,
    Stream,
    damaged_bytes,
    one_of,
    scan_with_waveforms,
)
from narrowing import given
from wire_samples import image_array, recon_buffer

from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    Close,
    ConfigFile,
    ConfigText,
    Message,
    ReconData,
    Waveform,
)
from streamrecon.mrd.wire.writer import encode

_CHAINS = ("gre_recon", "gre_qsm", "gre_preview", "default", "Generic_Cartesian_Grappa")
_WRITERS = "".join(
    f"<writer><dll/><classname>{name}</classname></writer>"
    for name in ("AcquisitionBucketWriter", "WaveformWriter", "ReconDataWriter", "ImageWriter")
)
_COUNTS = (0, 1, 2, 3, 255, 2**16 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1)


def mutated_others(seed: int) -> bytes:
    """The bytes of one connection, config first, damaged as the seed says."""
    random = np.random.default_rng(seed)
    stream = scan_with_waveforms()
    for _ in range(int(random.integers(1, 4))):
        made = _MADE[int(random.integers(len(_MADE)))](stream, random)
        stream.insert(int(random.integers(1, len(stream) + 1)), made)
    whole = b"".join(map(_bytes_of, [_config(random), stream[0]]))
    for message in stream[1:]:
        is_other = not isinstance(message, Acquisitions)
        whole += _spoiled(_bytes_of(message), random) if is_other else _bytes_of(message)
    return damaged_bytes(whole + _bytes_of(Close()), random)


def claiming_connection(seed: int) -> bytes:
    """A connection whose last message claims more than comes: at most 4 kB of it are sent."""
    random = np.random.default_rng(seed)
    stream = scan_with_waveforms()
    body = bytearray(_bytes_of(_MADE[int(random.integers(len(_MADE)))](stream, random))[:4096])
    for _ in range(int(random.integers(1, 4))):
        width = one_of(random, (2, 4, 8))
        at = 2 + int(random.integers(max(1, min(len(body), 300) - width)))
        count = one_of(random, (2**15, 2**24, 2**27, 2**28, 2**31, 2**40)) % (1 << 8 * width)
        body[at : at + width] = count.to_bytes(width, "little")
    some = [message for message in stream[:3] if random.random() < 0.5 or message is stream[0]]
    return b"".join(map(_bytes_of, [_config(random), *some])) + bytes(body)


def _bytes_of(message: Message) -> bytes:
    return b"".join(map(bytes, encode(message)))


def _config(random: Random) -> ConfigFile | ConfigText:
    name = str(one_of(random, _CHAINS))
    if random.random() < 0.5:
        return ConfigFile(name)
    text = (CONFIG / f"{name}.xml").read_text()
    return ConfigText(text.replace("<writers>", f"<writers>{_WRITERS}"))


def _waveform(stream: Stream, random: Random) -> Message:
    """Physiology with another value in a field, or another number of channels and samples."""
    header = next(m for m in stream if isinstance(m, Waveform)).header.copy()
    names = [name for name in given(layout.WAVEFORM.names) if name not in {"channels", _N}]
    name = names[int(random.integers(len(names)))]
    kind = layout.WAVEFORM[name]
    value = one_of(random, FLOATS if kind.kind == "f" else INTEGERS)
    header[name] = np.asarray(value).astype(kind)
    shape = (one_of(random, (0, 1, 4, 5)), one_of(random, (0, 1, 7, 65535)))
    return Waveform(header, random.integers(0, 2**32, shape).astype(np.uint32))


_N = "number_of_samples"


def _bucket(stream: Stream, random: Random) -> Message:
    """Lines of the scan in a bucket: some of them, of one shape or of two, with physiology."""
    runs = [message for message in stream if isinstance(message, Acquisitions)]
    run = runs[int(random.integers(len(runs)))]
    some = run.select(slice(int(random.integers(len(run) + 1)), None))
    waveforms = tuple(message for message in stream if isinstance(message, Waveform))
    n = int(random.integers(0, 3))
    return Bucket((some,), (runs[0],)[: int(random.integers(2))], waveforms[:n])


def _grid(_: Stream, random: Random) -> Message:
    """Lines on a grid."""
    calibration = recon_buffer(full=True) if random.random() < 0.5 else None
    return ReconData(((recon_buffer(full=bool(random.integers(2))), calibration),))


def _images(_: Stream, random: Random) -> Message:
    return image_array(full=bool(random.integers(2)))


_MADE: tuple[Callable[[Stream, Random], Message], ...] = (
    _waveform, _waveform, _bucket, _bucket, _grid, _images,
)  # fmt: skip


def _spoiled(whole: bytes, random: Random) -> bytes:
    """Now and then a number among the first bytes, where counts and sizes stand, is another one."""
    if random.random() < 0.4:
        return whole
    spoiled = bytearray(whole)
    width = one_of(random, (2, 4, 8))
    at = 2 + width * int(random.integers(max(1, min(len(whole), 600) // width)))
    count = one_of(random, _COUNTS) % (1 << 8 * width)
    spoiled[at : at + width] = count.to_bytes(width, "little")
    return bytes(spoiled[: len(whole)])
