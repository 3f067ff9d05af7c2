"""The sparse code of frames: what it minimises, and that it does."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from nmf.planted import planted, spectra
from sklearn.decomposition import non_negative_factorization
from sklearn.linear_model import Lasso

from explainable_seg.nmf import (
    coding,
    converged_code,
    coordinate_code,
    objective,
    overshoot,
    sparse_code,
)
from explainable_seg.nmf.coding import GROUP, threshold_start


def atoms_and_frames(n_atoms, n_frames=60, n_bins=24, seed=0):
    """Random unit-norm atoms, and frames that they rebuild in part."""
    generator = torch.Generator().manual_seed(seed)
    W = torch.rand(n_bins, n_atoms, generator=generator) ** 3
    X = torch.rand(n_frames, n_bins, generator=generator) * 5
    return torch.nn.functional.normalize(W, dim=0), X


def plain_sweep(C, G, H, mu):
    """One sweep as the formula has it, atom by atom."""
    H = H.clone()
    for k in range(len(H)):
        others = G[k] @ H - G[k, k] * H[k]
        H[k] = ((C[k] - others - mu) / G[k, k]).clamp(min=0)
    return H


def kkt_violation(X, W, H, mu):
    """Largest violation of the optimality conditions of each frame's code."""
    X, W, H = X.double(), W.double(), H.double()
    gradient = H @ (W.T @ W) - X @ W + mu
    return torch.where(H > 0, gradient.abs(), (-gradient).clamp(min=0)).max()


@settings(max_examples=20, deadline=None)
@given(
    n_atoms=st.integers(1, 3 * GROUP),
    mu=st.sampled_from([0.0, 0.3, 2.0]),
    seed=st.integers(0, 1000),
    scale=st.sampled_from([1.0, 3.0]),
)
def test_grouped_sweeps_are_the_sweeps_of_the_formula(n_atoms, mu, seed, scale):
    W, X = atoms_and_frames(n_atoms, seed=seed)
    W = W.double() * scale
    C, G = W.T @ X.double().T, W.T @ W
    expected = H = torch.rand(n_atoms, len(X)).double()
    for _ in range(3):
        expected = plain_sweep(C, G, expected, mu)
    torch.testing.assert_close(coordinate_code(C, G, H, mu, 3), expected)


@settings(max_examples=20, deadline=None)
@given(n_atoms=st.integers(1, 40), mu=st.sampled_from([0.0, 0.3, 2.0]))
def test_no_sweep_raises_the_objective_and_the_start_is_no_worse_than_zeros(
    n_atoms, mu
):
    W, X = atoms_and_frames(n_atoms)
    W, X = W.double(), X.double()
    C, G = W.T @ X.T, W.T @ W
    zeros = torch.zeros(len(X), n_atoms).double()
    before = objective(X, W, zeros, mu).item()
    H = threshold_start(C, G, mu)
    for _ in range(5):
        now = objective(X, W, H.T, mu).item()
        assert bool((H >= 0).all())
        assert now <= before * (1 + 1e-12)
        before = now
        coordinate_code(C, G, H, mu)


def test_the_start_is_scaled_to_its_minimum_and_nothing_is_made_of_silence():
    W, X = atoms_and_frames(20)
    W, X = W.double(), X.double()
    C, G = W.T @ X.T, W.T @ W
    H = threshold_start(C, G, 0.3).T
    best = objective(X, W, H, 0.3)
    for factor in (0.95, 1.05):
        assert objective(X, W, H * factor, 0.3) > best
    assert threshold_start(C * 1e-3, G, 1.0).abs().max() == 0


