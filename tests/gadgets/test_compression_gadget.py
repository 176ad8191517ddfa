"""The chain with compressed channels against the simulator's truth."""

from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, relative_errors, texts
from streamrecon_gadgets import REGISTRY
from streamrecon_gadgets.acquisition.compression import CompressCoils
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene
from streamrecon_simulator.truth import truth
from test_accelerated_chain import in_pieces

from streamrecon.acquisition import compress_channels
from streamrecon.acquisition.early_lines import EarlyLines
from streamrecon.acquisition.open_volume import rows_along_x
from streamrecon.errors import ConfigError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions, Header
from streamrecon.recon.kspace.readout import ReadoutTransform
from streamrecon.stream.chainfile.build import build_chain

CHAIN = """<configuration><version>2</version><stream>
<gadget><name>WhitenNoise</name></gadget>
{compression}
<gadget><name>AssembleKSpace</name></gadget>
<gadget><name>CombineCoils</name></gadget>
</stream></configuration>"""
METHODS = ("geometric", "pca")

SCENE = Scene(
    "16 coils", matrix=(12, 40, 48), voxel_mm=(10.0, 5.0, 4.4), n_coils=16, snr=float("inf"),
    noise_lines=0,
)  # fmt: skip


def read(message: Header | Acquisitions) -> ScanHeader | Acquisitions:
    """A message as `ReadHeader` passes it on."""
    return ScanHeader(message.xml) if isinstance(message, Header) else message


def compression(**parameters: object) -> str:
    properties = (f'<property name="{k}" value="{v}"/>' for k, v in parameters.items())
    return f"<gadget><name>CompressCoils</name>{''.join(properties)}</gadget>"


def run(scene: Scene, gadgets: str) -> list[object]:
    emitted: list[object] = []
    chain = build_chain(CHAIN.format(compression=gadgets), REGISTRY)
    chain.run(in_pieces(simulate(scene).messages()), emitted.append)
    return emitted


def told(emitted: list[object]) -> str:
    (text,) = (text for text in texts(emitted) if "compress" in text)
    return text


def channels(emitted: list[object]) -> int:
    """Virtual channels, as told."""
    return int(told(emitted).split()[-1])


def difference(scene: Scene, gadgets: str) -> float:
    """Of the echoes with and without compression, in units of those without."""
    (whole,), (found,) = (complex_echoes(run(scene, each)) for each in ("", gadgets))
    phase = np.exp(1j * np.angle(found.data[0] * whole.data[0].conj()))  # that of the coils
    left = found.data - whole.data * phase
    return float(np.linalg.norm(left) / np.linalg.norm(whole.data))


@pytest.mark.parametrize("method", METHODS)
def test_compressed_channels_give_the_truth_within_the_loss(method: str) -> None:
    known = truth(SCENE)

    emitted = run(SCENE, compression(method=method))

    assert channels(emitted) < 16
    (echoes,) = complex_echoes(emitted)
    errors = relative_errors(echoes.data, known.echoes, known.coil_rss)
    assert np.sqrt((errors**2).mean(axis=1)).max() < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_no_line_is_lost_while_the_gadget_waits(method: str) -> None:
    scene = replace(SCENE, snr=40.0, noise_lines=64, repetitions=2)

    echoes = complex_echoes(run(scene, compression(method=method)))

    assert [each.repetition for each in echoes] == [0, 1]


QUIET = replace(SCENE, matrix=(13, 41, 48), snr=1e3, noise_lines=64, te_s=(0.005, 0.01))
SCANS = {
    "reversed echoes": replace(QUIET, bipolar=True, te_s=(0.005, 0.01, 0.015)),
    "asymmetric echo": replace(QUIET, skipped_samples=14),
    "off centre, oversampled": replace(
        QUIET, centre_lps_mm=(20.0, -30.0, 15.0), oversampling=(1.0, 1.2, 1.5), tilt_deg=(9.0, 5.0)
    ),
    "zero-filled": replace(QUIET, recon_matrix=(13, 41, 63)),
    "odd readout, fewer voxels": replace(QUIET, matrix=(13, 41, 47), recon_matrix=(13, 41, 43)),
    "interleaved slices": replace(QUIET, slices=True, order=Order.KZ_INNER),
    "sequential slices": replace(QUIET, slices=True),
    "slabs": replace(QUIET, slabs=2, matrix=(8, 41, 48)),
}


