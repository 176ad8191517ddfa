"""Finds the centre of lines whose header leaves it at 0, the default of a library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions

_NOT_LINES = np.uint64(layout.NOISE | layout.NAVIGATION)
_REVERSE = np.uint64(layout.REVERSE)


def centred(lines: Acquisitions, n_encoded: int) -> tuple[Acquisitions, int]:
    """Lines with their centre in the middle where it is said to be the first sample; how many.

    A line as long as the grid cannot begin at the centre of k-space: its second half would lie
    beyond the grid. Half as long ones may, and stay as they are (`begin_at_centre`); what lies
    between is refused where lines are admitted. Samples are discarded in the order of time, the
    centre counts in the order of k.

    Parameters
    ----------
    lines
        As they came; not modified.
    n_encoded
        Samples of the encoded grid along X.
    """
    header = lines.header
    first = _first_is_centre(lines) if n_encoded > 1 else np.zeros(len(lines), bool)
    if not first.any():
        return lines, 0
    before, after = (header[name].astype(np.int64) for name in ("discard_pre", "discard_post"))
    kept = header["number_of_samples"].astype(np.int64) - before - after
    meant = first & (kept >= n_encoded)
    if not meant.any():
        return lines, 0
    changed = header.copy()
    skipped = np.where((header["flags"] & _REVERSE) != 0, after, before)
    changed["center_sample"][meant] = (kept // 2 + skipped)[meant]
    return Acquisitions(changed, lines.data, lines.trajectory), int(meant.sum())


def begin_at_centre(lines: Acquisitions, n_encoded: int) -> bool:
    """Whether lines are half echoes by their header, or by a default that nobody set.

    No header tells the one from the other; a reader must know.
    """
    first = _first_is_centre(lines)
    return n_encoded > 1 and bool((first & (lines.header["number_of_samples"] < n_encoded)).any())


def _first_is_centre(lines: Acquisitions) -> NDArray[np.bool_]:
    first = lines.header["center_sample"] == 0
    return np.asarray(first & ((lines.header["flags"] & _NOT_LINES) == 0), np.bool_)
