"""Explanations as separated sounds: SI-SDR, and the oracle that bounds it."""

import numpy as np
import torch

from explainable_seg.features.spectrogram import LogPowerSpectrogram

EPSILON = 1e-10
TINY = 1e-20  # energy of what cannot be told from a rounding


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> float | None:
    """Scale-invariant signal-to-distortion ratio.

    With ``a = <e, s> / <s, s>`` it is ``10 log10(|a s|^2 / |a s - e|^2)`` (Le
    Roux et al., "SDR - half-baked or well done?", 2019, equation 4). Means
    are kept, as the source does not remove them.

    Arguments
    ---------
    estimate : np.ndarray [shape=(N,)]
        The estimate e.
    target : np.ndarray [shape=(N,)]
        The true source s.

    Returns
    -------
    float or None
        Decibels; infinite for a perfect estimate, None where the estimate
        holds nothing of the source, or the source is silent.

    Example
    -------
    >>> target = np.array([1.0, 0.0, 1.0, 0.0])
    >>> si_sdr(3 * target + np.array([0.0, 3.0, 0.0, 3.0]), target)
    0.0
    """
    e, s = estimate.astype(np.float64), target.astype(np.float64)
    heard = float(e @ s) / max(float(s @ s), TINY) * s
    if np.square(heard).sum() < TINY:
        return None
    with np.errstate(divide="ignore"):
        power = np.square(heard).sum() / np.square(heard - e).sum()
        return float(10 * np.log10(power))


def oracle_mask(
    target: np.ndarray, others: np.ndarray, n_fft: int = 512
) -> torch.Tensor:
    """Ideal ratio mask of a source, from the clean sources.

    ``|S|^2 / (|S|^2 + |N|^2)``, the mask that a soft mask can at best hope to
    be. A bound, not a rival: no method sees the sources.

    Arguments
    ---------
    target : np.ndarray [shape=(N,), dtype=float32]
        The source S, mono at 16 kHz.
    others : np.ndarray [shape=(N,), dtype=float32]
        All that sounds beside it, N.
    n_fft : int
        Of the grid of the mask.

    Returns
    -------
    torch.Tensor [shape=(T, F)]
        Values in [0, 1]; 0 in silence.

    Example
    -------
    >>> tone = np.sin(np.arange(1600, dtype=np.float32))
    >>> mask = oracle_mask(tone, tone)
    >>> round(mask[1, 82].item(), 3)  # at 1 / 2 pi of the sample rate
    0.5
    """
    both = torch.from_numpy(np.stack([target, others]))
    power, rest = LogPowerSpectrogram(n_fft)(both).expm1()
    return power / (power + rest + EPSILON)
