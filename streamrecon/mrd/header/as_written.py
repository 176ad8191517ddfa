"""Reads numbers of a header as they were meant: seconds for milliseconds, partitions of slices."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from streamrecon.model.scan import CounterRange, Encoding
from streamrecon.units import s_from_ms

_LONGEST_TE_S = 0.2  # of a gradient echo; as milliseconds it is too short for two echoes
_SHORTEST_TE_MS = 0.03  # of ultra-short echo times
_SHORTEST_TR_MS = 1.0  # no gradient echo comes sooner again


class Times(NamedTuple):
    """Echo times and repetition time [s], and which of them were taken for seconds."""

    te_s: tuple[float, ...]
    tr_s: float | None
    corrections: tuple[str, ...]


def times_as_meant(te_ms: tuple[float, ...], tr_ms: float | None) -> Times:
    """Times of a header, which counts in milliseconds; many write seconds.

    Two echoes within 0.2 ms are none, nor is one before 0.03 ms, nor a TR below 1 ms or before
    the last echo: such numbers are seconds. A single echo time of 0.03 to 0.2 without TR stays
    what it says: it may be an ultra-short one. Digits beyond those of float32 are cut: libraries
    write 10.3000002 for 10.3.

    >>> times_as_meant((0.005, 0.01), 0.028)[:2]
    ((0.005, 0.01), 0.028)
    >>> times_as_meant((5.0, 10.0), 28.0)
    Times(te_s=(0.005, 0.01), tr_s=0.028, corrections=())
    >>> times_as_meant((10.3000002,), None).te_s
    (0.0103,)
    """
    te_ms = tuple(map(_of_float32, te_ms))
    tr_ms = None if tr_ms is None else _of_float32(tr_ms)
    tr_is_s = tr_ms is not None and 0 < tr_ms < _SHORTEST_TR_MS
    te_is_s = (
        bool(te_ms)
        and min(te_ms) > 0
        and max(te_ms) < _LONGEST_TE_S
        and (len(te_ms) > 1 or max(te_ms) < _SHORTEST_TE_MS or tr_is_s)
    )
    te_s = te_ms if te_is_s else tuple(map(s_from_ms, te_ms))
    if tr_ms is not None and te_s and 0 < s_from_ms(tr_ms) < max(te_s) <= tr_ms:
        tr_is_s = True
    tr_s = tr_ms if tr_ms is None or tr_is_s else s_from_ms(tr_ms)
    in_seconds = [("TE", te_ms)] if te_is_s else []
    in_seconds += [("TR", (tr_ms,))] if tr_is_s and tr_ms is not None else []
    return Times(te_s, tr_s, tuple(_in_seconds(name, found) for name, found in in_seconds))


def _of_float32(value: float) -> float:
    return float(f"{value:.7g}")


def _in_seconds(name: str, found: tuple[float, ...]) -> str:
    numbers = ", ".join(f"{value:g}" for value in found)
    return f"sequenceParameters/{name}: found {numbers}, read as seconds, needed milliseconds"


def slices_as_meant(encoding: Encoding, *, limits_kz: bool) -> tuple[Encoding, tuple[str, ...]]:
    """An encoding whose partitions are none: one kz in the limits, one slice wanted.

    ``limits_kz`` says whether the header limits kz at all; where it does not, all partitions are
    to come.
    """
    n_z, wanted = encoding.encoded_shape[0], encoding.recon_shape[0]
    if n_z == 1 or wanted > 1 or not limits_kz or len(encoding.kz) > 1:
        return encoding, ()
    correction = (
        f"encodedSpace/matrixSize/z: found {n_z} with one kz and one partition wanted, read as 1"
    )
    meant = replace(
        encoding,
        encoded_shape=(1, *encoding.encoded_shape[1:]),
        encoded_fov_mm=(encoding.recon_fov_mm[0], *encoding.encoded_fov_mm[1:]),
        kz=CounterRange(),
    )
    return meant, (correction,)
