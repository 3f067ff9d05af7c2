"""How far the activations stand for the sound, measured and never assumed.

The logits are exact sums of atom contributions. Whether these atoms are *in
the sound* is another question, answered by three figures: how well W H
rebuilds the spectrogram, how well H agrees with the sparse code that the
sound alone would get, and what both are when the atoms are scrambled.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from explainable_seg.explanation.masks import apply_mask
from explainable_seg.models import Runner
from explainable_seg.nmf import full_precision

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


CLOSE = 1.0
"""Margin, in units of the logit, below which a decision is called close.

Chosen on the dev part of realbroadcast."""


def threshold_logit(threshold: float | None) -> float | None:
    """The logit from which a class counts as found.

    Arguments
    ---------
    threshold : float or None
        Probability from which it does, if known.

    Returns
    -------
    float or None
        None where every logit passes the threshold, or none, or it is
        unknown.

    Example
    -------
    >>> threshold_logit(0.5), threshold_logit(1.0)
    (0.0, None)
    """
    if threshold is None or not 0.0 < threshold < 1.0:
        return None
    return math.log(threshold / (1.0 - threshold))


def margin(logit: float, threshold: float | None) -> float | None:
    """How far a mean logit lies above what is needed.

    Arguments
    ---------
    logit : float
        Mean logit of a class over a passage.
    threshold : float or None
        Probability from which the class counts as found, if known.

    Returns
    -------
    float or None
        Negative where it is not reached; None where no logit is needed.

    Example
    -------
    >>> margin(1.5, 0.5)
    1.5
    """
    needed = threshold_logit(threshold)
    return None if needed is None else logit - needed


Predictor = Callable[[torch.Tensor], torch.Tensor]
"""Maps audio [B, N] to probabilities [B, T, C]."""

BATCH = 8  # sounds that a model hears at a time


class MaskResponse(NamedTuple):
    """What a model says of the two parts of a sound, for each of M masks.

    ``q_in`` and ``q_out`` [M, T, C] are probabilities, ``energy`` [M] the
    share of the energy of the sound that each mask keeps, measured on the
    waveforms; None for digital silence.
    """

    q_in: torch.Tensor
    q_out: torch.Tensor
    energy: list[float] | None


def predictor(model: torch.nn.Module) -> Predictor:
    """Probabilities of a student or a teacher.

    Arguments
    ---------
    model : Student or Teacher
        In evaluation mode.

    Returns
    -------
    callable
        Maps audio [B, N] to probabilities [B, T, C] on the CPU.
    """
    runner = Runner(model)
    return lambda wav: runner.batch(wav).logits.sigmoid().cpu()


def split_sound(
    audio: np.ndarray, masks: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """What each mask keeps of a sound, and what it leaves.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz.
    masks : torch.Tensor [shape=(M, T, F)]
        Masks on the frame grid.

    Returns
    -------
    tuple[np.ndarray, np.ndarray] [shape=(M, N)]
        Mask-in and mask-out, which sum to the sound.

    Example
    -------
    >>> audio = np.sin(np.arange(1600, dtype=np.float32))
    >>> kept, left = split_sound(audio, torch.full((1, 4, 257), 0.25))
    >>> bool(np.allclose(kept, audio / 4, atol=1e-5))
    True
    """
    kept = np.stack([apply_mask(audio, mask) for mask in masks])
    # A mask acts linearly on the complex STFT, so 1 - M leaves the rest.
    return kept, audio - kept


def reanalyse(
    audio: np.ndarray, masks: torch.Tensor, predict: Predictor
) -> MaskResponse:
    """Resynthesise the parts of a sound and let the model hear them.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        A passage, as long as the windows of the model; mono, 16 kHz.
    masks : torch.Tensor [shape=(M, T, F)]
        Masks on the frame grid of the passage.
    predict : callable
        Maps audio [B, N] to probabilities [B, T, C].

    Returns
    -------
    MaskResponse
    """
    kept, left = split_sound(audio, masks)
    sounds = torch.from_numpy(np.concatenate([kept, left]))
    q = torch.cat([predict(batch) for batch in sounds.split(BATCH)])
    q_in, q_out = q.chunk(2)
    total = np.square(audio, dtype=np.float64).sum()
    energies = np.square(kept, dtype=np.float64).sum(axis=1)
    shares = (energies / total).tolist() if total > 0 else None
    return MaskResponse(q_in, q_out, shares)
