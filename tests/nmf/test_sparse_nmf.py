"""The fit of the dictionary: what it minimises, and that it does."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from nmf.planted import cosines, planted, spectra
from sklearn.decomposition import NMF

from explainable_seg.nmf import SparseNMF, coding, converged_code, objective
from explainable_seg.nmf.atoms import (
    INITS,
    Statistics,
    initial_atoms,
    replace_atoms,
    update_atoms,
)
from explainable_seg.nmf.solvers import BlockFit, Hals

ALL_SOLVERS = [
    {"solver": "hals"},
    {"solver": "mu"},
    {"solver": "mu", "beta": 1},
    {"solver": "mu", "beta": 0},
]


def assert_is_dictionary(W, n_atoms):
    """W is non-negative, its columns have unit norm."""
    assert bool((W >= 0).all())
    torch.testing.assert_close(W.norm(dim=0), torch.ones(n_atoms).to(W))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_atoms=st.integers(1, 20),
    mu=st.sampled_from([0.0, 0.1, 1.0]),
    init=st.sampled_from(INITS),
    options=st.sampled_from(ALL_SOLVERS),
)
def test_objective_never_rises_and_atoms_have_unit_norm(
    seed, n_atoms, mu, init, options
):
    X = torch.rand(40, 9, generator=torch.Generator().manual_seed(seed)) * 5
    nmf = SparseNMF(n_atoms, mu, 15, 0.0, seed, init=init, **options).fit(X)
    values = np.array(nmf.objectives)
    assert len(values) >= 2
    assert (np.diff(values) <= 2e-6 * values[:-1] + 1e-4).all()
    assert_is_dictionary(nmf.dictionary, n_atoms)
    H = nmf.transform(X)
    assert H.shape == (40, n_atoms)
    assert bool((H >= 0).all())


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("solver", ["hals", "mu"])
def test_planted_atoms_are_found(init, solver):
    X, W = planted()
    nmf = SparseNMF(4, 0.01, 800, 0.0, solver=solver, init=init).fit(X)
    assert cosines(nmf.dictionary, W).min() > 0.99


@pytest.mark.parametrize("beta", [1, 0])
def test_planted_atoms_are_found_in_other_divergences(beta):
    X, W = planted()
    nmf = SparseNMF(4, 1e-3, 800, 0.0, solver="mu", beta=beta)
    found = nmf.fit(X + 0.01).dictionary
    assert cosines(found, W).min() > 0.99


def test_the_value_is_that_of_the_formula_for_many_blocks(monkeypatch):
    monkeypatch.setattr(coding, "CPU_FRAMES", 100)
    X = spectra(950)
    state = BlockFit(
        X, initial_atoms(X, 8, "frames", torch.Generator()), Hals(0.5)
    )
    state.iterate()
    H = torch.zeros(950, 8)
    for first, code in enumerate(state.codes):
        H[first :: len(state.codes)] = code.T
    assert len(state.codes) == 10
    expected = objective(X, state.W, H, 0.5).item()
    assert state.objective() == pytest.approx(expected, rel=1e-5)


def test_more_blocks_never_raise_the_objective(monkeypatch):
    monkeypatch.setattr(coding, "CPU_FRAMES", 64)
    X = spectra(1000)
    values = np.array(SparseNMF(12, 0.5, 20, 0.0).fit(X).objectives)
    assert (np.diff(values) <= 1e-6 * values[:-1]).all()


def test_a_sweep_over_the_atoms_lowers_the_error():
    X, _ = planted()
    generator = torch.Generator().manual_seed(3)
    W = torch.rand(30, 4, generator=generator)
    W = torch.nn.functional.normalize(W, dim=0)
    H = torch.rand(len(X), 4, generator=generator)
    before = objective(X, W, H, 1.0)
    new = update_atoms(W.clone(), X.T @ H, H.T @ H)
    assert objective(X, new, H, 1.0) < before


def test_an_atom_without_activations_stays():
    X, W = planted()
    H = torch.rand(len(X), 4)
    H[:, 2] = 0.0
    new = update_atoms(W.clone(), X.T @ H, H.T @ H)
    torch.testing.assert_close(new[:, 2], W[:, 2])


def test_dead_atoms_are_reseeded_without_touching_the_objective():
    X, W = planted()
    W[:, 2] = 0.0
    W[-1, 2] = 1.0  # where hardly any energy is: no frame uses it
    state = BlockFit(X, W, Hals(1.0))
    assert state.total.dead_atoms().tolist() == [2]
    before, old = state.objective(), W[:, 2].clone()
    assert state.reseed() == 1
    assert not torch.equal(W[:, 2], old)
    assert W[:, 2].norm().item() == pytest.approx(1.0)
    assert state.objective() == pytest.approx(before)
    state.iterate()
    assert state.objective() < before
    assert state.reseed() == 0


def test_a_new_atom_has_no_past():
    X, W = planted()
    seen = Statistics.of(X, torch.rand(4, len(X)))
    assert replace_atoms(W, seen, torch.tensor([1]), X[:3]) == 1
    assert seen.A[:, 1].abs().max() == seen.n_active[1] == 0
    assert seen.B[1].abs().max() == seen.B[:, 1].abs().max() == 0
    assert seen.B[0, 2] > 0
    # The largest of the candidates has come in.
    largest = X[X[:3].norm(dim=1).argmax()]
    torch.testing.assert_close(W[:, 1], largest / largest.norm())


def test_atoms_that_the_singular_vectors_do_not_suffice_for_are_frames():
    X = torch.rand(20, 1) * torch.rand(1, 6)
    W = initial_atoms(X, 3, "nndsvd", torch.Generator())
    expected = (X[0] / X[0].norm()).unsqueeze(1).expand(-1, 3)
    torch.testing.assert_close(W, expected)


def test_the_fit_is_as_good_as_that_of_scikit_learn_without_penalty():
    X = spectra(300, n_bins=20, n_atoms=3).double()
    W = initial_atoms(X, 3, "frames", torch.Generator().manual_seed(0))
    ours = SparseNMF(3, mu=0.0, max_iter=3000, tol=0.0).fit(X)
    theirs = NMF(3, init="custom", solver="cd", tol=1e-9, max_iter=5000)
    theirs.fit(
        X.numpy(),
        W=converged_code(X, W, 0.0).contiguous().numpy(),
        H=W.T.contiguous().numpy(),
    )
    expected = 0.5 * theirs.reconstruction_err_**2
    assert ours.objectives[-1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("options", ALL_SOLVERS)
@pytest.mark.parametrize(
    "X",
    [
        torch.zeros(20, 6),
        torch.full((20, 6), 2.0),
        torch.cat([torch.zeros(10, 6), torch.rand(10, 6)]),
        torch.rand(3, 6),
        torch.rand(1, 6),
        torch.rand(20, 1),
    ],
    ids=["silence", "constant", "half", "fewer than K", "one", "one bin"],
)
@pytest.mark.parametrize("n_atoms", [1, 5])
def test_degenerate_frames_are_factorised(X, n_atoms, options):
    for init in INITS:
        nmf = SparseNMF(n_atoms, 0.1, init=init, **options).fit(X)
        assert_is_dictionary(nmf.dictionary, n_atoms)
        H = nmf.transform(X)
        assert bool(torch.isfinite(H).all())
        assert np.isfinite(nmf.objectives).all()


def test_float64_is_kept_and_agrees_with_float32():
    X = spectra(300)
    single, double = SparseNMF(6, 0.5), SparseNMF(6, 0.5)
    single.fit(X)
    double.fit(X.double())
    assert double.dictionary.dtype == torch.float64
    assert double.transform(X.double()).dtype == torch.float64
    assert double.transform(X).dtype == torch.float32
    assert single.objectives[0] == pytest.approx(double.objectives[0], rel=1e-3)


@pytest.mark.parametrize("options", ALL_SOLVERS)
def test_same_seed_same_dictionary(options):
    X, _ = planted()
    first, second = (
        SparseNMF(4, seed=5, **options).fit(X).dictionary for _ in range(2)
    )
    assert torch.equal(first, second)
    other = SparseNMF(4, seed=6, **options).fit(X).dictionary
    assert not torch.equal(first, other)


def test_transform_leaves_the_dictionary_and_gives_exact_zeros():
    X, _ = planted()
    nmf = SparseNMF(n_atoms=4, mu=1.0).fit(X)
    before = nmf.dictionary.clone()
    H = nmf.transform(X)
    assert torch.equal(nmf.dictionary, before)
    assert (H == 0).float().mean() > 0.3
    assert nmf.transform(X[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    "X, message",
    [
        (-torch.ones(5, 3), ">= 0"),
        (torch.full((5, 3), float("nan")), "finite"),
        (torch.full((5, 3), float("inf")), "finite"),
        (torch.ones(5), "got \\(5,\\)"),
        (torch.ones(0, 3), "T > 0"),
        (torch.ones(5, 0), "F > 0"),
        (torch.ones(5, 3, dtype=torch.int64), "float32 or float64"),
    ],
)
def test_what_cannot_be_factorised_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        SparseNMF(n_atoms=2).fit(X)
    with pytest.raises(ValueError, match=message):
        SparseNMF(n_atoms=2).partial_fit(X)


def test_one_bad_value_among_many_is_noticed():
    X = torch.rand(500, 20)
    X[345, 6] = float("nan")
    with pytest.raises(ValueError, match="nan"):
        SparseNMF(n_atoms=2).fit(X)


@pytest.mark.parametrize(
    "options",
    [
        {"n_atoms": 0},
        {"mu": -1.0},
        {"max_iter": 0},
        {"tol": -0.1},
        {"forgetting": -1.0},
        {"solver": "admm"},
        {"init": "zeros"},
        {"beta": 1},
        {"solver": "mu", "beta": 3},
    ],
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ValueError, match="expected .* got"):
        SparseNMF(**options)


def test_use_before_the_fit_and_frames_of_other_length_are_refused():
    with pytest.raises(RuntimeError, match="fit"):
        SparseNMF().transform(torch.ones(3, 3))
    with pytest.raises(ValueError, match="3 bins"):
        SparseNMF(2).fit(torch.rand(5, 3)).transform(torch.ones(3, 4))


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
