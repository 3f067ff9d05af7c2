"""Multiplicative updates: the terms, the divergences, the safeguard."""

import math

import pytest
import torch
from nmf.planted import spectra

from explainable_seg.nmf.atoms import Statistics, unit_columns
from explainable_seg.nmf.multiplicative import (
    FLOOR,
    DivergenceFit,
    atom_step,
    atom_terms,
    code_step,
    divergence,
    normalised_terms,
    positive_start,
)
from explainable_seg.nmf.solvers import MultiplicativeUpdates


def start(n_frames=50, n_atoms=6):
    """Frames, atoms and activations, all positive, in float64."""
    X = spectra(n_frames).double() + 0.1
    W = unit_columns(X[:n_atoms].T)
    return X, W, positive_start(X, W)


@pytest.mark.parametrize("beta", [1, 0])
def test_the_terms_are_the_parts_of_the_gradient(beta):
    X, W, H = start()
    W.requires_grad_()
    divergence(X, W, H, beta).backward()
    negative, positive = atom_terms(X, W.detach(), H, beta)
    torch.testing.assert_close(positive - negative, W.grad)
    assert bool((positive >= 0).all() and (negative >= 0).all())


@pytest.mark.parametrize("beta", [1, 0])
def test_the_normalised_terms_are_those_of_the_normalised_objective(beta):
    X, W, H = start()
    V = W.clone().requires_grad_()
    divergence(X, V / V.norm(dim=0), H, beta).backward()
    pull, push = normalised_terms(W, atom_terms(X, W, H, beta))
    torch.testing.assert_close(push - pull, V.grad)
    assert bool((pull >= 0).all() and (push >= 0).all())


@pytest.mark.parametrize(
    "beta, expected", [(2, 2.0), (1, 4 / 1.5), (0, (4 / 1.5) ** 0.5)]
)
def test_an_update_by_hand(beta, expected):
    # One atom of one bin, x = 4, h = 1, mu = 1/2 (beta 2: mu = 1).
    X, W, H = torch.tensor([[4.0]]), torch.eye(1), torch.ones(1, 1)
    mu = 1.0 if beta == 2 else 0.5
    code_step(X, W, H, mu, beta)
    assert H.item() == pytest.approx(expected)


@pytest.mark.parametrize("beta", [2, 1, 0])
@pytest.mark.parametrize("mu", [0.0, 1.0])
def test_no_update_of_the_activations_raises_the_objective(beta, mu):
    X, W, H = start()
    before = float("inf")
    for _ in range(50):
        now = (divergence(X, W, H, beta) + mu * H.sum()).item()
        assert now <= before * (1 + 1e-12)
        before = now
        code_step(X, W, H, mu, beta)


@pytest.mark.parametrize("beta", [1, 0])
def test_the_divergence_is_zero_only_for_what_is_rebuilt(beta):
    W, H = torch.rand(7, 3) + 0.1, torch.rand(3, 5) + 0.1
    X = H.T @ W.T
    assert divergence(X, W, H, beta).item() == pytest.approx(0, abs=1e-5)
    assert divergence(X + 1, W, H, beta) > 0.1
    assert bool(torch.isfinite(divergence(0 * X, W, H, beta)))


def test_a_step_that_would_raise_the_objective_is_shortened():
    X, W, H = start()
    terms = atom_terms(X, W, H, 1)
    asked = []

    def value(atoms):
        asked.append(atoms)
        # Only a hair's breadth from W is the objective let fall.
        return 0.0 if (atoms - W).abs().max() < 1e-3 else 1.0

    def worse(atoms):
        return 0.0 if atoms is W else 1.0

    moved = atom_step(W, terms, value)
    assert len(asked) > 2
    assert (moved - W).abs().max() < 1e-3
    assert atom_step(W, terms, worse) is W


def test_the_closed_form_of_the_squared_error_is_that_of_the_frames():
    X, W, H = start()
    by_frames = X.T @ H.T, (H.T @ W.T).T @ H.T
    seen = Statistics.of(X, H)
    solver = MultiplicativeUpdates(mu=0.5)
    expected = atom_step(W, by_frames, lambda V: seen.objective(V, 0.5))
    moved = W.clone()
    solver.move_atoms(moved, seen)
    torch.testing.assert_close(moved, expected)
    assert seen.objective(moved, 0.5) < seen.objective(W, 0.5)


@pytest.mark.parametrize("beta", [1, 0])
def test_silence_is_no_trouble(beta):
    X, W, _ = start()
    X[10:20] = 0.0
    fit = DivergenceFit(X, W, 0.1, beta)
    for _ in range(5):
        fit.iterate()
    assert math.isfinite(fit.objective())
    assert (fit.H[:, 10:20].T @ fit.W.T).max() < 1e-3 + FLOOR
