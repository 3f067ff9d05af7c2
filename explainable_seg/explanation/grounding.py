"""How far the activations stand for the sound, measured and never assumed.

The logits are exact sums of atom contributions. Whether these atoms are *in
the sound* is another question, answered by three figures: how well W H
rebuilds the spectrogram, how well H agrees with the sparse code that the
sound alone would get, and what both are when the atoms are scrambled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from explainable_seg.nmf.numerics import full_precision

Coder = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Maps frames X [T, F] and a dictionary W [F, K] to activations [T, K]."""


@dataclass(frozen=True)
class Grounding:
    """Grounding of the activations of a passage; None where undefined.

    Arguments
    ---------
    best_error : float or None
        Relative reconstruction error of the sparse code itself: the best this
        dictionary does on the passage at its sparsity.
    agreement : float or None
        Correlation of the activations with the sparse code.
    control_error : float or None
        Relative error of W H with the frequencies of W permuted.
    control_agreement : float or None
        Correlation of the activations with the code of that permuted W.
    """

    best_error: float | None
    agreement: float | None
    control_error: float | None
    control_agreement: float | None


@full_precision
def reconstruction_error(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor
) -> float | None:
    """Relative error ``||X - W H|| / ||X||`` over all frames.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Spectrogram.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    H : torch.Tensor [shape=(T, K)]
        Activations.

    Returns
    -------
    float or None
        0 when the atoms rebuild the sound, 1 when they rebuild nothing, more
        when they add what is not there; None for digital silence.

    Example
    -------
    >>> X, W = torch.tensor([[3.0, 4.0]]), torch.eye(2)
    >>> reconstruction_error(X, W, torch.tensor([[3.0, 0.0]]))
    0.8
    """
    norm = X.double().norm()
    if norm == 0:
        return None
    return ((X - H @ W.T).double().norm() / norm).item()


@full_precision
def frame_errors(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor
) -> torch.Tensor:
    """Relative reconstruction error of each frame.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Spectrogram.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    H : torch.Tensor [shape=(T, K)]
        Activations.

    Returns
    -------
    torch.Tensor [shape=(T,)]
        NaN for frames of digital silence.

    Example
    -------
    >>> X, W = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.eye(2)
    >>> frame_errors(X, W, torch.tensor([[3.0, 0.0], [0.0, 0.0]])).tolist()
    [0.800000011920929, nan]
    """
    norms = X.norm(dim=1)
    errors = (X - H @ W.T).norm(dim=1)
    return torch.where(norms > 0, errors / norms, torch.nan)


def agreement(H: torch.Tensor, reference: torch.Tensor) -> float | None:
    """Pearson correlation of two sets of activations, all atoms pooled.

    Pooling weighs each atom by how much it varies, so that atoms which hardly
    sound do not decide.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations of the student.
    reference : torch.Tensor [shape=(T, K)]
        Activations to compare with.

    Returns
    -------
    float or None
        In [-1, 1]; None where one of them is constant.

    Example
    -------
    >>> H = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    >>> agreement(H, 3 * H)
    1.0
    """
    ours = H.double() - H.double().mean()
    theirs = reference.double() - reference.double().mean()
    norm = ours.norm() * theirs.norm()
    if norm == 0:
        return None
    return ((ours * theirs).sum() / norm).item()


def permute_frequencies(W: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """The control: a dictionary with its frequencies permuted.

    The same way for all atoms, so norms and ``W' W`` stay what they were: the
    coding problem is as hard as before and only the match between atoms and
    sound is broken.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    seed : int
        Seed of the permutation.

    Returns
    -------
    torch.Tensor [shape=(F, K)]
    """
    generator = torch.Generator().manual_seed(seed)
    return W[torch.randperm(len(W), generator=generator)]


@full_precision
def measure_grounding(
    X: torch.Tensor,
    W: torch.Tensor,
    H: torch.Tensor,
    transform: Coder,
    seed: int = 0,
) -> Grounding:
    """Agreement of the activations with the sound, beside a control.

    The control is that of :func:`permute_frequencies`.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Spectrogram.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    H : torch.Tensor [shape=(T, K)]
        Activations of the student.
    transform : callable
        The NMF transform: ``transform(X, W)`` gives activations [T, K].
    seed : int
        Seed of the permutation.

    Returns
    -------
    Grounding
    """
    code = transform(X, W)
    permuted = permute_frequencies(W, seed)
    return Grounding(
        best_error=reconstruction_error(X, W, code),
        agreement=agreement(H, code),
        control_error=reconstruction_error(X, permuted, H),
        control_agreement=agreement(H, transform(X, permuted)),
    )
