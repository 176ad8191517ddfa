"""Runs of a chain without a socket, and what comes out of them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from streamrecon_gadgets import REGISTRY

from streamrecon.model.images import Echoes, Volume
from streamrecon.model.notice import Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

CONFIG = Path(__file__).parents[2] / "config"


def run_chain(
    name: str, items: Iterable[object], storage: Path | None = None, /, **overrides: str
) -> list[object]:
    """Everything that the chain file ``name`` emits."""
    emitted: list[object] = []
    xml = (CONFIG / name).read_bytes()
    chain = build_chain(xml, REGISTRY, Context(storage=storage), overrides=overrides)
    chain.run(items, emitted.append)
    return emitted


def texts(emitted: Iterable[object]) -> list[str]:
    """The notices."""
    return [str(item) for item in emitted if isinstance(item, Notice)]


def volumes(emitted: Iterable[object], quantity: Quantity) -> list[Volume]:
    """The volumes of one quantity, in order."""
    return [item for item in emitted if isinstance(item, Volume) and item.quantity is quantity]


def in_units(volume: Volume) -> np.ndarray:
    """The numbers of a volume in its quantity's unit, integers rescaled."""
    slope, intercept = volume.rescale or (1.0, 0.0)
    return volume.values * slope + intercept


def complex_echoes(emitted: Iterable[object]) -> list[Echoes]:
    """The combined echoes [E, Z, Y, X] of every repetition."""
    return [item for item in emitted if isinstance(item, Echoes)]


def relative_errors(echoes: np.ndarray, truth: np.ndarray, rss: np.ndarray) -> np.ndarray:
    """Error of every echo [E, V] where there is signal, over the signal.

    Coils leave one smooth phase that all echoes share; it is read off the first echo, whose error
    is thus one of magnitude alone.
    """
    expected = truth * rss
    signal = np.abs(truth).min(axis=0) > 0.1 * np.abs(truth[0]).max()
    shared = np.exp(1j * np.angle(echoes[0] * expected[0].conj()))
    return np.asarray(np.abs(echoes - expected * shared)[:, signal] / np.abs(expected)[:, signal])
