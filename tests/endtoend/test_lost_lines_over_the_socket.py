"""A scan that lacks lines: the client is told which, and has no image in their place."""

from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from wire_service import answered

from streamrecon.client import Server
from streamrecon.model.notice import Level

# Two echoes follow one another: lines 6 and 7 are both echoes of ky 3 in the first partition.
SCENE = Scene(
    "small head that lost three lines", matrix=(6, 15, 16), voxel_mm=(20.0, 12.0, 12.0), n_coils=2,
    te_s=(0.005, 0.01), snr=float("inf"), noise_lines=0, dropped=(6, 7, 30),
)  # fmt: skip


def test_lost_lines_are_named_and_nothing_is_sent(server: Server) -> None:
    reply = answered(simulate(SCENE).messages(), server)

    (error,) = (notice.text for notice in reply.notices if notice.level is Level.ERROR)
    assert not reply.complete
    assert not reply.images
    assert error.startswith("[data] AssembleKSpace: volume 0: missing 3 of 180 lines (")
    for lines in ("echo 0, kz 0, ky 3", "echo 1, kz 0, ky 3", "echo 0, kz 1, ky 0"):
        assert lines in error
