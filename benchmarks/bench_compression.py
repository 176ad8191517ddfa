"""Virtual channels that one percent needs, what they leave out, and what their lines cost.

For the simulated head and the real scans of several coils (where they lie beside the repository):
virtual channels by principal components and by position along the readout, and the difference of
the combined images from those of all channels; for accelerated scans of a head of 16 coils the
error against all lines without noise. Then, for 16 coils at 192 × 2 samples, the
processor time of lines becoming rows, geometric over principal components, each with its channels,
and of the whole scan of the simulated head.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from _cost import cost_in
from numpy.typing import NDArray
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.model.images import Echoes
from streamrecon.model.notice import Notice
from streamrecon.mrd.files.hdf5_reader import read_scan
from streamrecon.recon.kspace.encoding_grid import Axis
from streamrecon.recon.kspace.readout import ReadoutTransform
from streamrecon.stream.chainfile.build import build_chain

DATA = Path(os.environ.get("STREAMRECON_SHARED", Path(__file__).parents[2] / "shared" / "data"))
REAL = (
    "raw-siemens/brain3T_gre_te12p4_16ch.h5",
    "raw-siemens/phantom3T_gre_te12p4_16ch.h5",
    "raw-ismrmrdtools/ismrmrdtools_sl128_c8_r2_noisecal.h5",
)
CHAIN = """<configuration><version>2</version><stream>
<gadget><name>WhitenNoise</name></gadget>{compression}
<gadget><name>AssembleKSpace</name></gadget>
<gadget><name>CombineCoils</name></gadget></stream></configuration>"""
METHODS = {
    "all": "",
    "pca": '<gadget><name>CompressCoils</name><property name="method" value="pca"/></gadget>',
    "geometric": "<gadget><name>CompressCoils</name></gadget>",
}
NO_NOISE = 1e6
ACCELERATED = Scene(
    "16 coils", matrix=(40, 64, 48), voxel_mm=(4.0, 3.4, 4.4), te_s=(0.005, 0.0103), n_coils=16,
    noise_lines=64,
)  # fmt: skip
Messages = Callable[[], Iterable[object]]


def combined(messages: Messages, method: str) -> tuple[NDArray[np.complex64], str]:
    """Echoes of the first volume, and how many channels there were."""
    emitted: list[object] = []
    chain = build_chain(CHAIN.format(compression=METHODS[method]), REGISTRY)
    chain.run(messages(), emitted.append)
    told = [str(item).split()[-3:] for item in emitted if isinstance(item, Notice)]
    counts = [words for words in told if words[1:2] == ["to"]]
    echoes = next(item.data for item in emitted if isinstance(item, Echoes))
    return echoes, " to ".join(counts[0][::2]) if counts else "not compressed"


def print_channels(name: str, messages: Messages) -> None:
    """A line of the table."""
    whole, _ = combined(messages, "all")
    bright = np.abs(whole) > 0.2 * np.abs(whole).max()
    for method in ("pca", "geometric"):
        image, counts = combined(messages, method)
        apart = (np.abs(image) - np.abs(whole))[bright]
        left_out = np.linalg.norm(apart) / np.linalg.norm(whole[bright])
        print(f"{name:45} {method:10} {counts:12} magnitudes differ by {100 * left_out:.2f} %")


def print_unfolding(name: str, sampling: Sampling, snr: float) -> None:
    """Errors of an accelerated scan against all lines without noise, by channels."""
    scene = replace(ACCELERATED, snr=snr)
    truth, _ = combined(simulate(replace(scene, snr=NO_NOISE)).messages, "all")
    scan = simulate(replace(scene, sampling=sampling)).messages
    errors = {}
    for method in METHODS:
        image, counts = combined(scan, method)
        scale = np.abs(truth).sum() / np.abs(image).sum()  # whitening changed the unit
        apart = np.abs(image) * scale - np.abs(truth)
        errors[method] = np.linalg.norm(apart) / np.linalg.norm(truth)
        over = errors[method] / errors["all"]
        told = f"error {100 * errors[method]:.2f} %, {over:.2f} times that of all"
        print(f"{name}, SNR {snr:.0f}: {method:10} {counts:14} {told}")


def cost_of_rows(n_channels: int = 16, pca: int = 13, geometric: int = 8) -> float:
    """Time of a line with so many virtual channels along X, over that with those of PCA."""
    random, axis = np.random.default_rng(0), Axis(384, 384, 192, 400.0)

    def complex_of(*shape: int) -> NDArray[np.complex64]:
        pairs = random.standard_normal((*shape, 2), np.float32)
        return pairs.view(np.complex64)[..., 0]

    lines, centre = complex_of(512, n_channels, 384), np.full(512, 192)
    along_x = complex_of(192, geometric, n_channels)
    identity = np.eye(n_channels, dtype=np.complex64)
    plain = ReadoutTransform(axis, n_channels=n_channels, mix=complex_of(pca, n_channels))
    placed = ReadoutTransform(axis, n_channels=n_channels, mix=identity, along_x=along_x)
    forward = np.zeros(512, bool)
    return cost_in(
        lambda: plain.rows(lines, centre, forward),
        lambda: placed.rows(lines, centre, forward),
        pairs=15,
        clock=time.process_time,
    )


def main() -> None:
    """Print all of it."""
    head = simulate(SCENES["compressed"]).messages
    print_channels("simulated head (compressed)", head)
    for name in REAL:
        if (DATA / name).exists():
            print_channels(name, partial(read_scan, DATA / name))
    for snr in (60.0, NO_NOISE / 1e3):
        print_unfolding("R = 2", Sampling((1, 2)), snr)
        print_unfolding("2 x 2, shifted", Sampling((2, 2), caipi_shift=1), snr)
    print(f"a line, 16 coils to 8 along x, over 16 to 8: {cost_of_rows(pca=8):.2f}")
    print(f"a line, 16 coils to 8 along x, over 16 to 13: {cost_of_rows():.2f}")
    whole = cost_in(
        lambda: combined(head, "pca"),
        lambda: combined(head, "geometric"),
        pairs=3,
        clock=time.process_time,
    )
    print(f"the whole scan of the head, simulated as it goes: {whole:.2f}")


if __name__ == "__main__":
    main()
