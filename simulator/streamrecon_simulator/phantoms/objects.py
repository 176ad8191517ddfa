"""What can be scanned: shapes of closed forms, or a head on voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.phantoms.phantom import Phantom, Properties, properties_at
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.sampling import head_at, head_in_cells

Scanned = Phantom | WholeHead


def object_at(
    scanned: Scanned,
    points_mm: NDArray[np.float64],
    *,
    edges_mm: NDArray[np.float64] | None = None,
    field_everywhere: bool = False,
) -> Properties:
    """Tissue and field at the points (L, P, S) [3, ...].

    ``edges_mm`` are those of cells around them [3, 3], a column each: of a head that is a mean over
    places in those, of closed forms the point. ``field_everywhere`` makes closed forms work out the
    field also where there is no signal.
    """
    match scanned:
        case Phantom():
            return properties_at(scanned, points_mm, field_everywhere=field_everywhere)
        case WholeHead() if edges_mm is None:
            return head_at(scanned, points_mm)
        case WholeHead():
            return head_in_cells(scanned, points_mm, edges_mm)
