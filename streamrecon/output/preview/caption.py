"""The words over a scan's page: what was measured, and what a reader must know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from streamrecon.model.geometry import Geometry
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.output.font_letters import in_font
from streamrecon.output.preview.shown import Shown
from streamrecon.output.preview.tiles import FAINT, INK, PAPER, Font, font

_TITLE, _LINE, _FOOT = 26, 17, 8  # pixels
_MOST_COMMENTS = 4


@dataclass(frozen=True, slots=True)
class Caption:
    """Title, facts, comments.

    Parameters
    ----------
    title
        Name of the protocol, or of the folder.
    facts
        On one line: grid, field, echo times, sign.
    comments
        Sentences, each on a line; the rest of many is counted.
    """

    title: str
    facts: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """All but the title."""
        more = len(self.comments) - _MOST_COMMENTS
        beyond = [f"and {more} comments more"] if more > 0 else []
        return ["   ".join(self.facts), *self.comments[:_MOST_COMMENTS], *beyond]

    def drawn(self, width: int) -> Image.Image:
        """The caption as a picture of that width; what is longer is cut at its end."""
        lines = [part for line in self.lines() for part in _broken(in_font(line), width)]
        picture = Image.new("RGB", (width, _TITLE + len(lines) * _LINE + _FOOT), PAPER)
        pen = ImageDraw.Draw(picture)
        pen.text((0, 0), in_font(self.title), fill=INK, font=font(18))
        for number, line in enumerate(lines):
            pen.text((0, _TITLE + number * _LINE), line, fill=FAINT, font=font(12))
        return picture


def caption_of(stacks: Sequence[Stack], protocol: ScanProtocol | None, name: str) -> Caption:
    """The caption of a scan as it came over a wire."""
    facts = [grid_words(stacks[0].geometry)]
    if protocol is not None:
        times = ", ".join(f"{te_s * 1e3:.1f}" for te_s in protocol.echoes.te_s)
        facts += [
            f"{protocol.b0_t:.3g} T",
            *([f"TE {times} ms"] if times else []),
            f"phase sign {protocol.phase_sign}",
        ]
    repetition = stacks[0].repetition
    if repetition:
        facts.append(f"repetition {repetition + 1}")
    comments = _of_all([stack.comments for stack in stacks])
    return Caption(name or "scan", tuple(facts), comments)


def caption_of_files(volumes: Sequence[Shown], name: str) -> Caption:
    """The caption of a scan that is read from files, as far as what stands beside them says it."""
    facts = [grid_words(volumes[0].geometry)]
    beside: dict[str, str] = {}
    for volume in volumes:
        beside |= volume.facts
    if "MagneticFieldStrength" in beside:
        facts.append(f"{float(beside['MagneticFieldStrength']):.3g} T")
    times = sorted({volume.te_s for volume in volumes if volume.te_s is not None})
    if times:
        facts.append(f"TE {', '.join(f'{te_s * 1e3:.1f}' for te_s in times)} ms")
    if "PhaseSign" in beside:
        sign, origin = beside["PhaseSign"], beside.get("PhaseSignOrigin", "")
        facts.append(f"phase sign {int(sign):+d} ({origin})")
    comments = _of_all([volume.facts.get("ImageComments", "").split("; ") for volume in volumes])
    return Caption(name, tuple(facts), comments)


def _of_all(comments: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What is said of every volume concerns the scan; the rest stands beside its volume."""
    first, *others = comments
    return tuple(each for each in first if each and all(each in other for other in others))


def grid_words(grid: Geometry) -> str:
    """Voxels and their size, as scanners say it: x, y, z."""
    voxels = " x ".join(str(n) for n in grid.shape[::-1])
    spacing = " x ".join(f"{mm:.2f}" for mm in grid.voxel_mm[::-1])
    return f"{voxels} voxels of {spacing} mm"


def _broken(line: str, width: int) -> Iterable[str]:
    """The line in pieces that fit, broken between words."""
    letters: Font = font(12)
    piece = ""
    for word in line.split(" "):
        longer = f"{piece} {word}" if piece else word
        if piece and letters.getlength(longer) > width:
            yield piece
            piece = word
        else:
            piece = longer
    yield piece
