"""Learning batch by batch: quality, resume, several processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from nmf.planted import cosines, planted, spectra, with_dead_atom

from explainable_seg.nmf import SparseNMF, converged_code, objective
from explainable_seg.nmf.atoms import Statistics

PROCESS = Path(__file__).with_name("one_of_many.py")


def loss(X, nmf):
    """Objective of the dictionary with converged activations."""
    W = nmf.dictionary
    H = converged_code(X, W, nmf.mu, max_sweeps=500, tol=1e-7)
    return objective(X, W, H, nmf.mu).item()


def test_one_pass_comes_within_two_percent_of_the_full_fit():
    X = spectra(8000)
    full = SparseNMF(12, 0.5, max_iter=100, tol=1e-6).fit(X)
    online = SparseNMF(12, 0.5)
    for batch in X.split(400):
        online.partial_fit(batch)
    assert loss(X, online) < 1.02 * loss(X, full)


@pytest.mark.parametrize("solver", ["hals", "mu"])
def test_planted_atoms_are_found_online(solver):
    X, W = planted(n_frames=6000)
    nmf = SparseNMF(4, 0.01, solver=solver)
    for batch in X.repeat(1 if solver == "hals" else 4, 1).split(200):
        nmf.partial_fit(batch)
    assert cosines(nmf.dictionary, W).min() > 0.99


def test_nothing_that_is_kept_grows_with_the_number_of_frames():
    nmf = SparseNMF(5)
    sizes = set()
    for batch in spectra(1000).split(100):
        state = nmf.partial_fit(batch).state_dict()
        tensors = [state["atoms"], *state["statistics"].values()]
        sizes.add(sum(tensor.numel() for tensor in tensors))
    assert len(sizes) == 1


def test_the_statistics_are_those_of_the_frames():
    X, W = planted()
    H = converged_code(X, W, 0.5)
    whole = Statistics.of(X, H.T)
    parts = Statistics.zeros(W)
    for frames, codes in zip(X.split(90), H.split(90)):
        parts.add_(Statistics.of(frames, codes.T))
    for name, tensor in whole.tensors().items():
        torch.testing.assert_close(
            parts.tensors()[name], tensor, rtol=1e-5, atol=1e-3
        )
    expected = objective(X, W, H, 0.5).item()
    assert whole.objective(W, 0.5) == pytest.approx(expected, rel=1e-5)
    summary = whole.summary(W, 0.5)
    error = (X - H @ W.T).norm() / X.norm()
    assert summary.relative_error == pytest.approx(error.item(), rel=1e-3)
    assert summary.objective == pytest.approx(expected / len(X), rel=1e-5)
    assert summary.atoms_per_frame == pytest.approx(
        (H > 0).float().sum(dim=1).mean().item()
    )
    torch.testing.assert_close(
        summary.usage, (H > 0).double().mean(dim=0), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize(
    "forgetting, weights", [(0.0, [1, 1, 1]), (2.0, [1 / 9, 4 / 9, 1])]
)
def test_earlier_batches_count_as_forgetting_says(forgetting, weights):
    # (1/2)^2 and then (2/3)^2 for the first of three, (2/3)^2 for the second.
    batches = spectra(600).split(200)
    nmf = SparseNMF(6, 0.5, forgetting=forgetting)
    for batch in batches:
        nmf.partial_fit(batch)
    kept = nmf.state_dict()["statistics"]
    assert kept["n_frames"].item() == pytest.approx(200 * sum(weights))
    energy = sum(w * b.square().sum() for w, b in zip(weights, batches))
    assert kept["energy"].item() == pytest.approx(energy.item(), rel=1e-5)
    H = nmf.transform(batches[-1], tol=0.0)
    recent = Statistics.of(batches[-1], H.T)
    assert (kept["B"].trace() > 1.05 * recent.B.trace()).item()


def test_a_dead_atom_of_a_stream_is_woken():
    X, W = planted(n_frames=1000)
    state = SparseNMF(4, 0.01).partial_fit(X[:500]).state_dict()
    nmf = SparseNMF(4, mu=5.0)
    nmf.load_state_dict(with_dead_atom(state))
    for batch in X.repeat(3, 1).split(100):
        nmf.partial_fit(batch)
    assert nmf.dictionary[-1, 2] < 0.9
    assert cosines(nmf.dictionary, W).min() > 0.9


def test_what_is_learned_is_told():
    nmf = SparseNMF(6, 0.5)
    for batch in spectra(2000).split(250):
        nmf.partial_fit(batch)
    assert nmf.n_batches == len(nmf.objectives) == 8
    assert nmf.summary.n_frames == 250
    assert nmf.objectives[-1] == pytest.approx(250 * nmf.summary.objective)
    assert nmf.objectives[-1] < 0.9 * nmf.objectives[0]


def test_an_interrupted_stream_goes_on_bit_for_bit(tmp_path):
    batches = spectra(2000).split(250)
    whole, first = SparseNMF(8, 0.5), SparseNMF(8, 0.5)
    for batch in batches:
        whole.partial_fit(batch)
    for batch in batches[:3]:
        first.partial_fit(batch)
    torch.save(first.state_dict(), tmp_path / "state")
    second = SparseNMF(8, 0.5)
    second.load_state_dict(torch.load(tmp_path / "state"))
    for batch in batches[3:]:
        second.partial_fit(batch)
    assert torch.equal(second.dictionary, whole.dictionary)
    assert second.objectives == whole.objectives
    assert second.n_batches == whole.n_batches


def test_a_state_is_a_copy_and_of_one_number_of_atoms():
    batches = spectra(500).split(250)
    nmf = SparseNMF(4).partial_fit(batches[0])
    state = nmf.state_dict()
    before = state["atoms"].clone()
    nmf.partial_fit(batches[1])
    assert torch.equal(state["atoms"], before)
    assert SparseNMF(4).state_dict()["atoms"] is None
    with pytest.raises(ValueError, match="5 atoms, got 4"):
        SparseNMF(5).load_state_dict(state)


def test_an_unfitted_state_is_taken_up():
    nmf = SparseNMF(4).partial_fit(spectra(100))
    nmf.load_state_dict(SparseNMF(4).state_dict())
    with pytest.raises(RuntimeError, match="fit"):
        nmf.transform(torch.ones(2, 40))


def test_silence_at_the_start_of_a_stream_costs_no_atom():
    X, W = planted(n_frames=3000)
    nmf = SparseNMF(4, 0.01).partial_fit(torch.zeros(100, 30))
    for batch in X.split(200):
        nmf.partial_fit(batch)
    assert cosines(nmf.dictionary, W).min() > 0.99


def test_a_stream_goes_on_after_a_fit():
    X = spectra(3000)
    nmf = SparseNMF(12, 0.5, max_iter=5).fit(X)
    before = loss(X, nmf)
    for batch in X.split(500):
        nmf.partial_fit(batch)
    assert loss(X, nmf) < 1.01 * before


def test_what_a_stream_cannot_take_is_refused():
    with pytest.raises(ValueError, match="beta"):
        SparseNMF(2, solver="mu", beta=1).partial_fit(torch.rand(5, 3))
    with pytest.raises(ValueError, match="3 bins"):
        nmf = SparseNMF(2).partial_fit(torch.rand(5, 3))
        nmf.partial_fit(torch.rand(5, 4))


def run_processes(n_processes, folder):
    """Dictionaries that processes learn together, one a process."""
    rendezvous = folder / f"rendezvous{n_processes}"
    outputs = [folder / f"{n_processes}_{rank}" for rank in range(n_processes)]
    roots = os.pathsep.join(map(str, PROCESS.parents[1:3]))
    environment = {**os.environ, "PYTHONPATH": roots}
    running = [
        subprocess.Popen(
            [sys.executable, PROCESS, str(rank), str(n_processes)]
            + [str(rendezvous), str(output)],
            env=environment,
        )
        for rank, output in enumerate(outputs)
    ]
    assert [process.wait(timeout=600) for process in running] == [0] * len(
        running
    )
    return [torch.load(output) for output in outputs]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """What one and two processes learn."""
    folder = tmp_path_factory.mktemp("ranks")
    return {n: run_processes(n, folder) for n in (1, 2)}


@pytest.mark.parametrize("case", ["frames", "random", "nndsvd", "dead"])
def test_two_processes_stream_as_one(learned, case):
    (alone,), (first, second) = learned[1], learned[2]
    assert torch.equal(first[case], second[case])
    torch.testing.assert_close(first[case], alone[case], atol=1e-4, rtol=0)


def test_two_processes_fit_one_dictionary_as_good_as_one_fits(learned):
    (alone,), (first, second) = learned[1], learned[2]
    assert torch.equal(first["fit"], second["fit"])
    values = [part["fit_objective"] for part in (alone, first, second)]
    np.testing.assert_allclose(values[1:], values[0], rtol=0.02)
