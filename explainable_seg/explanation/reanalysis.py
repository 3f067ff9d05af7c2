"""What a model says of the parts of a sound that a mask keeps and leaves.

The parts are made into sound and go through the whole front end again: a
masked spectrogram may be one that no sound has, and a front end that hears
waveforms could not take it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from explainable_seg.explanation.listening import apply_mask

Predictor = Callable[[torch.Tensor], torch.Tensor]
"""Maps audio [B, N] to probabilities [B, T, C]."""

BATCH = 8  # sounds that a model hears at a time


class Parts(NamedTuple):
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
    device = next(model.parameters()).device

    def predict(wav: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            output = model(wav.to(device))
        logits = output if isinstance(output, torch.Tensor) else output.logits
        return logits.sigmoid().cpu()

    return predict


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
) -> Parts:
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
    Parts
    """
    kept, left = split_sound(audio, masks)
    sounds = torch.from_numpy(np.concatenate([kept, left]))
    q = torch.cat([predict(batch) for batch in sounds.split(BATCH)])
    q_in, q_out = q.chunk(2)
    total = np.square(audio, dtype=np.float64).sum()
    energies = np.square(kept, dtype=np.float64).sum(axis=1)
    shares = (energies / total).tolist() if total > 0 else None
    return Parts(q_in, q_out, shares)
