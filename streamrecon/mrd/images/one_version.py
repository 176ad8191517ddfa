"""Chooses among images of one echo that were sent with and without a correction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from streamrecon.errors import DataError
from streamrecon.mrd.images.volumes_from_images import PARTS, label_of
from streamrecon.mrd.wire.messages import Image

_DISTORTION = frozenset({"DIS", "DIS2D", "DIS3D"})
_INTENSITY = frozenset({"NORM", "FIL"})
_MADE_OF_ECHOES = frozenset({"SWI", "MNIP", "MINIP", "MIP", "PROJECTION"})
Words = frozenset[str]


def no_derived(
    images: Sequence[Image], words: Sequence[Words]
) -> tuple[list[Image], list[Words], tuple[str, ...]]:
    """Images that are echoes, their words, and what was left out: SWI, say, calls itself magnitude.

    >>> no_derived([], [])
    ([], [], ())
    """
    kept = [
        number
        for number, (image, of_it) in enumerate(zip(images, words, strict=True))
        if label_of(image) in PARTS and not of_it & _MADE_OF_ECHOES
    ]
    out = sorted({word for each in words for word in each & _MADE_OF_ECHOES})
    count = len(images) - len(kept)
    comments = (f"images: {count} left out, made of echoes: {', '.join(out)}",) if out else ()
    return [images[n] for n in kept], [words[n] for n in kept], comments


def of_series(images: Sequence[Image], series: Collection[int]) -> list[Image]:
    """Images of those series; all where none are named.

    Raises
    ------
    DataError
        If one of them did not come.
    """
    found = sorted({int(image.header["image_series_index"]) for image in images})
    missing = sorted(set(series) - set(found))
    if missing:
        raise DataError(f"images: found the series {found}, needed {missing} of them")
    return [
        image for image in images if not series or int(image.header["image_series_index"]) in series
    ]


def one_version(
    images: Sequence[Image], words: Sequence[Words], *, corrected: bool
) -> tuple[list[Image], tuple[str, ...]]:
    """Images of one version, and what was chosen.

    Siemens sends images before and after the correction of distortions (ND; DIS2D, DIS3D), and
    before and after that of intensities (NORM) as series of their own. Correcting distortions
    interpolates wrapped phase, so that QSM wants neither; all parts have the same distortion.

    Parameters
    ----------
    images, words
        Images, and the words of each one's ImageType.
    corrected
        Whether the corrected ones are wanted where both came.

    Raises
    ------
    DataError
        If no version has all parts.
    """
    parts = [label_of(image) for image in images]
    places = _versions(parts, words, _DISTORTION)
    common = set.intersection(*places.values()) if places else set()
    if places and not common:
        found = "; ".join(f"{part} {_named(each)}" for part, each in places.items())
        raise DataError(f"images: found {found}, needed one correction of distortions in all parts")
    place = _pick(common, corrected=corrected) if common else frozenset()
    kept = [n for n, of_it in enumerate(words) if of_it & _DISTORTION == place]
    levels = _versions([parts[n] for n in kept], [words[n] for n in kept], _INTENSITY)
    picks = {part: _pick(each, corrected=corrected) for part, each in levels.items()}
    kept = [n for n in kept if words[n] & _INTENSITY == picks[parts[n]]]
    comments = [
        f"images: {part} came {_named(each)}: taken {_named({each_pick})}"
        for part, each, each_pick in (
            *((part, each, place) for part, each in places.items()),
            *((part, each, picks[part]) for part, each in levels.items()),
        )
        if len(each) > 1
    ]
    return [images[n] for n in kept], tuple(comments)


def _versions(
    parts: Sequence[str], words: Sequence[Words], corrections: Words
) -> dict[str, set[Words]]:
    """Of each part, the corrections that its images came with."""
    found: dict[str, set[Words]] = {}
    for part, of_it in zip(parts, words, strict=True):
        found.setdefault(part, set()).add(of_it & corrections)
    return found


def _pick(versions: set[Words], *, corrected: bool) -> Words:
    ordered = sorted(versions, key=lambda each: (len(each), sorted(each)))
    return ordered[-1 if corrected else 0]


def _named(versions: set[Words]) -> str:
    texts = ("with " + "+".join(sorted(each)) if each else "uncorrected" for each in versions)
    return " and ".join(sorted(texts))
