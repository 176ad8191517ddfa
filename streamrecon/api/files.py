"""Volumes from files and into files: NIfTI, MRD, DICOM, and a contact sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from streamrecon import input_checks as checks
from streamrecon.errors import ConfigError
from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.mrd.files.open_scan import first_header, open_scan
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Image
from streamrecon.output.formats import ScanResults, write_harvest
from streamrecon.output.stored_volumes import StoredVolume, volumes_at
from streamrecon.output.volumes import in_unit_of, pixels_of

__all__ = ["read", "volume", "write"]

_MRD = (".h5", ".mrd")
_GROWS = PhaseSign(1, SignOrigin.GIVEN)


def read(
    path: str | Path, *, quantity: Quantity | str | None = None, b0_t: float | None = None
) -> tuple[Volume, ...]:
    """Volumes of a file, or of a folder of results.

    NIfTI with the JSON beside it, MRD images (``.h5``, ``.mrd``) or DICOM (``.dcm``). In a folder
    that has several of them NIfTI comes first, then MRD, then DICOM.

    Parameters
    ----------
    path
        File or folder.
    quantity
        What the numbers are, where the files do not say it in our words.
    b0_t
        Static field [T], where they do not say it.

    Returns
    -------
    tuple of Volume
        ``values`` [Z, Y, X] in ``quantity.unit``, converted from the unit that stands beside them.

    Raises
    ------
    ConfigError
        If quantity or field is neither in the files nor given, or what is given contradicts them,
        or there is nothing to read.
    DataError, ProtocolError
        If a file cannot be read, or its unit is none of the quantity.
    """
    place = Path(path)
    if place.suffix in _MRD:
        messages = open_scan(place)
        header = first_header(messages)
        images = [message for message in messages if isinstance(message, Image)]
        return ScanResults(header.xml, images).volumes
    stored = volumes_at(place)
    te_s = tuple(sorted({each.te_s for each in stored if each.te_s is not None}))
    kind = None if quantity is None else quantity_of(quantity)
    return tuple(_volume(each, te_s, kind, b0_t) for each in stored)


def write(
    volumes: Volume | Iterable[Volume],
    folder: str | Path,
    formats: Sequence[str] = ("nifti",),
) -> list[Path]:
    """Write volumes of one scan into a folder; give the paths.

    Parameters
    ----------
    volumes
        As `reconstruct`, `read` or `volume` give them.
    folder
        Made where it is not there; files of the same names are replaced.
    formats
        ``nifti`` (BIDS names, with JSON), ``png`` (a contact sheet), ``mrd``, ``dicom``.

    Raises
    ------
    ConfigError
        If a format is another one, or there is no volume.
    """
    listed = [volumes] if isinstance(volumes, Volume) else list(volumes)
    if not listed:
        raise ConfigError("write: found no volume, needed at least one")
    protocol, series = listed[0].scan.protocol, ImageSeries()
    if "mrd" in formats and not protocol.ids.header_xml:
        raise ConfigError("mrd: found volumes without an MRD header, needed those of an MRD scan")
    images = [image for each in listed for image in series.images(each)]
    results = ScanResults(protocol.ids.header_xml, images, known=protocol)
    return write_harvest(results, Path(folder), formats)


def volume(
    values: ArrayLike,
    geometry: Geometry,
    quantity: Quantity | str,
    *,
    b0_t: float,
    te_s: float | None = None,
    comments: Sequence[str] = (),
) -> Volume:
    """An array as a volume that can be written.

    Parameters
    ----------
    values
        [Z, Y, X], in ``quantity.unit``; truth values for masks.
    geometry
        Their grid.
    quantity
        What the numbers are, as `Quantity` or its word (``"chi"``).
    b0_t
        Static field [T].
    te_s
        Echo time of an echo's image [s]; ``None`` for a map of all echoes.
    comments
        What a reader must know, each a short sentence.

    Raises
    ------
    ConfigError, DataError
        If field, time, type or shape cannot be meant.
    """
    array = np.asarray(values)
    if array.dtype == np.bool_:
        array = array.astype(np.float32)
    if not np.iscomplexobj(array):
        array = checks.real_array("values", array, geometry.shape)
    kind = quantity_of(quantity)
    if kind.unit == "ppm":
        checks.ppm_of("values", np.nan_to_num(array), geometry.shape)
    times = () if te_s is None else checks.echo_times_s([te_s], echoes=1)
    return Volume(
        pixels_of(array),
        geometry,
        kind,
        bare_scan(geometry, times, checks.field_t(b0_t), _GROWS),
        echo=None if te_s is None else 0,
        comments=tuple(comments),
    )


def quantity_of(word: Quantity | str) -> Quantity:
    """A quantity by itself or by its word.

    >>> quantity_of("chi").unit
    'ppm'

    Raises
    ------
    ConfigError
        If there is none of that word.
    """
    known = {each.label: each for each in Quantity}
    if isinstance(word, Quantity):
        return word
    if word not in known:
        raise ConfigError(f"quantity: found {word!r}, needed one of {', '.join(known)}")
    return known[word]


def _volume(
    stored: StoredVolume, te_s: tuple[float, ...], quantity: Quantity | None, b0_t: float | None
) -> Volume:
    kind = quantity or stored.quantity
    field = b0_t if b0_t is not None else stored.b0_t
    if kind is None:
        raise ConfigError(f"{stored.name}: found no quantity beside it, needed quantity=…")
    if stored.quantity not in {None, kind}:
        raise ConfigError(
            f"{stored.name}: found {stored.quantity.label} beside it, given {kind.label}"
        )
    if field is None:
        raise ConfigError(f"{stored.name}: found no field strength beside it, needed b0_t=…")
    if stored.b0_t is not None and not checks.is_same_field(stored.b0_t, field):
        raise ConfigError(f"{stored.name}: found {stored.b0_t:g} T beside it, given {field:g} T")
    values = in_unit_of(kind, stored.values, stored.unit, stored.name)
    comment = stored.facts.get("ImageComments", "")
    return Volume(
        pixels_of(values),
        stored.geometry,
        kind,
        bare_scan(stored.geometry, te_s, checks.field_t(field), _sign(stored)),
        echo=None if stored.te_s is None else te_s.index(stored.te_s),
        comments=(comment,) if comment else (),
    )


def _sign(stored: StoredVolume) -> PhaseSign:
    """The sign that was taken off, as the sidecar says it."""
    text, origin = stored.facts.get("PhaseSign"), stored.facts.get("PhaseSignOrigin")
    known = {each.value: each for each in SignOrigin}
    if text not in ("1", "-1") or origin not in known:
        return PhaseSign(1, SignOrigin.ASSUMED)
    return PhaseSign(int(text), known[origin])
