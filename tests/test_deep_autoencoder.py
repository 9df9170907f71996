"""The autoencoder, trained for real."""

import numpy as np
import pytest

from obriy.errors import InputError
from obriy.nets.autoencoder import MOST_EPOCHS, train_autoencoder

torch = pytest.importorskip("torch", reason="needs the extra deep")


@pytest.fixture(scope="module")
def surface():
    """Six features that are made of two numbers, bent: a plane does not hold them."""
    random = np.random.default_rng(5)
    u, v = random.uniform(-1.5, 1.5, (2, 4000))
    x = np.stack([u, v, u * v, u**2 - 1, np.sin(2 * v), u - v], axis=1)
    return x.astype("float32")


@pytest.fixture(scope="module")
def trained(surface):
    return train_autoencoder(surface, seed=1, dimensions=2)


def test_two_numbers_hold_what_a_plane_cannot(surface, trained):
    centred = surface - surface.mean(axis=0)
    left = np.linalg.svd(centred, compute_uv=False)[2:]
    plane = (left**2).sum() / surface.size
    back = trained.decode(trained.encode(surface))
    assert ((back - surface) ** 2).mean() < 0.25 * plane


def test_numpy_encodes_what_torch_trained(surface, trained):
    (w1, b1), (w2, b2) = ((torch.from_numpy(w), torch.from_numpy(b)) for w, b in trained.encoder)
    expected = torch.tanh(torch.from_numpy(surface) @ w1 + b1) @ w2 + b2
    np.testing.assert_allclose(trained.encode(surface), expected.numpy(), atol=1e-5)


def test_the_kept_weights_are_those_of_the_best_epoch(surface, trained):
    random = np.random.default_rng(1)  # the held-out fifth is the first of the seed's order
    held = surface[random.permutation(len(surface))[:800]]
    error = ((trained.decode(trained.encode(held)) - held) ** 2).mean()
    assert error == pytest.approx(trained.history[:, 1].min(), rel=1e-3)


def test_the_seed_decides(surface, trained):
    some = surface[:500]
    first, again, other = (train_autoencoder(some, seed=s, dimensions=2) for s in (3, 3, 4))
    for name, array in first.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
    assert not np.array_equal(first.encode(some), other.encode(some))


def test_torch_is_left_as_it_was(surface):
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    train_autoencoder(surface[:100], seed=0)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_progress_and_early_stop(surface):
    noise = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
    seen = []
    found = train_autoencoder(noise, seed=0, progress=lambda *step: seen.append(step))
    assert seen[0] == ("autoencoder", 1, MOST_EPOCHS)
    assert len(seen) == len(found.history) <= MOST_EPOCHS


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (40, 2)])
def test_few_pixels_and_few_features(shape):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    found = train_autoencoder(x, seed=0)
    assert found.encode(x).shape == (shape[0], min(4, shape[1]))
    assert np.isfinite(found.encode(x)).all()


def test_constant_features():
    assert np.isfinite(train_autoencoder(np.zeros((50, 3)), seed=0).encode(np.zeros((2, 3)))).all()


@pytest.mark.parametrize("x", [np.zeros((0, 3)), np.zeros(4), [[np.nan, 1]], [[np.inf, 1]]])
def test_what_cannot_be_learnt_from(x):
    with pytest.raises(InputError, match="autoencoder"):
        train_autoencoder(x, seed=0)
