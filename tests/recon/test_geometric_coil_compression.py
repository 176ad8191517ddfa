"""Compression by place along the readout: fewer channels, smooth, and noise stays white."""

import numpy as np
import pytest
from scipy.linalg import expm
from undersampling import simulated

from streamrecon.errors import DataError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.recon.kspace.coil_compression import compression_matrix
from streamrecon.recon.kspace.encoding_grid import Axis
from streamrecon.recon.kspace.geometric_coil_compression import compressed_along_x, matrices_along_x
from streamrecon.recon.kspace.readout import ReadoutTransform

RNG = np.random.default_rng(11)
C, K, X = 9, 3, 41
VOXEL_MM = 2.0


def random_complex(*shape: int) -> np.ndarray:
    return (RNG.normal(size=(*shape, 2)) @ [1, 1j]).astype(np.complex64)


def turning_bases() -> np.ndarray:
    """Orthonormal columns [X, C, K] that turn smoothly along X, through more than K directions."""
    generator = random_complex(C, C).astype(complex)
    generator = generator - generator.conj().T
    generator *= 4 / np.linalg.norm(generator, 2)
    return np.stack([expm(generator * x / X)[:, :K] for x in range(X)])


BASES = turning_bases()


def seen_by(bases: np.ndarray, n_lines: int = 60) -> np.ndarray:
    """Lines [N, C, X] of K independent sources at each place."""
    sources = random_complex(X, K, n_lines)
    return np.ascontiguousarray((bases @ sources).transpose(2, 1, 0)).astype(np.complex64)


def left_out(matrices: np.ndarray, rows: np.ndarray) -> float:
    columns = rows.transpose(2, 1, 0)
    rest = columns - matrices.conj().swapaxes(1, 2) @ (matrices @ columns)
    return float(np.linalg.norm(rest) / np.linalg.norm(columns))


def test_coils_of_rank_three_at_each_place_need_three_channels_and_more_everywhere() -> None:
    rows = seen_by(BASES)

    matrices = matrices_along_x(rows, VOXEL_MM, window_mm=0.2, loss=1e-3)
    everywhere = compression_matrix(rows, loss=1e-3)

    assert matrices.shape == (X, K, C)
    assert left_out(matrices, rows) < 1e-3
    assert len(everywhere) > 2 * K  # the generator moves the three through all nine


def test_rows_are_orthonormal_at_each_place() -> None:
    matrices = matrices_along_x(seen_by(BASES), VOXEL_MM)

    products = matrices @ matrices.conj().swapaxes(1, 2)
    identity = np.broadcast_to(np.eye(products.shape[1]), products.shape)
    np.testing.assert_allclose(products, identity, atol=2e-6)


def test_neighbours_differ_by_no_more_than_their_subspaces_do() -> None:
    # of all sets of rows the nearest are sqrt(2 sum(1 - cos)) apart, by the principal angles
    cosines = np.linalg.svd(BASES[1:].conj().swapaxes(1, 2) @ BASES[:-1], compute_uv=False)
    least = np.sqrt(2 * (1 - cosines.clip(max=1)).sum(axis=1))

    matrices = matrices_along_x(seen_by(BASES), VOXEL_MM, window_mm=0.2, loss=1e-3)

    steps = np.linalg.norm(np.diff(matrices, axis=0), axis=(1, 2))
    np.testing.assert_allclose(steps, least, rtol=0.01)
    assert steps.max() < 0.3  # as components come they are free: up to 2 sqrt(K) apart


def test_a_place_without_signal_goes_with_its_neighbours() -> None:
    rows = seen_by(np.repeat(BASES[:1], X, axis=0))
    rows[:, :, :9] *= 0  # air at one end of the field of view
    noisy: np.ndarray = rows + 1e-3 * random_complex(*rows.shape)

    matrices = matrices_along_x(noisy, VOXEL_MM, loss=0.02)

    steps = np.linalg.norm(np.diff(matrices, axis=0), axis=(1, 2))
    assert matrices.shape[1] == K
    assert steps.max() < 0.1


@pytest.mark.parametrize("deviation", [0.02, 0.05])
def test_known_noise_needs_no_channels(deviation: float) -> None:
    clean = seen_by(np.repeat(BASES[:1], X, axis=0), n_lines=120)
    noisy = clean + (deviation * random_complex(*clean.shape)).astype(np.complex64)

    known = matrices_along_x(noisy, VOXEL_MM, noise=2 * deviation**2)
    unknown = matrices_along_x(noisy, VOXEL_MM)
    alike = compression_matrix(noisy, noise=2 * deviation**2)

    assert known.shape[1] == K
    assert len(alike) == K
    assert unknown.shape[1] == C
    assert left_out(known, clean) < 0.01