@pytest.mark.parametrize("scene", SCANS.values(), ids=SCANS.keys())
def test_half_of_sixteen_coils_say_the_same_within_one_percent(scene: Scene) -> None:
    compressed = run(scene, compression())
    whole = run(scene, "")

    assert channels(compressed) <= 9
    for found, expected in zip(complex_echoes(compressed), complex_echoes(whole), strict=True):
        assert np.linalg.norm(np.abs(found.data) - np.abs(expected.data)) < 0.01 * np.linalg.norm(
            expected.data
        )
        ratio = found.data[1] * found.data[0].conj() - expected.data[1] * expected.data[0].conj()
        assert np.linalg.norm(ratio) < 0.01 * np.linalg.norm(expected.data[0] * expected.data[1])


def test_places_along_x_need_fewer_channels_and_leave_noise_out_of_the_count() -> None:
    scene = replace(SCENE, matrix=(24, 48, 48), voxel_mm=(7.0, 4.5, 4.4), snr=60.0, noise_lines=64)

    geometric, pca = (run(scene, compression(method=method)) for method in METHODS)

    assert channels(geometric) <= 9
    assert channels(geometric) + 3 <= channels(pca) <= 13


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling((1, 2)),
        Sampling((2, 2), caipi_shift=1),
        Sampling((1, 2), separate_calibration=True),
    ],
    ids=["R=2", "2x2 CAIPI", "separate calibration"],
)
def test_an_accelerated_scan_unfolds_as_well_as_from_all_channels(sampling: Sampling) -> None:
    scene = replace(
        SCENE, matrix=(40, 64, 48), voxel_mm=(4.0, 3.4, 4.4), te_s=(0.005, 0.0103), snr=60.0,
        noise_lines=64, sampling=sampling,
    )  # fmt: skip
    (expected,) = complex_echoes(run(replace(scene, snr=float("inf"), sampling=Sampling()), ""))
    emitted, whole = run(scene, compression()), run(scene, "")

    def error(items: list[object]) -> float:
        (found,) = complex_echoes(items)
        scale = np.abs(expected.data).sum() / np.abs(found.data).sum()
        return float(np.linalg.norm(np.abs(found.data) * scale - np.abs(expected.data)))

    assert channels(emitted) <= 10
    assert error(emitted) < 1.02 * error(whole)  # 1.00 at R = 2, 0.98 at 2 x 2


def test_where_memory_is_full_before_the_centre_channels_stay_as_they_are() -> None:
    scene = replace(QUIET, matrix=(40, 41, 48), voxel_mm=(4.0, 5.0, 4.4))
    full = compression(hold_mib=1)

    assert "not compressed: 1 MiB" in told(run(scene, full))
    assert difference(scene, full) < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_a_number_of_channels_is_kept_to_even_then(method: str) -> None:
    scene = replace(QUIET, matrix=(40, 41, 48), voxel_mm=(4.0, 5.0, 4.4))

    emitted = run(scene, compression(method=method, hold_mib=1, channels=5))

    warning, done = (text for text in texts(emitted) if "compress" in text)
    assert "strongest lines: 1 MiB came" in warning
    assert done.endswith("from 16 to 5")
    assert len(complex_echoes(emitted)) == 1


