"""Grounding measures on cases whose answer is known."""

import pytest
import torch

from explainable_seg.evaluation.representation import RepresentationStats


@pytest.fixture
def atoms():
    """Eight atoms that share no bin, over 257 bins."""
    W = torch.zeros(257, 8)
    for k in range(8):
        W[k * 32 : k * 32 + 32, k] = 32**-0.5
    return W


def frames(atoms, seed=0):
    generator = torch.Generator().manual_seed(seed)
    H = torch.rand(300, atoms.shape[1], generator=generator) * 9 + 2
    H *= torch.rand(H.shape, generator=generator) < 0.5
    return H


def test_the_transform_itself_scores_as_the_transform(atoms):
    H = frames(atoms)
    stats = RepresentationStats(atoms, 0.0, torch.ones(4, 8))
    for part in H.split(70):
        X = part @ atoms.T
        X[:, 256] = 0.5  # in no atom's reach
        stats.update(X, part)
    summary = stats.summary()
    assert summary["error_ratio"] == pytest.approx(1.0, abs=0.1)
    assert summary["correlation"] == pytest.approx(1.0, abs=1e-3)
    assert summary["permuted_correlation"] < 0.5
    assert summary["dead"] == 0.0


def test_error_atoms_and_dead_by_hand(atoms):
    H = torch.zeros(2, 8)
    H[0, 0], H[1, 1] = 3.0, 4.0
    stats = RepresentationStats(atoms, 0.0, torch.ones(4, 8))
    stats.update(H @ atoms.T, torch.zeros(2, 8))
    stats.update(H @ atoms.T, H)
    summary = stats.summary()
    assert summary["error"] == pytest.approx(0.5**0.5)
    assert summary["atoms"] == 0.5
    assert summary["nmf_atoms"] == 1.0
    assert summary["dead"] == 0.75


def test_bands_of_relevance_and_of_the_input(atoms):
    theta = torch.zeros(4, 8)
    theta[1, 0] = 1.0  # bins 0 to 31: 0 to 968.75 Hz
    theta[1, 5] = -1.0  # speaks against: not counted
    H = torch.zeros(1, 8)
    H[0, 0], H[0, 5] = 1.0, 1.0
    stats = RepresentationStats(atoms, 0.0, theta)
    stats.update(H @ atoms.T, H)
    shares = stats.band_shares()
    assert sum(shares["input"]) == pytest.approx(1.0)
    # 4 of the 32 bins lie below 100 Hz (0, 31, 62, 94 Hz).
    assert shares["music"] == pytest.approx([4 / 32, 28 / 32, 0.0, 0.0])
    assert shares["input"][3] == pytest.approx(0.5)
    assert shares["speech"] is None


def test_silence_has_no_measures(atoms):
    stats = RepresentationStats(atoms, 0.0, torch.ones(4, 8))
    stats.update(torch.zeros(3, 257), torch.zeros(3, 8))
    with pytest.raises(ValueError, match="sound"):
        stats.summary()


def test_relevance_that_is_not_heard_is_told_apart(atoms):
    theta = torch.zeros(4, 8)
    theta[0, 0], theta[0, 1] = 1.0, 2.0
    sound = torch.zeros(1, 8)
    sound[0, 0] = 3.0
    H = torch.zeros(1, 8)
    # Of atom 0 three of four are heard, of atom 1 nothing: 3 of 4 + 2 * 1.
    H[0, 0], H[0, 1] = 4.0, 1.0
    stats = RepresentationStats(atoms, 0.0, theta)
    stats.update(sound @ atoms.T, H)
    assert stats.summary()["heard_relevance"] == pytest.approx(0.5)


def test_an_atom_in_place_of_its_twin_is_supported_though_not_heard(atoms):
    twins = atoms.clone()
    twins[:, 1] = twins[:, 0]
    theta = torch.zeros(4, 8)
    theta[0, :2] = 1.0
    X = 3 * twins[:, 0].unsqueeze(0)
    swapped, both = torch.zeros(1, 8), torch.zeros(1, 8)
    swapped[0, 1] = 3.0  # the transform takes atom 0
    both[0, 0] = both[0, 1] = 3.0
    for H, expected in ((swapped, 1.0), (both, 0.0)):
        stats = RepresentationStats(twins, 0.0, theta)
        stats.update(X, H)
        found = stats.summary()["supported_relevance"]
        assert found == pytest.approx(expected, abs=1e-6)
