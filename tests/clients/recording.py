"""What a client sends, byte for byte: a scan of one line and one image, and a server that listens.

`scripts/record_clients.py` has real clients send it, and keeps what they sent beside this file.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE, WAVEFORM
from streamrecon.mrd.wire.messages import Acquisitions, Close, Header, Image, Waveform
from streamrecon.mrd.wire.parser import MrdParser

RECORDED = Path(__file__).parent / "recorded"
"""Bytes of real clients; each file is named by the client and what it was asked for."""

CONFIG = "gre_recon"
PARAMETERS = {"console": "fire", "bits": 16}
CHAIN = '<?xml version="1.0"?>\n<configuration><version>2</version></configuration>\n'
PATIENCE_S = 120.0
Address = tuple[str, int]

_XML = (
    b'<?xml version="1.0"?>\n<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">'
    b"<experimentalConditions><H1resonanceFrequency_Hz>127732436</H1resonanceFrequency_Hz>"
    b"</experimentalConditions></ismrmrdHeader>\n"
)


def recorded_lines() -> list[Header | Acquisitions | Waveform]:
    """Header, a waveform and one line of 3 channels and 5 samples; no number is that of another."""
    line = np.zeros(1, ACQUISITION)
    line["version"], line["flags"], line["measurement_uid"] = 1, 0x40, 7
    line["scan_counter"], line["acquisition_time_stamp"] = 11, 123_456
    line["number_of_samples"], line["center_sample"], line["sample_time_us"] = 5, 2, 4.5
    line["available_channels"] = line["active_channels"] = 3
    line["idx"]["kspace_encode_step_1"], line["idx"]["contrast"] = 13, 1
    line["read_dir"], line["phase_dir"], line["slice_dir"] = np.eye(3)
    line["position"], line["user_int"][0, 3] = (1.5, -2.25, 4.0), -9
    ramp = np.arange(15, dtype=np.float32).reshape(1, 3, 5)
    samples = (ramp - 1j * ramp**2).astype(np.complex64)
    wave = np.zeros(1, WAVEFORM)[0]
    wave["version"], wave["scan_counter"], wave["time_stamp"] = 1, 5, 123_450
    wave["number_of_samples"], wave["channels"], wave["waveform_id"] = 4, 2, 1
    wave["sample_time_us"] = 2500.0
    return [
        Header(_XML),
        Waveform(wave, np.arange(8, dtype=np.uint32).reshape(2, 4)),
        Acquisitions(line, samples, np.zeros((1, 5, 0), np.float32)),
    ]


def recorded_image() -> list[Header | Image]:
    """Header and one image of 16-bit integers with meta."""
    head = np.zeros(1, IMAGE)[0]
    head["version"], head["data_type"], head["image_type"] = 1, 1, 1
    head["matrix_size"], head["channels"] = (4, 3, 1), 1
    head["field_of_view"], head["position"] = (8.0, 6.0, 2.0), (1.0, -2.0, 3.0)
    head["read_dir"], head["phase_dir"], head["slice_dir"] = np.eye(3)
    head["image_index"], head["image_series_index"] = 5, 9
    pixels = np.arange(12, dtype=np.uint16).reshape(1, 1, 3, 4)
    return [Header(_XML), Image(head, pixels, {"EchoTime": ("10.3",), "DataRole": ("Image",)})]


def heard_from(client: Callable[[Address], object]) -> bytes:
    """All that a client sends to a server that answers with CLOSE alone."""
    with socket.create_server(("127.0.0.1", 0)) as door, ThreadPoolExecutor(1) as pool:
        door.settimeout(PATIENCE_S)
        running = pool.submit(client, door.getsockname()[:2])
        peer, _ = door.accept()
        with peer:
            peer.settimeout(PATIENCE_S)
            heard, parser = bytearray(), MrdParser()
            is_over = False
            while not is_over and (piece := peer.recv(1 << 16)):
                heard += piece
                is_over = any(isinstance(m, Close) for m in parser.receive(piece))
            peer.sendall(struct.pack("<H", 4))
            peer.shutdown(socket.SHUT_WR)
            while piece := peer.recv(1 << 16):
                heard += piece
            running.result(PATIENCE_S)
    return bytes(heard)
