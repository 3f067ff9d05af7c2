"""Frames whose atoms are known."""

import torch


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


def spectra(n_frames, n_bins=40, n_atoms=12, seed=0):
    """Non-negative frames with noise, which no few atoms rebuild exactly."""
    generator = torch.Generator().manual_seed(seed)
    W = torch.rand(n_bins, n_atoms, generator=generator) ** 4
    H = torch.rand(n_frames, n_atoms, generator=generator) * 10
    H *= torch.rand(n_frames, n_atoms, generator=generator) < 0.3
    return H @ W.T + torch.rand(n_frames, n_bins, generator=generator) * 0.3


def cosines(found, W):
    """Of each planted atom with the found atom most like it."""
    return (found.T @ W).max(dim=0).values


def with_dead_atom(state, atom=2):
    """State of a SparseNMF in which no frame has ever used an atom.

    It lies where the frames of ``planted`` have hardly any energy.
    """
    state["atoms"][atom] = 0.0
    state["atoms"][atom, -1] = 1.0
    for name in ("A", "B", "n_active"):
        state["statistics"][name][..., atom] = 0.0
    state["statistics"]["B"][atom] = 0.0
    return state