@pytest.mark.parametrize("every", [2, 3])
def test_one_accelerated_slice_is_compressed_well_before_its_last_line(every: int) -> None:
    scene = replace(
        QUIET, matrix=(1, 128, 48), slices=True, te_s=(0.005,), sampling=Sampling((1, every)),
        noise_lines=0, snr=float("inf"),
    )  # fmt: skip
    gadget, waited, lines, settled = CompressCoils(), 0, 0, False
    for message in simulate(scene).messages():
        for piece in message.lines() if isinstance(message, Acquisitions) else [message]:
            if isinstance(piece, Header | Acquisitions):
                settled |= any(
                    isinstance(item, ChannelTransform) for item in gadget.feed(read(piece))
                )
                lines += isinstance(piece, Acquisitions)
                waited += isinstance(piece, Acquisitions) and not settled

    assert settled
    assert waited < 0.8 * lines


@pytest.mark.parametrize(("stop_after", "expected"), [
    (2 * (32 + 2), "channels not compressed: the scan ended with 4 lines of the centre, needed 16"),
    (2 * (32 + 10), "compression learnt from 20 central lines: the scan ended before"),
])  # fmt: skip
def test_a_scan_that_ends_early_is_said_to_end(stop_after: int, expected: str) -> None:
    scene = replace(QUIET, matrix=(1, 128, 48), slices=True, stop_after=stop_after)
    gadget = CompressCoils()
    emitted: list[object] = []
    for message in simulate(scene).messages():
        if isinstance(message, Header | Acquisitions):
            emitted += gadget.feed(read(message))
    emitted += gadget.finish()

    assert any(expected in text for text in texts(emitted)), texts(emitted)


def test_the_strongest_lines_are_no_navigators(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = replace(
        QUIET, matrix=(40, 41, 48), voxel_mm=(4.0, 5.0, 4.4), sampling=Sampling(navigators=True)
    )
    flags: list[np.ndarray] = []

    def noted(lines: Acquisitions, readout: ReadoutTransform) -> object:
        flags.append(lines.header["flags"])
        return rows_along_x(lines, readout)

    monkeypatch.setattr(compress_channels, "rows_along_x", noted)
    run(scene, compression(hold_mib=1, channels=5))

    learnt = np.concatenate(flags)
    assert len(learnt) > 16
    assert not np.any(learnt & np.uint64(layout.NOT_IMAGING))


def test_each_line_that_waits_is_counted_once() -> None:
    class Counted(np.ndarray):
        asked = 0

        @property
        def nbytes(self) -> int:
            Counted.asked += 1
            return super().nbytes

    scene = replace(QUIET, matrix=(20, 41, 48), noise_lines=0, snr=float("inf"))
    gadget, waiting = CompressCoils(), 0
    for message in simulate(scene).messages():
        if isinstance(message, Header):
            list(gadget.feed(read(message)))
        for line in message.lines() if isinstance(message, Acquisitions) else ():
            if waiting < 100:
                list(gadget.feed(replace(line, data=line.data.view(Counted))))
                waiting += 1

    assert Counted.asked <= waiting


def test_channels_are_compressed_once() -> None:
    with pytest.raises(ConfigError, match="compressed already"):
        run(QUIET, compression() + compression())


def test_without_a_noise_scan_there_is_nothing_to_whiten_and_all_is_well() -> None:
    scene = replace(QUIET, noise_lines=0, snr=float("inf"))

    assert difference(scene, compression()) < 0.01


def test_a_watch_and_a_preview_behind_it_see_the_same_scan() -> None:
    scene = replace(QUIET, matrix=(24, 40, 48), te_s=(0.005, 0.01, 0.015))
    behind = "<gadget><name>WatchQuality</name></gadget><gadget><name>CollectCentre</name></gadget>"

    with_it, without = run(scene, compression() + behind), run(scene, behind)

    signal, expected = (
        [text for text in texts(items) if "signal at the first echo" in text]
        for items in (with_it, without)
    )
    assert signal == expected
    previews, plain = (
        [item.mix for item in items if isinstance(item, EarlyLines)] for items in (with_it, without)
    )
    assert len(previews) == len(plain) == 2
    for mix, other in zip(previews, plain, strict=True):
        np.testing.assert_array_equal(mix, other)
