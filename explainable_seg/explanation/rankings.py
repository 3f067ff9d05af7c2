"""How an explanation by atoms ranks the points of a spectrogram."""

import torch

from explainable_seg.explanation.masks import (
    class_mask,
    class_masks,
    evidence_map,
)
from explainable_seg.explanation.relevance import relevance, select_atoms

SELECTED = "selected atoms"


def atom_rankings(
    H: torch.Tensor,
    W: torch.Tensor,
    theta_c: torch.Tensor,
    frames: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Three readings of the same relevances.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations of a passage.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.
    frames : torch.Tensor [shape=(T,), dtype=bool]
        Frames that are explained, at least one.

    Returns
    -------
    dict[str, torch.Tensor] [shape=(T, F)]
        ``selected atoms``, the mask of the explanation that is shown and
        heard; ``weighted atoms``, each atom of positive relevance in
        proportion to it; ``evidence``, the evidence of each frame itself.

    Example
    -------
    >>> rankings = atom_rankings(
    ...     torch.ones(1, 2),
    ...     torch.eye(2),
    ...     torch.tensor([2.0, 1.0]),
    ...     torch.tensor([True]),
    ... )
    >>> rankings["weighted atoms"].tolist()
    [[1.0, 0.5]]
    """
    r = relevance(H[frames], theta_c)
    positive = r.clamp(min=0)
    weights = positive / positive.max().clamp(min=1e-10)
    return {
        SELECTED: class_mask(H, W, select_atoms(r)),
        "weighted atoms": class_masks(H, W, weights[None])[0],
        "evidence": evidence_map(H, W, theta_c),
    }
