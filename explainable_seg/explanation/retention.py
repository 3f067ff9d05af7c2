"""Masks that keep a given share of the energy, so that they can be compared.

A mask near one keeps every decision and a mask near zero loses every one,
whatever they explain. Rankings of time-frequency points are therefore compared
at equal retained energy: the points that rank highest are kept, whole, until
they hold that share of the energy of the passage. Only the order counts, so
methods whose values differ in scale or spread are treated alike. Scaling a
mask down instead would keep every point and only make the sound quieter.

The energy is that of the frame grid. In the sound, windows overlap and points
that are kept here and there partly cancel, so what a mask keeps of the
waveform is measured as well (``energy`` of :mod:`.faithfulness_stats`).
"""

from collections.abc import Sequence

import torch


def retention_masks(
    scores: torch.Tensor,
    power: torch.Tensor,
    shares: Sequence[float],
    seed: int = 0,
) -> torch.Tensor:
    """Masks of the highest scores that keep given shares of the energy.

    Points of equal score, such as those that a method says nothing of, follow
    in random order. The last point is kept in part, so that the share is met
    exactly.

    Arguments
    ---------
    scores : torch.Tensor [shape=(T, F)]
        A mask or an attribution; higher is kept first.
    power : torch.Tensor [shape=(T, F)]
        Energy of each point, ``|STFT|^2``.
    shares : Sequence[float] [length=S]
        Shares of the energy to keep, in [0, 1].
    seed : int
        Of the order of equal scores.

    Returns
    -------
    torch.Tensor [shape=(S, T, F), dtype=float32]
        Gains of the amplitude in [0, 1].

    Raises
    ------
    ValueError
        If a share is outside [0, 1], or there is no energy to share.

    Example
    -------
    >>> scores = torch.tensor([[3.0, 1.0, 2.0]])
    >>> power = torch.tensor([[1.0, 1.0, 2.0]])
    >>> retention_masks(scores, power, [0.25, 0.375])
    tensor([[[1.0000, 0.0000, 0.0000]],
    <BLANKLINE>
            [[1.0000, 0.0000, 0.5000]]])
    """
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise ValueError(f"expected `shares` in [0, 1], got {list(shares)}")
    total = power.double().sum()
    if not total > 0:
        raise ValueError("expected `power` with energy, got none")
    order = _ranking(scores.flatten(), seed)
    ranked = power.flatten()[order].double()
    before = ranked.cumsum(0) - ranked
    wanted = torch.tensor(list(shares)).double().to(total) * total
    room = (wanted[:, None] - before).clamp(min=0)
    # A point without energy is kept while there is room for others.
    filled = torch.where(ranked > 0, room / ranked, (room > 0).double())
    masks = torch.empty_like(filled)
    masks[:, order] = filled.clamp(max=1.0).sqrt()
    return masks.reshape(-1, *scores.shape).float()


def _ranking(scores: torch.Tensor, seed: int) -> torch.Tensor:
    """Indices from the highest score to the lowest, equal ones at random."""
    generator = torch.Generator().manual_seed(seed)
    shuffle = torch.randperm(len(scores), generator=generator)
    shuffle = shuffle.to(scores.device)
    ranks = scores[shuffle].argsort(descending=True, stable=True)
    return shuffle[ranks]
