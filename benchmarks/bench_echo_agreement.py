"""Whether echoes that belong together pass as such, and echoes that were altered are found.

    python benchmarks/bench_echo_agreement.py PHANTOMS [--shared FOLDER]

PHANTOMS holds p3x, tex and const; FOLDER is that of the real scans, of which the crop of a brain is
asked. Beside them whole heads of the simulator with fat, and on top of these an offset of several
radians, a quadratic phase of odd against even echoes, and noise. A row for each: the least misfit
to a line in TE that any alteration leaves of echoes as they are (1: none is better; below 0.5 they
are refused, below 0.75 doubted), how much of the field the offset undoes (refused above 1.5), and
then how many alterations are surely found, doubted and not found: every echo turned, neighbours
exchanged, all reversed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
from bench_qsm import head, load, row
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.truth import truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.phase.echo_agreement import echoes_off_line, fit_to_line

Scan = tuple[str, np.ndarray, tuple[float, ...]]

_HEADS = {
    3.0: (0.0012, 0.0024, 0.0036, 0.0048, 0.0060, 0.0072),
    1.5: (0.0023, 0.0034, 0.0046, 0.0060),
    7.0: (0.003, 0.010, 0.017),
}
_SNR, _LOW_SNR = 70.0, 3.0  # of the brightest voxel
_MOST_VOXELS = 150_000


def scans(phantoms: Path, shared: Path | None) -> Iterator[Scan]:
    """Names, complex echoes [E, Z, Y, X] and echo times [s]."""
    for name in ("p3x", "tex", "const"):
        p = load(phantoms / name)
        yield name, p.echoes, p.te_s
    if shared is not None:
        folder = shared / "romeo-crop"
        size, stored = (
            np.asarray(nibabel.load(folder / name).dataobj, np.float32).T
            for name in ("Mag.nii", "Phase.nii")
        )
        turn = stored * np.float32(np.pi / abs(stored).max())
        yield "crop of a brain", size * np.exp(1j * turn), (0.004, 0.008, 0.012)
    for b0_t, te_s in _HEADS.items():
        yield from _heads(b0_t, te_s)


def _heads(b0_t: float, te_s: tuple[float, ...]) -> Iterator[Scan]:
    scene = replace(
        SCENES["whole-head"], phantom=WholeHead(97), matrix=(90, 120, 96), voxel_mm=(2.0,) * 3,
        te_s=te_s, b0_t=b0_t,
    )  # fmt: skip
    echoes, rng = truth(scene).echoes, np.random.default_rng(0)
    peak = float(abs(echoes).max())
    noise = rng.standard_normal(echoes.shape) + 1j * rng.standard_normal(echoes.shape)
    echoes = echoes + noise * peak / _SNR / np.sqrt(2)
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in echoes.shape[1:]), indexing="ij")
    odd = ((-1.0) ** np.arange(len(te_s)))[:, None, None, None]
    name = f"whole head, {b0_t:g} T"
    yield name, echoes, te_s
    yield f"{name}, offset", echoes * np.exp(1j * (3 * x * y + 2 * x + 1.5 * y * y)), te_s
    yield f"{name}, odd against even", echoes * np.exp(0.5j * odd * (2 * x + x * x - y * y)), te_s
    yield f"{name}, SNR {_LOW_SNR:g}", echoes + noise[::-1] * peak / _LOW_SNR / np.sqrt(2), te_s


def altered(echoes: np.ndarray) -> Iterator[np.ndarray]:
    """Echoes of which one is turned, two neighbours are exchanged, or all are reversed."""
    count = len(echoes)
    for k in range(count):
        yield np.stack([echo.conj() if n == k else echo for n, echo in enumerate(echoes)])
    for k in range(count - 1):
        yield echoes[[*range(k), k + 1, k, *range(k + 2, count)]]
    yield echoes[::-1]


def judged(echoes: np.ndarray, te_s: tuple[float, ...]) -> str:
    """What is said of echoes."""
    fault, is_sure = echoes_off_line(abs(echoes), np.angle(echoes), te_s)
    return "" if not fault else "found" if is_sure else "doubted"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phantoms", type=Path)
    parser.add_argument("--shared", type=Path)
    options = parser.parse_args()
    columns = "least misfit", "undone", "as they are", "altered: found", "doubted", "not found"
    head("Echoes held against each other", "echoes", *columns)
    for name, images, te_s in scans(options.phantoms, options.shared):
        every = max(1, -(-images[0].size // _MOST_VOXELS))
        echoes = images[:, ::every]
        fit = fit_to_line(abs(echoes), np.angle(echoes), te_s)
        told = Counter(judged(each, te_s) for each in altered(echoes))
        least = min(fit.misfits.values())
        as_it_is = judged(echoes, te_s) or "pass"
        row(name, least, fit.undone, as_it_is, told["found"], told["doubted"], told[""])


if __name__ == "__main__":
    main()
