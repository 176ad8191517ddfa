"""Compiles kernels and loads modules before the first client connects."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from streamrecon_gadgets import REGISTRY

from streamrecon.mrd.wire.layout import ACQUISITION, NOISE, REVERSE
from streamrecon.mrd.wire.messages import Acquisitions, Header
from streamrecon.qsm import _surface_kernels
from streamrecon.qsm.brain_surface import unit_sphere
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file

_CHAIN = "gre_recon"
_COMPRESSED = """<configuration><version>2</version><stream>
<gadget><name>CompressCoils</name></gadget>
<gadget><name>AssembleKSpace</name></gadget>
</stream></configuration>"""  # no packaged chain compresses channels, but a site's own may
_COILS, _SIZE, _PARTITIONS = 2, 16, 4
_HEADER = f"""<ismrmrdHeader>
<experimentalConditions><H1resonanceFrequency_Hz>127732436</H1resonanceFrequency_Hz>
</experimentalConditions>
<encoding><trajectory>cartesian</trajectory>
<encodedSpace>
<matrixSize><x>{2 * _SIZE}</x><y>{_SIZE}</y><z>{_PARTITIONS}</z></matrixSize>
<fieldOfView_mm><x>{2 * _SIZE}</x><y>{_SIZE}</y><z>{_PARTITIONS}</z></fieldOfView_mm>
</encodedSpace>
<reconSpace>
<matrixSize><x>{_SIZE}</x><y>{_SIZE}</y><z>{_PARTITIONS}</z></matrixSize>
<fieldOfView_mm><x>{_SIZE}</x><y>{_SIZE}</y><z>{_PARTITIONS}</z></fieldOfView_mm>
</reconSpace></encoding>
<sequenceParameters><TE>5</TE><TE>10</TE></sequenceParameters>
<userParameters><userParameterLong><name>PhaseSign</name><value>1</value></userParameterLong>
</userParameters></ismrmrdHeader>"""


def warm() -> None:
    """Reconstruct a small bipolar scan of noise, with all channels and with fewer; forget it.

    The loops of the brain mask are compiled too.
    """
    for chain in (find_chain_file(_CHAIN), _COMPRESSED):
        build_chain(chain, REGISTRY).run(_scan(), lambda _: None)
    _move_a_surface()


def _move_a_surface() -> None:
    """One step of a small surface, as the mask takes hundreds; what is compiled is kept."""
    ball, voxel = unit_sphere(0), np.ones(3)
    image = np.zeros((4, 4, 4), np.float32)
    _surface_kernels.evolve(
        ball.vertices, ball.triangles, ball.neighbours, image, voxel, voxel, 0.6, 6.0, 8.0, 3.0,
        10.0, 1,
    )  # fmt: skip
    _surface_kernels.fill_inside(ball.vertices, ball.triangles, image > 0)
    _surface_kernels.darkest_beyond(ball.vertices, ball.triangles, image, voxel, 8.0, 25.0)


def _scan() -> Iterator[Header | Acquisitions]:
    yield Header(_HEADER.encode())
    yield _lines(np.full(8, NOISE, np.uint64))
    lines = _lines(np.zeros(2 * _SIZE * _PARTITIONS, np.uint64))
    kz, ky, echo = np.indices((_PARTITIONS, _SIZE, 2)).reshape(3, -1)
    lines.header["idx"]["kspace_encode_step_2"] = kz
    lines.header["idx"]["kspace_encode_step_1"] = ky
    lines.header["idx"]["contrast"] = echo
    lines.header["flags"] = np.where(echo == 1, REVERSE, 0)
    yield lines


def _lines(flags: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> Acquisitions:
    n, samples = len(flags), 2 * _SIZE
    header = np.zeros(n, ACQUISITION)
    header["flags"] = flags
    header["number_of_samples"], header["center_sample"] = samples, samples // 2
    header["active_channels"] = header["available_channels"] = _COILS
    header["sample_time_us"] = 5.0
    header["read_dir"], header["phase_dir"], header["slice_dir"] = np.eye(3)
    noise = np.random.default_rng(0).standard_normal((2, n, _COILS, samples)).astype(np.float32)
    return Acquisitions(
        header,
        (noise[0] + 1j * noise[1]).astype(np.complex64),
        np.zeros((n, samples, 0), np.float32),
    )
