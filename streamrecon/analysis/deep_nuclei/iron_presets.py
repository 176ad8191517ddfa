"""Questions that are asked of the deep nuclei: which are needed, and what must be read beside."""

from __future__ import annotations

from dataclasses import dataclass

from streamrecon.analysis.deep_nuclei.nuclei import Nucleus


@dataclass(frozen=True, slots=True, kw_only=True)
class IronPreset:
    """One question.

    Parameters
    ----------
    nuclei
        Without these the reading is flagged.
    warnings
        Sentences that stand with every reading of it.
    names_iron
        Whether χ may be turned into iron.
    thickest_mm
        Voxels with a longer side are flagged.
    """

    nuclei: tuple[Nucleus, ...]
    warnings: tuple[str, ...]
    names_iron: bool = True
    thickest_mm: float = float("inf")


PRESETS: dict[str, IronPreset] = {
    "general": IronPreset(nuclei=(), warnings=()),
    "nbia": IronPreset(
        nuclei=(Nucleus.PALLIDUM, Nucleus.NIGRA),
        warnings=(
            "the middle of the pallidum may hold less iron than its rim: read p5 and p95 too",
            "calcification of the pallidum, which grows with age, lowers its mean",
        ),
    ),
    "parkinson": IronPreset(
        nuclei=(Nucleus.NIGRA, Nucleus.RED),
        warnings=(
            "the nigra scatters about twice as much between scans as other nuclei",
            "its compact part is not told from the rest unless it has a label of its own",
        ),
        thickest_mm=1.0,
    ),
    "wilson": IronPreset(
        nuclei=(
            Nucleus.PUTAMEN,
            Nucleus.PALLIDUM,
            Nucleus.CAUDATE,
            Nucleus.THALAMUS,
            Nucleus.NIGRA,
            Nucleus.RED,
            Nucleus.DENTATE,
        ),
        warnings=(
            "copper is not iron: no iron is estimated, what is raised is paramagnetic metal",
            "atrophy raises the mean of what is left: read the moment too",
        ),
        names_iron=False,
    ),
}
"""Every preset by its name."""