def test_one_atom_by_hand():
    # Along a single unit atom the optimum is max(0, <x, w> - mu).
    W = torch.tensor([[0.6], [0.8]])
    X = torch.tensor([[3.0, 4.0], [0.1, 0.1]])
    H = coordinate_code(W.T @ X.T, W.T @ W, torch.zeros(1, 2), mu=1.0)
    torch.testing.assert_close(H, torch.tensor([[4.0, 0.0]]))
    assert objective(X, W, H.T, 1.0).item() == pytest.approx(0.5 + 4 + 0.01)
    torch.testing.assert_close(converged_code(X, W, 1.0), H.T)


def test_an_atom_of_zero_norm_gets_zero_activations():
    W = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    H = sparse_code(torch.tensor([[3.0, 2.0]]), W, 1.0, 2)
    assert H.tolist() == [[2.0, 0.0]]


def test_blocks_of_frames_do_not_change_the_code(monkeypatch):
    W, X = atoms_and_frames(20, n_frames=300)
    whole = sparse_code(X, W, 0.5, 4), converged_code(X, W, 0.5)
    monkeypatch.setattr(coding, "CPU_FRAMES", 64)
    parts = sparse_code(X, W, 0.5, 4), converged_code(X, W, 0.5)
    for one, other in zip(whole, parts):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mu", [0.0, 0.5])
def test_convergence_from_any_start_is_to_the_minimum(mu):
    W, X = atoms_and_frames(12)
    W, X = W.double(), X.double()
    starts = None, torch.zeros(len(X), 12), torch.rand(len(X), 12) * 3
    for start in starts:
        H = converged_code(X, W, mu, max_sweeps=20_000, tol=0.0, H0=start)
        assert kkt_violation(X, W, H, mu) < 1e-5


def test_a_warm_start_is_not_changed_and_saves_sweeps():
    W, X = atoms_and_frames(12)
    best = converged_code(X, W, 0.5, max_sweeps=5000, tol=0.0)
    kept = best.clone()
    again = converged_code(X, W, 0.5, max_sweeps=1, tol=0.0, H0=best)
    assert torch.equal(best, kept)
    torch.testing.assert_close(again, best, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "start, message",
    [(torch.ones(3, 2), "shape"), (-torch.ones(60, 4), ">= 0")],
)
def test_a_start_that_is_none_is_refused(start, message):
    W, X = atoms_and_frames(4)
    with pytest.raises(ValueError, match=message):
        converged_code(X, W, 0.5, H0=start)


@pytest.mark.parametrize("mu", [0.0, 0.5, 2.0])
def test_the_code_is_as_good_as_that_of_scikit_learn(mu):
    X = spectra(200)
    W = torch.nn.functional.normalize(X[:16].T, dim=0)
    H = converged_code(X, W, mu, max_sweeps=2000, tol=0.0)
    # scikit-learn multiplies the penalty of the activations by F.
    theirs, _, _ = non_negative_factorization(
        X.double().numpy(),
        H=W.T.double().contiguous().numpy(),
        init="custom",
        update_H=False,
        alpha_W=mu / X.shape[1],
        alpha_H=0.0,
        l1_ratio=1.0,
        max_iter=3000,
        tol=1e-10,
    )
    expected = objective(X, W, torch.from_numpy(theirs).float(), mu)
    assert objective(X, W, H, mu).item() == pytest.approx(
        expected.item(), rel=1e-4
    )


def test_the_code_agrees_with_the_lasso_of_scikit_learn():
    X, W = planted(n_frames=6)
    H = converged_code(X, W, 0.5, max_sweeps=500, tol=0.0)
    for x, h in zip(X, H):
        lasso = Lasso(
            alpha=0.5 / len(W), positive=True, fit_intercept=False
        ).fit(W.double().numpy(), x.double().numpy())
        np.testing.assert_allclose(h.numpy(), lasso.coef_, atol=1e-4)


def test_overshoot_of_the_code_is_nothing():
    W, X = atoms_and_frames(12)
    H = converged_code(X, W, 0.5, max_sweeps=5000, tol=0.0)
    assert overshoot(X, W, H).max() < 1e-3
    assert overshoot(X, W, 2 * H + 1.0).max() > 0.5
