"""Atoms to start from."""

import torch

from explainable_seg.nmf.atoms import unit_columns
from explainable_seg.nmf.coding import frame_blocks
from explainable_seg.nmf.distributed import (
    gather_over_ranks,
    rank_and_size,
    sum_over_ranks,
)

INITS = ("frames", "random", "nndsvd")

NEGLIGIBLE = 1e-6  # share of the largest eigenvalue: noise in float32


def initial_atoms(
    X: torch.Tensor, n_atoms: int, init: str, generator: torch.Generator
) -> torch.Tensor:
    """Unit-norm atoms, the same on all processes that share the frames.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Non-negative frames of this process.
    n_atoms : int
        Number of atoms K.
    init : str
        ``frames``: frames drawn without replacement. ``random``: uniform
        noise. ``nndsvd``: the leading non-negative parts of the singular
        vectors (Boutsidis and Gallopoulos, "SVD based initialization", 2008).
        Atoms that the frames do not suffice for are drawn as the next of
        these: nndsvd, frames, random.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.Tensor [shape=(F, K)]

    Raises
    ------
    ValueError
        If ``init`` is none of these.

    Example
    -------
    >>> X = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    >>> initial_atoms(X, 1, "frames", torch.Generator())
    tensor([[0.6000],
            [0.8000]])
    """
    if init not in INITS:
        raise ValueError(f"expected `init` one of {INITS}, got {init!r}")
    noise = torch.rand(n_atoms, X.shape[1], generator=generator).to(X)
    parts = [noise]
    if init != "random":
        parts.insert(0, draw_frames(X, n_atoms, generator))
    if init == "nndsvd":
        parts.insert(0, _singular_parts(X, n_atoms))
    return unit_columns(torch.cat(parts)[:n_atoms].T)


def draw_frames(
    X: torch.Tensor, n_frames: int, generator: torch.Generator
) -> torch.Tensor:
    """Frames that sound, drawn without replacement from all processes.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames of this process.
    n_frames : int
        How many to draw.
    generator : torch.Generator
        On the CPU, in the same state on each process.

    Returns
    -------
    torch.Tensor [shape=(n, F)]
        The same on all processes; n <= n_frames, where fewer sound.
    """
    sounding = (X.amax(dim=1) > 0).nonzero()[:, 0]
    counts = gather_over_ranks(torch.tensor(len(sounding), device=X.device))
    drawn = torch.randperm(int(counts.sum()), generator=generator)
    own = drawn[:n_frames].to(X.device)
    own = own - counts[: rank_and_size()[0]].sum()
    here = (own >= 0) & (own < len(sounding))
    frames = X.new_zeros(len(own), X.shape[1])
    frames[here] = X[sounding[own[here]]]
    sum_over_ranks(frames)
    return frames


def _singular_parts(X: torch.Tensor, n_atoms: int) -> torch.Tensor:
    """Of each leading singular vector, the part of either sign with more.

    From the second moments [F, F], so that the frames are gone through in
    blocks.
    """
    moments = X.new_zeros(X.shape[1], X.shape[1], dtype=torch.float64)
    for block in frame_blocks(X):
        moments += X[block].T @ X[block]
    sum_over_ranks(moments)
    values, vectors = torch.linalg.eigh(moments)
    values, vectors = values.flip(0)[:n_atoms], vectors.flip(1)[:, :n_atoms]
    vectors = vectors[:, values > NEGLIGIBLE * values[0]]
    energies = X.new_zeros(2, vectors.shape[1], dtype=torch.float64)
    for block in frame_blocks(X):
        scores = X[block] @ vectors.to(X)
        for energy, part in zip(energies, (scores, -scores)):
            energy += part.clamp(min=0.0).square().sum(dim=0)
    sum_over_ranks(energies)
    positive, negative = vectors.clamp(min=0.0), (-vectors).clamp(min=0.0)
    prefer = energies[0] * positive.square().sum(dim=0) >= energies[
        1
    ] * negative.square().sum(dim=0)
    return torch.where(prefer, positive, negative).T.to(X)
