"""A physiology trace beside the lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.layout import WAVEFORM
from streamrecon.mrd.wire.messages import Waveform

_PULSE_S = 0.9  # period of the trace
_SAMPLE_S = 2.5e-3
_SAMPLES = 64
_ECG = 0  # waveform ids: 0 is ECG
_MIDDLE = 2048


def waveform(heads: NDArray[np.void]) -> Waveform:
    """The trace at the time of the last of some lines."""
    head = np.zeros(1, WAVEFORM)[0]
    head["version"] = 1
    head["measurement_uid"] = heads["measurement_uid"][-1]
    head["scan_counter"] = heads["scan_counter"][-1]
    head["time_stamp"] = heads["acquisition_time_stamp"][-1]
    head["number_of_samples"], head["channels"] = _SAMPLES, 1
    head["sample_time_us"] = _SAMPLE_S * 1e6
    head["waveform_id"] = _ECG
    time_s = float(head["time_stamp"]) * _SAMPLE_S + _SAMPLE_S * np.arange(_SAMPLES)
    trace = _MIDDLE * (1 + np.sin(2 * np.pi * time_s / _PULSE_S))
    return Waveform(head, trace[None].astype(np.uint32))
