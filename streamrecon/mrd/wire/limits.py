"""Limits what a peer may claim, with reasons, before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass

from streamrecon.errors import ProtocolError

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest sizes that the parser accepts; the defaults' reasons stand beside them."""

    text_bytes: int = MIB
    """Chain files, log lines, queries: kilobytes in practice."""
    header_bytes: int = 16 * MIB
    """MRD headers are kilobytes; those with an embedded vendor protocol reach megabytes."""
    meta_bytes: int = 4 * MIB
    """Image meta: kilobytes, with a scanner's base64 mini header some hundred kilobytes."""
    channels: int = 1024
    """Channels of a line: the channel mask of its header has 1,024 bits."""
    line_bytes: int = 64 * MIB
    """One line: 65,535 samples (the field's end) of 128 channels."""
    waveform_bytes: int = 16 * MIB
    """One waveform: 65,535 samples of 64 channels."""
    image_bytes: int = 2 * GIB
    """Pixels of one image: 640 cubed in complex64."""
    dicom_bytes: int = GIB
    """One DICOM file: a multi-frame of 512 x 512 x 1,000 in 32 bits."""
    array_bytes: int = 8 * GIB
    """One array of a Gadgetron composite: 256 cubed, 4 echoes, 16 coils."""
    items: int = 1_000_000
    """Elements of a counted list: lines of a bucket, metas of an image array."""
    session_bytes: int = 256 * GIB
    """All a peer may send: an hour of 32 channels at 80 MB/s."""

    def check(self, found: int, limit: str, what: str) -> int:
        """Return ``found`` if the limit of that name allows it.

        Raises
        ------
        ProtocolError
            If it does not.
        """
        most: int = getattr(self, limit)
        if found > most:
            raise ProtocolError(f"{what}: found {found}, needed at most {most} ({limit})")
        return found
