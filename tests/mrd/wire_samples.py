"""One message of each kind with awkward values, and what makes two messages the same."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from narrowing import as_a, given

from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE, NOISE, PIXELS, REVERSE, WAVEFORM
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    Close,
    ConfigFile,
    ConfigText,
    Dependency,
    DicomFile,
    Header,
    Image,
    ImageArray,
    Message,
    Meta,
    Query,
    ReconBuffer,
    ReconData,
    RemoteFailure,
    Response,
    SamplingDescription,
    Text,
    Waveform,
)
from streamrecon.mrd.wire.writer import encode


def bytes_of(*messages: Message, dialect: Dialect = Dialect.GADGETRON) -> bytes:
    """Messages as they are written."""
    return b"".join(bytes(piece) for message in messages for piece in encode(message, dialect))


def random_heads(rng: np.random.Generator, n: int, dtype: np.dtype) -> np.ndarray:
    """Structures in which every field holds something."""
    headers = np.zeros(n, dtype)
    for name in given(dtype.names):
        field = headers[name]
        if field.dtype.names:
            field[:] = random_heads(rng, n, field.dtype)
        elif field.dtype.kind == "f":
            field[:] = rng.standard_normal(field.shape).astype(np.float32)
        else:
            field[:] = rng.integers(0, 100, field.shape)
    return headers


def lines(
    n: int = 3,
    channels: int = 2,
    samples: int = 5,
    dimensions: int = 0,
    *,
    flags: int = 0,
    seed: int = 0,
) -> Acquisitions:
    rng = np.random.default_rng(seed)
    header = random_heads(rng, n, ACQUISITION)
    header["number_of_samples"] = samples
    header["active_channels"] = channels
    header["trajectory_dimensions"] = dimensions
    header["flags"] = flags
    shape = (n, channels, samples)
    data = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    path = rng.standard_normal((n, samples, dimensions))
    return Acquisitions(header, data.astype(np.complex64), path.astype(np.float32))


def image(
    kind: int = 5, shape: tuple[int, ...] = (1, 2, 3, 5), meta: Meta | None = None, seed: int = 0
) -> Image:
    rng = np.random.default_rng(seed)
    header = random_heads(rng, 1, IMAGE)[0]
    header["data_type"] = kind
    header["channels"], header["matrix_size"] = shape[0], shape[:0:-1]
    values = rng.integers(-100, 100, shape) + 1j * rng.integers(-9, 9, shape)
    values = values if PIXELS[kind].kind == "c" else np.abs(values.real)
    return Image(header, values.astype(PIXELS[kind]), meta or {})


def waveform(channels: int = 2, samples: int = 7) -> Waveform:
    rng = np.random.default_rng(1)
    header = random_heads(rng, 1, WAVEFORM)[0]
    header["channels"], header["number_of_samples"] = channels, samples
    return Waveform(header, rng.integers(0, 2**32, (channels, samples)).astype(np.uint32))


def recon_buffer(*, full: bool) -> ReconBuffer:
    rng = np.random.default_rng(2)
    shape = (4, 3, 2, 2, 1, 1, 1)
    data = np.asfortranarray(rng.standard_normal(shape).astype(np.complex64))
    header = random_heads(rng, 6, ACQUISITION).reshape((3, 2, 1, 1, 1), order="F")
    grid = SamplingDescription(
        (300.0, 250.0, 90.0), (150.0, 250.0, 90.0), (8, 3, 2), (4, 3, 2),
        ((0, 4, 7), (0, 1, 2), (0, 1, 1)),
    )  # fmt: skip
    path = rng.standard_normal((2, *shape[:3], *shape[4:])).astype(np.float32)
    density = rng.standard_normal((*shape[:3], *shape[4:])).astype(np.float32)
    return ReconBuffer(data, header, grid, path if full else None, density if full else None)


def image_array(*, full: bool) -> ImageArray:
    rng = np.random.default_rng(3)
    data = rng.standard_normal((4, 3, 2, 1, 2, 1, 2)).astype(np.complex64)
    header = random_heads(rng, 4, IMAGE).reshape((2, 1, 2), order="F")
    acquisitions = random_heads(rng, 24, ACQUISITION).reshape((3, 2, 2, 1, 2), order="F")
    metas: tuple[Meta, ...] = ({"a": ("1", "é")}, {}, {"b": ("",)}, {"χ": ("<&>",)})
    return ImageArray(
        data, header, metas, (waveform(), waveform(1, 1)) if full else None,
        acquisitions if full else None,
    )  # fmt: skip


META = {"GADGETRON_DataRole": ("Image", "größer"), "χ": ("-0.1 & <b>",), "empty": ("",)}

EVERYTHING: dict[str, Message] = {
    "config file": ConfigFile("gre_recon.xml"),
    "config text": ConfigText("<configuration>é</configuration>"),
    "header": Header('<?xml version="1.0"?>\n<ismrmrdHeader>µ</ismrmrdHeader>\n'.encode()),
    "text": Text("WRN zwei Zeilen\nfür jeden"),
    "query": Query("gadgetron::info", 7),
    "response": Response("-- Version : 1 µ", 2**63),
    "error": RemoteFailure("ERR [data] größer"),
    "noise line": lines(1, 3, 9, flags=NOISE),
    "lines": lines(4, flags=REVERSE),
    "lines with trajectory": lines(3, 2, 6, 3),
    "long lines": lines(2, 8, 300, 2),
    "waveform": waveform(),
    "image": image(7, meta=META),
    "bare image": image(2, (3, 1, 2, 1)),
    "DICOM": DicomFile(bytes(range(256)), "größe.dcm", {"a": ("b",)}),
    "dependency": Dependency({"status": ("success",), "channels": ("8",)}),
    "recon data": ReconData(
        ((recon_buffer(full=True), recon_buffer(full=False)), (recon_buffer(full=False), None))
    ),
    "image array": image_array(full=True),
    "bare image array": image_array(full=False),
    "bucket": Bucket((lines(2), lines(3, 1, 4, 2)), (lines(1, seed=4),), (waveform(),)),
    "empty bucket": Bucket((), ()),
    "close": Close(),
}


def assert_same(found: Any, wanted: Any, where: str = "message") -> None:
    """Equal in type, shape, dtype and every bit of every value."""
    if isinstance(wanted, np.ndarray | np.void):
        assert found.dtype == wanted.dtype, where
        assert found.shape == wanted.shape, where
        if wanted.dtype.names:
            for name in wanted.dtype.names:
                assert np.array_equal(found[name], wanted[name]), f"{where}.{name}"
        else:
            assert np.array_equal(found, wanted), where
    elif dataclasses.is_dataclass(wanted):
        assert type(found) is type(wanted), where
        for field in dataclasses.fields(wanted):
            name = field.name
            assert_same(getattr(found, name), getattr(wanted, name), f"{where}.{name}")
    elif isinstance(wanted, tuple):
        assert len(found) == len(wanted), where
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            assert_same(a, b, f"{where}[{i}]")
    else:
        assert found == wanted, where


def with_data_written(message: Message, found: Message) -> Message:
    """``message`` with the fields that a writer fills in (the length of an image's meta)."""
    if isinstance(message, Image):
        header = message.header.copy()
        header["attribute_string_len"] = as_a(Image, found).header["attribute_string_len"]
        return Image(header, message.data, message.meta)
    return message


def unjoined(messages: list[Message]) -> list[Message]:
    """Messages with every run of lines taken apart: how lines are joined means nothing."""
    single: list[Message] = []
    for message in messages:
        single += message.lines() if isinstance(message, Acquisitions) else [message]
    return single
