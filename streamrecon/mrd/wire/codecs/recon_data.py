"""Reads and writes lines on a grid, as Gadgetron gives them to external processes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.decode_fields import Reading, array, optional, vector
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece, array_pieces, optional_pieces, vector_pieces
from streamrecon.mrd.wire.layout import ACQUISITION
from streamrecon.mrd.wire.messages import Limits, ReconBuffer, ReconData, SamplingDescription

_SAMPLING = np.dtype(
    {
        "names": ["encoded_fov", "recon_fov", "encoded_matrix", "recon_matrix", "limits"],
        "formats": [("<f4", 3), ("<f4", 3), ("<u2", 3), ("<u2", 3), ("<u2", (3, 3))],
        "offsets": [0, 12, 24, 30, 36],
        "itemsize": 56,
    }
)
"""Sampling description, 56 bytes: two of them padding."""


def _read(limits: Limits) -> Reading[ReconData]:
    """Id 1023: one bit per encoding space."""

    def bit() -> Reading[tuple[ReconBuffer, ReconBuffer | None]]:
        imaging = yield from _read_buffer(limits)
        return imaging, (yield from optional(partial(_read_buffer, limits), "calibration"))

    return ReconData((yield from vector(bit, limits, "recon data")))


def _read_buffer(limits: Limits) -> Reading[ReconBuffer]:
    data = yield from array("<c8", limits, "recon buffer data")
    floats = partial(array, "<f4", limits)
    trajectory = yield from optional(partial(floats, "recon buffer trajectory"), "trajectory")
    density = yield from optional(partial(floats, "recon buffer density"), "density")
    header = yield from array(ACQUISITION, limits, "recon buffer headers")
    sampling = np.frombuffer((yield _SAMPLING.itemsize), _SAMPLING)[0]
    return ReconBuffer(data, header, _sampling(sampling), trajectory, density)  # type: ignore[arg-type]


def _sampling(raw: np.void) -> SamplingDescription:
    e0, e1, e2 = raw["limits"].tolist()
    return SamplingDescription(
        tuple(raw["encoded_fov"].tolist()),
        tuple(raw["recon_fov"].tolist()),
        tuple(raw["encoded_matrix"].tolist()),
        tuple(raw["recon_matrix"].tolist()),
        (tuple(e0), tuple(e1), tuple(e2)),
    )


def _write(message: ReconData, _: Dialect) -> Iterator[Piece]:
    """Body of id 1023."""

    def bit(pair: tuple[ReconBuffer, ReconBuffer | None]) -> Iterator[Piece]:
        yield from _write_buffer(pair[0])
        yield from optional_pieces(pair[1], _write_buffer)

    yield from vector_pieces(message.bits, bit)


def _write_buffer(buffer: ReconBuffer) -> Iterator[Piece]:
    yield from array_pieces(buffer.data.astype("<c8", copy=False))
    yield from optional_pieces(buffer.trajectory, _floats)
    yield from optional_pieces(buffer.density, _floats)
    yield from array_pieces(buffer.header.astype(ACQUISITION, copy=False))
    sampling = np.zeros(1, _SAMPLING)
    sampling["encoded_fov"] = buffer.sampling.encoded_fov_mm
    sampling["recon_fov"] = buffer.sampling.recon_fov_mm
    sampling["encoded_matrix"] = buffer.sampling.encoded_matrix
    sampling["recon_matrix"] = buffer.sampling.recon_matrix
    sampling["limits"] = buffer.sampling.limits
    yield sampling.tobytes()


def _floats(data: NDArray[np.float32]) -> Iterator[Piece]:
    yield from array_pieces(data.astype("<f4", copy=False))


RECON_DATA = Codec(1023, "RECON_DATA", ReconData, _read, _write, Turn.DATA)
