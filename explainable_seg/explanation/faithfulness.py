"""Is an explanation faithful to the model? Measures of one frame and class.

A mask says which part of the sound speaks for a class. What it keeps
(mask-in) and what it leaves (mask-out) are made into sound again and go
through the whole model (:mod:`.reanalysis`). With p the probability of the
class for the sound itself, ``q_in`` and ``q_out`` those for the two parts, the
measures below compare frame with frame; their means over the frames that the
model marks are the figures of Grad-CAM++ (arXiv 1710.11063), LMAC (arXiv
2403.13086) and RISE (arXiv 1806.07421). Decisions are multilabel: each class
has its own sigmoid and threshold, and no softmax is taken anywhere.
"""

from collections.abc import Sequence

import torch

EPSILON = 1e-10
RESOLUTION = 1e-4  # of probabilities: resynthesis moves them by less than that


def average_increase(p: torch.Tensor, q_in: torch.Tensor) -> torch.Tensor:
    """AI: is the class surer when only the explanation sounds?

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_in : torch.Tensor [shape=(...)]
        Probabilities for what the mask keeps.

    Returns
    -------
    torch.Tensor [shape=(...)]
        100 where it is by more than RESOLUTION, else 0: percent when
        averaged. More is better.

    Example
    -------
    >>> average_increase(torch.tensor([0.5, 0.5]), torch.tensor([0.6, 0.5]))
    tensor([100.,   0.])
    """
    return 100.0 * (q_in > p + RESOLUTION).to(p.dtype)


def average_drop(p: torch.Tensor, q_in: torch.Tensor) -> torch.Tensor:
    """AD: share of the probability lost when only the explanation sounds.

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_in : torch.Tensor [shape=(...)]
        Probabilities for what the mask keeps.

    Returns
    -------
    torch.Tensor [shape=(...)]
        ``100 max(0, p - q_in) / p``, percent. Less is better.

    Example
    -------
    >>> average_drop(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]))
    tensor([50.,  0.])
    """
    return 100.0 * (p - q_in).clamp(min=0) / p.clamp(min=EPSILON)


def average_gain(p: torch.Tensor, q_in: torch.Tensor) -> torch.Tensor:
    """AG: share of the doubt lost when only the explanation sounds.

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_in : torch.Tensor [shape=(...)]
        Probabilities for what the mask keeps.

    Returns
    -------
    torch.Tensor [shape=(...)]
        ``100 max(0, q_in - p) / (1 - p)``, percent. More is better.

    Example
    -------
    >>> average_gain(torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25]))
    tensor([50.,  0.])
    """
    return 100.0 * (q_in - p).clamp(min=0) / (1 - p).clamp(min=EPSILON)


def faithfulness(p: torch.Tensor, q_out: torch.Tensor) -> torch.Tensor:
    """FF: probability that goes with the explanation.

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_out : torch.Tensor [shape=(...)]
        Probabilities for what the mask leaves.

    Returns
    -------
    torch.Tensor [shape=(...)]
        ``p - q_out``, in [-1, 1]. More is better.

    Example
    -------
    >>> faithfulness(torch.tensor([0.75]), torch.tensor([0.25]))
    tensor([0.5000])
    """
    return p - q_out


def input_fidelity(q_in: torch.Tensor, threshold: float) -> torch.Tensor:
    """Fid-In: is the class still found when only the explanation sounds?

    Arguments
    ---------
    q_in : torch.Tensor [shape=(...)]
        Probabilities, for what the mask keeps, of frames that are marked.
    threshold : float
        Probability from which the class counts as found.

    Returns
    -------
    torch.Tensor [shape=(...)]
        1 where it is, else 0. More is better.

    Example
    -------
    >>> input_fidelity(torch.tensor([0.5, 0.4]), 0.5)
    tensor([1., 0.])
    """
    return (q_in >= threshold).to(q_in.dtype)


def sparseness(attribution: torch.Tensor) -> torch.Tensor:
    """SPS: Gini index over the bins of each frame (arXiv 1810.06583).

    Arguments
    ---------
    attribution : torch.Tensor [shape=(T, F)]
        Non-negative: a mask, or the positive part of an attribution.

    Returns
    -------
    torch.Tensor [shape=(T,)]
        0 for bins that are all alike, ``1 - 1 / F`` for a single one; NaN
        where a frame has nothing. More is sparser.

    Example
    -------
    >>> sparseness(torch.tensor([[1.0, 1.0], [0.0, 3.0], [0.0, 0.0]]))
    tensor([0.0000, 0.5000,    nan])
    """
    n_bins = attribution.shape[1]
    ranks = torch.arange(1, n_bins + 1, device=attribution.device)
    rising = attribution.sort(dim=1).values
    weighted = ((2 * ranks - n_bins - 1) * rising).sum(dim=1)
    total = attribution.sum(dim=1)
    return torch.where(total > 0, weighted / (n_bins * total), torch.nan)


def complexity(attribution: torch.Tensor) -> torch.Tensor:
    """COMP: entropy over the bins of each frame (arXiv 2005.00631).

    Arguments
    ---------
    attribution : torch.Tensor [shape=(T, F)]
        Non-negative: a mask, or the positive part of an attribution.

    Returns
    -------
    torch.Tensor [shape=(T,)]
        Nats, from 0 for a single bin to ``log F`` for bins that are all
        alike; NaN where a frame has nothing. Less is simpler.

    Example
    -------
    >>> complexity(torch.tensor([[1.0, 1.0], [0.0, 3.0], [0.0, 0.0]]))
    tensor([0.6931, 0.0000,    nan])
    """
    total = attribution.sum(dim=1, keepdim=True)
    shares = attribution / total.clamp(min=EPSILON)
    entropy = torch.special.entr(shares).sum(dim=1)
    return torch.where(total[:, 0] > 0, entropy, torch.nan)


def area_weights(shares: Sequence[float]) -> torch.Tensor:
    """Weights with which values of a curve sum to the area under it.

    The trapezoid rule is linear, so areas can be summed over recordings as
    the values themselves are.

    Arguments
    ---------
    shares : Sequence[float] [length=S]
        Rising from 0 to 1: shares of the energy inserted or deleted.

    Returns
    -------
    torch.Tensor [shape=(S,), dtype=float64]

    Raises
    ------
    ValueError
        If the shares do not rise from 0 to 1.

    Example
    -------
    >>> area_weights([0.0, 0.5, 1.0]).tolist()
    [0.25, 0.5, 0.25]
    """
    x = torch.tensor(list(shares), dtype=torch.float64)
    steps = x.diff()
    if len(x) < 2 or x[0] != 0 or x[-1] != 1 or bool((steps <= 0).any()):
        raise ValueError(f"expected `shares` from 0 to 1, got {list(shares)}")
    nothing = steps.new_zeros(1)
    return (torch.cat([nothing, steps]) + torch.cat([steps, nothing])) / 2
