"""Refuses phase that a scanner has filtered for its SWI: the field is no longer in it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from streamrecon.errors import DataError
from streamrecon.mrd.images.volumes_from_images import label_of
from streamrecon.mrd.wire.messages import Image

_DESCRIPTIONS = ("SeriesDescription", "SequenceDescription")
_OF_SWI = "pha_images"  # Siemens' name of the high-pass filtered phase beside Mag_ and SWI_Images


def refuse_filtered(images: Iterable[Image]) -> None:
    """Refuse phase images that a series of SWI's filtered phase has.

    They are known by their description alone: numbers do not tell them from a good shim. Phase
    that a site has filtered under another name passes, and its map is wrong.

    Raises
    ------
    DataError
        With the name by which one is known.
    """
    for image in images:
        named = chain.from_iterable(image.meta.get(name, ()) for name in _DESCRIPTIONS)
        found = next((text for text in named if _OF_SWI in text.lower()), None)
        if found is not None and label_of(image) == "phase":
            raise DataError(
                f"images: found phase of the series {found!r}, which SWI has filtered; needed the"
                " unfiltered phase of a plain GRE sequence"
            )