@pytest.mark.parametrize("loss", [0.02, 0.1])
def test_lines_that_were_not_learnt_from_lose_no_more_than_allowed(loss: float) -> None:
    strengths = np.array([1, 0.3, 0.1, 0.05, 0.03, 0.01, 0.003, 0.001, 0.0003])
    coils = np.linalg.qr(random_complex(C, C))[0] * strengths
    learnt, others = (
        np.einsum("cs,nsx->ncx", coils, random_complex(80, C, X)).astype(np.complex64)
        for _ in range(2)
    )

    matrices = matrices_along_x(learnt, VOXEL_MM, loss=loss)

    assert left_out(matrices, others) <= 1.05 * loss  # sampling of 80 lines
    assert left_out(matrices[:, :-1], others) > 0.5 * loss


def test_no_more_channels_than_asked_for_and_inputs_stay() -> None:
    rows = seen_by(BASES)
    before = rows.copy()

    assert matrices_along_x(rows, VOXEL_MM, loss=0.0, most=2).shape == (X, 2, C)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("turn", [2, 4])
def test_populations_that_alternate_are_in_both_halves(turn: int) -> None:
    apart = np.linalg.qr(random_complex(C, C))[0].reshape(1, C, C)
    kinds = [np.repeat(apart[:, :, part], X, axis=0) for part in (slice(0, 3), slice(3, 6))]
    rows = np.empty((80, C, X), np.complex64)
    first = np.arange(80) % turn % 3 == 0  # of four in turn the first and the last
    rows[first], rows[~first] = (seen_by(kind, 40) for kind in kinds)

    assert matrices_along_x(rows, VOXEL_MM, loss=1e-3).shape == (X, 2 * K, C)


def test_empty_rows_are_refused() -> None:
    with pytest.raises(DataError, match="hold nothing"):
        matrices_along_x(np.zeros((3, 4, 5), np.complex64), VOXEL_MM)


@pytest.mark.parametrize("whitened", [True, False])
@pytest.mark.parametrize(
    "axis", [Axis(24, 24, 12, 200.0), Axis(25, 25, 13, 200.0), Axis(11, 16, 15, 200.0)]
)
def test_each_voxel_is_mixed_by_its_own_matrix(axis: Axis, whitened: bool) -> None:
    n, forward = 300, np.arange(300) % 2 == 0  # lines of both directions, asymmetric echoes
    lines, centre = random_complex(n, 5, axis.n_encoded - 3), np.full(n, axis.n_encoded // 2 - 3)
    mix = random_complex(4, 5) if whitened else None
    along_x = random_complex(axis.n_image, 2, 4 if whitened else 5)

    plain = ReadoutTransform(axis, n_channels=5, mix=mix).rows(lines, centre, forward)
    transform = ReadoutTransform(axis, n_channels=5, mix=mix, along_x=along_x)
    found = transform.rows(lines, centre, forward)

    assert transform.n_channels == 2
    np.testing.assert_allclose(found, np.einsum("xoc,ncx->nox", along_x, plain), atol=2e-4)


def test_white_noise_stays_white_at_each_place() -> None:
    axis = Axis(82, 82, X, 200.0)
    mix = ChannelTransform(np.eye(C, dtype=np.complex64), is_white=True)
    owed = compressed_along_x(seen_by(BASES), VOXEL_MM, mix, most=5)
    noise = random_complex(4000, C, 82)

    rows = ReadoutTransform(axis, n_channels=C, mix=owed.matrix, along_x=owed.along_x).rows(
        noise, np.full(4000, 41), np.zeros(4000, bool)
    )

    covariance = np.einsum("nax,nbx->xab", rows, rows.conj()) / 4000
    assert owed.is_white
    assert owed.n_channels == 5
    identity = np.broadcast_to(2 * np.eye(5), covariance.shape)
    np.testing.assert_allclose(covariance, identity, atol=0.16)  # 5 sigma of 4000 samples


def test_matrices_of_another_grid_or_coil_are_refused() -> None:
    for shape in ((7, 2, 4), (8, 2, 5)):
        with pytest.raises(DataError, match="needed 4 at 8"):
            ReadoutTransform(Axis(8, 8, 8, 200.0), n_channels=4, along_x=random_complex(*shape))


def test_one_slice_says_little_of_what_the_coils_see_in_others() -> None:
    coils = simulated((24, 45, 40), 16, slices=True)
    lines = coils.hybrid  # [E, C, Z, Y, X]
    everything = rows_of(lines)

    of_one = matrices_along_x(rows_of(lines[:, :, 3:4]), 3.0)
    of_all = matrices_along_x(rows_of(lines[:, :, :, 16:28]), 3.0)

    assert left_out(of_all, everything) < 0.01
    assert 0.05 < left_out(of_one, everything) < 0.25


def rows_of(lines: np.ndarray) -> np.ndarray:
    """Lines [E, C, Z, Y, X] as [N, C, X]."""
    return np.ascontiguousarray(np.moveaxis(lines, 1, 3)).reshape(-1, *lines.shape[1::3])
