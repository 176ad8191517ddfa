r"""Iron of a deep nucleus from its susceptibility: an estimate with its range.

.. math:: [\text{Fe}] = (\chi - \chi_0) / k

k is 1.10 ± 0.08 ppb per µg of iron in a gram of tissue (X-ray fluorescence and mass spectrometry
against χ); other work has 0.89, and the theory of ferritin at 37 °C 1.35: so the range is that of
0.89 … 1.35. χ₀ is tissue without iron on the same zero, which nobody has measured in a patient: it
is 0 here and may be given. Not in white matter, where myelin hides iron (r = 0.27 against
chemistry, 0.84 in grey matter); not where copper, calcium, gadolinium or blood may be: they count
as iron.

References
----------
Zheng et al. (2013) NeuroImage 78:68. doi:10.1016/j.neuroimage.2013.04.022
Langkammer et al. (2012) NeuroImage 62:1593. doi:10.1016/j.neuroimage.2012.05.049
"""

from __future__ import annotations

from dataclasses import dataclass

from streamrecon.analysis.deep_nuclei.nuclei import place_of

PPB_PER_UG_PER_G = 1.10
"""k [ppb per µg/g]."""

PPB_PER_UG_PER_G_RANGE = (0.89, 1.35)
"""Smallest and largest k in use [ppb per µg/g]."""

DOIS = ("10.1016/j.neuroimage.2013.04.022", "10.1016/j.neuroimage.2012.05.049")


@dataclass(frozen=True, slots=True)
class IronConcentration:
    """Iron of a region [µg/g wet tissue].

    ``lowest`` and ``highest`` are those of the other factors k; ``sigma`` is by noise alone and
    smaller.
    """

    ug_per_g: float
    lowest: float
    highest: float
    sigma: float | None


def iron_concentration(
    region: str, chi_ppb: float, *, sigma_ppb: float | None = None, chi_0_ppb: float = 0.0
) -> IronConcentration | None:
    """Iron estimate of a deep nucleus; ``None`` of other tissue, and where χ is not above χ₀.

    >>> iron = iron_concentration("left pallidum", 110.0, sigma_ppb=1.1)
    >>> round(iron.ug_per_g), round(iron.lowest), round(iron.highest), round(iron.sigma, 3)
    (100, 81, 124, 1.0)
    >>> iron_concentration("corpus callosum", 110.0) is None
    True
    """
    above_ppb = chi_ppb - chi_0_ppb
    if place_of(region).nucleus is None or above_ppb <= 0:
        return None
    smallest, largest = PPB_PER_UG_PER_G_RANGE
    return IronConcentration(
        ug_per_g=above_ppb / PPB_PER_UG_PER_G,
        lowest=above_ppb / largest,
        highest=above_ppb / smallest,
        sigma=None if sigma_ppb is None else sigma_ppb / PPB_PER_UG_PER_G,
    )
