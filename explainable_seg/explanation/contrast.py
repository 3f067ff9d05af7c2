"""Why one class and not another: the difference of their contributions.

Logits are sums over the same atoms, so their difference is one as well: atom
k adds ``h_k (Theta_ak - Theta_bk)`` to it, exactly.
"""

from dataclasses import dataclass

import torch

from explainable_seg.classes import class_index
from explainable_seg.explanation.reading import Reading, StudentWeights


@dataclass(frozen=True, eq=False)
class Contrast:
    """Why class A rather than class B, on some frames of a recording.

    ``bias + relevance.sum() == logit_gap`` to rounding.

    Arguments
    ---------
    class_name : str
        Class A.
    other : str
        Class B.
    bias : float
        Difference of their biases.
    logit_gap : float
        Mean difference of their logits.
    relevance : torch.Tensor [shape=(K,), dtype=float64]
        What each atom adds to the gap; below zero, it speaks for B.
    """

    class_name: str
    other: str
    bias: float
    logit_gap: float
    relevance: torch.Tensor


def contrast_classes(
    reading: Reading,
    weights: StudentWeights,
    class_name: str,
    other: str,
    frames: torch.Tensor,
) -> Contrast:
    """Contrast two classes.

    Arguments
    ---------
    reading : Reading
        A recording, or a passage of it, as the student read it.
    weights : StudentWeights
        The student's dictionary and classifier.
    class_name : str
        Class A, one that the student was trained for.
    other : str
        Class B, likewise.
    frames : torch.Tensor [shape=(T,), dtype=bool]
        Frames to explain, at least one.

    Returns
    -------
    Contrast

    Raises
    ------
    ExplainableSegError
        If the student was not trained for one of the two.
    ValueError
        If there is no frame.

    Example
    -------
    >>> reading = Reading(
    ...     audio=torch.zeros(400).numpy(),
    ...     spectrogram=torch.ones(1, 2),
    ...     activations=torch.ones(1, 2),
    ...     logits=torch.tensor([[3.0, 1.0, 0.0, 0.0]]),
    ... )
    >>> theta = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    >>> weights = StudentWeights(torch.eye(2), theta, torch.zeros(4))
    >>> contrast = contrast_classes(
    ...     reading, weights, "speech", "music", torch.tensor([True])
    ... )
    >>> contrast.relevance.tolist(), contrast.logit_gap
    ([2.0, 0.0], 2.0)
    """
    if not frames.any():
        raise ValueError("expected `frames` to explain, got none")
    a, b = (class_index(name, weights.classes) for name in (class_name, other))
    z = reading.activations[frames].double().mean(dim=0)
    logits = reading.logits[frames].double().mean(dim=0)
    theta = weights.theta.double()
    return Contrast(
        class_name=class_name,
        other=other,
        bias=(weights.bias[a] - weights.bias[b]).item(),
        logit_gap=(logits[a] - logits[b]).item(),
        relevance=z * (theta[a] - theta[b]),
    )
