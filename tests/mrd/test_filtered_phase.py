"""Phase that SWI has filtered is refused by its name; magnitude and other phase pass."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.errors import DataError
from streamrecon.mrd.images.filtered_phase import refuse_filtered
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Image, Meta


def image(image_type: int, **meta: str) -> Image:
    header = np.zeros(1, IMAGE)[0]
    header["image_type"] = image_type
    named: Meta = {name: (text,) for name, text in meta.items()}
    return Image(header, np.zeros((1, 1, 3, 5), np.uint16), named)


@pytest.mark.parametrize("name", ["SeriesDescription", "SequenceDescription"])
def test_filtered_phase_is_refused_by_the_name_of_its_series(name: str) -> None:
    plain = image(2, SeriesDescription="gre_qsm_5echoes_Pha")

    with pytest.raises(DataError, match=r"'Pha_Images', which SWI has filtered; needed the unfil"):
        refuse_filtered([plain, image(2, **{name: "Pha_Images"})])


def test_magnitude_and_plain_phase_pass() -> None:
    refuse_filtered(
        [
            image(1, SequenceDescription="Pha_Images"),
            image(2, SequenceDescription="gre_Pha"),
            image(2),
        ]
    )
