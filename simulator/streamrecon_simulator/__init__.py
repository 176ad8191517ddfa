"""Scans with known truth: scenes, fields, coils, sampling. Shares no numerics with the product."""

from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import Simulation, simulate
from streamrecon_simulator.scene import Scene

__all__ = ["SCENES", "Scene", "Simulation", "simulate"]
