"""Sparse NMF: what it minimises, and that it does."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from sklearn.linear_model import Lasso

from explainable_seg.nmf import SparseNMF, coordinate_code, objective
from explainable_seg.nmf.sparse_nmf import reseed_dead_atoms, update_atoms


def planted(n_frames=400, n_bins=30, n_atoms=4, seed=0):
    """Frames that few atoms with little in common make, and the atoms."""
    generator = torch.Generator().manual_seed(seed)
    W = torch.rand(n_bins, n_atoms, generator=generator) * 0.05
    for k in range(n_atoms):
        W[k * 7 : k * 7 + 7, k] += 1.0
    W = torch.nn.functional.normalize(W, dim=0)
    H = torch.rand(n_frames, n_atoms, generator=generator) * 10
    H *= torch.rand(n_frames, n_atoms, generator=generator) < 0.4
    return H @ W.T, W


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_atoms=st.integers(1, 6),
    mu=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_objective_never_rises_and_atoms_have_unit_norm(seed, n_atoms, mu):
    X = torch.rand(40, 9, generator=torch.Generator().manual_seed(seed)) * 5
    nmf = SparseNMF(n_atoms, mu, max_iter=15, tol=0.0, seed=seed).fit(X)
    values = np.array(nmf.objectives)
    assert (np.diff(values) <= 1e-6 * values[:-1] + 1e-9).all()
    assert bool((nmf.dictionary >= 0).all())
    torch.testing.assert_close(nmf.dictionary.norm(dim=0), torch.ones(n_atoms))


def test_planted_atoms_are_found():
    X, W = planted()
    nmf = SparseNMF(n_atoms=4, mu=0.01, max_iter=200, tol=0.0).fit(X)
    best = (nmf.dictionary.T @ W).max(dim=0).values
    assert bool((best > 0.999).all())


def test_transform_agrees_with_the_lasso_of_scikit_learn():
    X, _ = planted(n_frames=6)
    nmf = SparseNMF(n_atoms=4, mu=0.5, max_iter=30).fit(planted()[0])
    W = nmf.dictionary
    H = nmf.transform(X, max_iter=500, tol=0.0)
    for x, h in zip(X, H):
        lasso = Lasso(
            alpha=0.5 / len(W), positive=True, fit_intercept=False
        ).fit(W.double().numpy(), x.double().numpy())
        np.testing.assert_allclose(h.numpy(), lasso.coef_, atol=1e-4)


def test_transform_leaves_the_dictionary_and_gives_exact_zeros():
    X, _ = planted()
    nmf = SparseNMF(n_atoms=4, mu=1.0).fit(X)
    before = nmf.dictionary.clone()
    H = nmf.transform(X)
    assert torch.equal(nmf.dictionary, before)
    assert bool((H >= 0).all())
    assert (H == 0).float().mean() > 0.3


def test_one_atom_by_hand():
    # Along a single unit atom the optimum is max(0, <x, w> - mu).
    W = torch.tensor([[0.6], [0.8]])
    X = torch.tensor([[3.0, 4.0], [0.1, 0.1]])
    H = coordinate_code(W.T @ X.T, W.T @ W, torch.zeros(1, 2), mu=1.0)
    torch.testing.assert_close(H, torch.tensor([[4.0, 0.0]]))
    assert objective(X, W, H.T, 1.0).item() == pytest.approx(0.5 + 4 + 0.01)


def test_a_sweep_over_the_atoms_lowers_the_error():
    X, _ = planted()
    generator = torch.Generator().manual_seed(3)
    W = torch.rand(30, 4, generator=generator)
    W = torch.nn.functional.normalize(W, dim=0)
    H = torch.rand(len(X), 4, generator=generator)
    new = update_atoms(W, X.T @ H, H.T @ H)
    assert objective(X, new, H, 1.0) < objective(X, W, H, 1.0)


def test_dead_atoms_are_reseeded_without_touching_the_objective():
    X, W = planted()
    H = torch.rand(4, len(X))
    H[2] = 0.0
    before = objective(X, W, H.T, 1.0)
    old = W[:, 2].clone()
    assert reseed_dead_atoms(W, H, X) == 1
    assert not torch.equal(W[:, 2], old)
    assert W[:, 2].norm().item() == pytest.approx(1.0)
    assert objective(X, W, H.T, 1.0).item() == pytest.approx(before.item())


def test_same_seed_same_dictionary():
    X, _ = planted()
    first, second = (SparseNMF(4, seed=5).fit(X).dictionary for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, SparseNMF(4, seed=6).fit(X).dictionary)


@pytest.mark.parametrize(
    "X, message",
    [
        (-torch.ones(5, 3), ">= 0"),
        (torch.full((5, 3), float("nan")), "finite"),
        (torch.ones(5), "shape"),
        (torch.zeros(5, 3), "frames that sound"),
    ],
)
def test_what_cannot_be_factorised_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        SparseNMF(n_atoms=2).fit(X)


def test_unfitted_and_impossible_settings_are_refused():
    with pytest.raises(RuntimeError, match="fit"):
        SparseNMF().transform(torch.ones(3, 3))
    with pytest.raises(ValueError, match="n_atoms"):
        SparseNMF(n_atoms=0)


def test_real_sound_is_rebuilt(corpora):
    import soundfile

    from explainable_seg.features.spectrogram import LogPowerSpectrogram

    files = sorted((corpora / "realbroadcast/audio/AragonRadio").iterdir())
    audio, _ = soundfile.read(files[0], dtype="float32", frames=16000 * 60)
    X = LogPowerSpectrogram()(torch.from_numpy(audio)[None])[0]
    nmf = SparseNMF(n_atoms=64, mu=1.0, max_iter=15).fit(X)
    H = nmf.transform(X)
    error = (X - H @ nmf.dictionary.T).norm() / X.norm()
    assert error < 0.35
    assert (H > 0).float().sum(dim=1).mean() < 12
