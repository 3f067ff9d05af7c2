"""What is whose sound, learned from the stems of composed chunks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from explainable_seg.classes import SOURCES, implies
from explainable_seg.explanation import log_source_masks
from explainable_seg.features import LogPowerSpectrogram
from explainable_seg.frames import UNKNOWN
from explainable_seg.nmf import full_precision
from explainable_seg.training.losses import SMALLEST, masked_mean

WHOLE = 255  # a share of 1
SPECTROGRAM = LogPowerSpectrogram()  # on whose points stems are told apart
SILENT = 1e-6  # power of a point that nobody hears
UNHEARD = 0.05  # power of a stem, in the spectrogram's unit, that nobody hears


def shares_shape(n_frames: int) -> tuple[int, int, int]:
    """Shape of the shares of a chunk.

    Arguments
    ---------
    n_frames : int
        Frames of the chunk.

    Returns
    -------
    tuple[int, int, int]
        Frames, bins, stems.
    """
    return n_frames, SPECTROGRAM.n_features, len(SOURCES)


def stem_shares(stems: Mapping[str, np.ndarray]) -> np.ndarray:
    """How the power of each point is shared out among stems.

    The ideal ratio mask ``|S_c|^2 / sum_d |S_d|^2``. It does not depend on level
    and tone of the mix, which augmentation changes.

    Arguments
    ---------
    stems : Mapping[str, np.ndarray]
        Speech, music and noise [N] as they are heard in the mix.

    Returns
    -------
    np.ndarray [shape=(T, F, 3), dtype=uint8]
        255 where one stem is all there is; 0 of all where all are silent.

    Example
    -------
    >>> tone = np.sin(np.arange(800, dtype=np.float32))
    >>> silence = np.zeros_like(tone)
    >>> shares = stem_shares({"speech": tone, "music": tone, "noise": silence})
    >>> shares.shape, shares[0, 81].tolist()
    ((2, 257, 3), [128, 128, 0])
    """
    parts = torch.from_numpy(np.stack([stems[name] for name in SOURCES]))
    power = SPECTROGRAM(parts).double().expm1()
    total = power.sum(dim=0)
    shares = torch.where(total > SILENT, power / total, 0.0)
    return (WHOLE * shares).round().byte().permute(1, 2, 0).numpy()


class MixedChunks(NamedTuple):
    """Chunks [B, N], what is known of them [B, T, C], shares [B, T, F, S].

    Shares are None where no stems are asked for.
    """

    wav: torch.Tensor
    targets: torch.Tensor
    shares: torch.Tensor | None = None


PURE = 0.9  # of a chunk's power, that is one source's
FAINT = 1e-4  # root mean square of a chunk that has no level to mix at
SNR_DB = 7.0  # a chunk may be so much louder than what is laid on it, or softer
KNOWN = 0.9  # of the power of a point, whose it is, to learn from it


@torch.no_grad()
def mix_stems(
    chunks: MixedChunks,
    spectrogram: LogPowerSpectrogram,
    classes: Sequence[str],
    share: float,
) -> MixedChunks:
    """Lay a chunk of one source on some chunks of another one.

    In programmes a bed lies far below the voice: few chunks hold two sources
    that are as loud, of which most is to be learned about what is whose.

    Arguments
    ---------
    chunks : MixedChunks
        Of a batch.
    spectrogram : LogPowerSpectrogram
        On whose points the shares are.
    classes : Sequence[str]
        Of the C columns of targets.
    share : float
        Of the chunks of one source that get another one.

    Returns
    -------
    MixedChunks
        As loud as before, at a ratio of -7 to 7 dB; the others as they were.
    """
    wav, targets, shares = chunks
    if shares is None:
        return chunks
    power = spectrogram(wav).expm1()
    parts = power.unsqueeze(-1) * shares / WHOLE
    energy = parts.sum(dim=(1, 2))
    most, source = energy.max(dim=1)
    rms = wav.square().mean(dim=1).sqrt()
    pure = (most > PURE * energy.sum(dim=1)) & (most > 0) & (rms > FAINT)
    fit = pure[:, None] & pure & (source[:, None] != source)
    drawn = (torch.rand(len(wav)) < share).to(fit.device)
    (i,) = (fit.any(dim=1) & drawn).nonzero(as_tuple=True)
    if len(i) == 0:
        return chunks
    j = torch.multinomial(fit[i].float(), 1)[:, 0]
    snr_db = SNR_DB * (2 * torch.rand(len(i)).to(wav) - 1)
    gain = rms[i] / rms[j] * 10 ** (-snr_db / 20)
    mixed = wav[i] + gain[:, None] * wav[j]
    mixed *= (rms[i] / mixed.square().mean(dim=1).sqrt())[:, None]
    gain = gain.square()[:, None, None]
    both = parts[i] + gain[..., None] * parts[j]
    total = both.sum(dim=-1)
    known = total > KNOWN * (power[i] + gain * power[j])
    whose = both / total.clamp(min=SILENT).unsqueeze(-1)
    found = (WHOLE * whose).round().byte() * known.unsqueeze(-1)
    together = _together(targets[i], targets[j], classes)
    wav, targets, shares = (x.clone() for x in (wav, targets, shares))
    wav[i], targets[i], shares[i] = mixed, together, found
    return MixedChunks(wav, targets, shares)


def _together(
    a: torch.Tensor, b: torch.Tensor, classes: Sequence[str]
) -> torch.Tensor:
    """Targets of two chunks heard at once; two voices overlap."""
    unknown = (a == UNKNOWN) | (b == UNKNOWN)
    both = torch.maximum(a, b)
    for c, name in enumerate(classes):
        for d, of_one in enumerate(classes):
            if c != d and implies(name, of_one):
                twice = torch.minimum(a[..., d], b[..., d])
                both[..., c] = torch.maximum(both[..., c], twice)
    return both.masked_fill(unknown, UNKNOWN)


@full_precision
def mask_error(
    X: torch.Tensor,
    W: torch.Tensor,
    H: torch.Tensor,
    sources: torch.Tensor,
    shares: torch.Tensor,
) -> torch.Tensor:
    """How far the masks of the sources are from what each is of the sound.

    Divergence of the share of the power that the atoms of each source have of
    a point (:func:`~explainable_seg.explanation.masks.log_source_masks`) from
    that of its stem, points weighted by ``X^2``: loud ones are what is heard.
    A bed 15 dB below a voice has a thirtieth of the power, and may yet be
    rebuilt, or be left, with a third of the log-power or less: enough to be
    decided by.

    Arguments
    ---------
    X : torch.Tensor [shape=(B, T, F)]
        Log-power spectrogram.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    H : torch.Tensor [shape=(B, T, K)]
        Activations.
    sources : torch.Tensor [shape=(S, K), dtype=bool]
        Which atoms are each source's; each atom is of one.
    shares : torch.Tensor [shape=(B, T, F, S), dtype=uint8]
        Of :func:`stem_shares`; 0 of all where nothing is known.

    Returns
    -------
    torch.Tensor [shape=()]
        Nats a point, mean over the chunks of which anything is known; 0
        without any.

    Example
    -------
    >>> X, W = torch.ones(1, 1, 2), torch.eye(2)
    >>> shares = torch.tensor([[[[255, 0], [0, 255]]]], dtype=torch.uint8)
    >>> sources = torch.eye(2, dtype=torch.bool)
    >>> H = torch.full((1, 1, 2), 9.0)
    >>> mask_error(X, W, H, sources, shares).round(decimals=4)
    tensor(0.)
    """
    parts = torch.stack([H[..., own] @ W[:, own].T for own in sources])
    found = log_source_masks(parts, UNHEARD)
    ideal = shares.movedim(-1, 0) / WHOLE
    known = ideal.sum(dim=0)
    ideal = ideal / known.clamp(min=SMALLEST)
    divergence = (torch.xlogy(ideal, ideal) - ideal * found).sum(dim=0)
    loudness = X.square() * (known > 0)
    whole = loudness.sum(dim=(1, 2))
    errors = (divergence * loudness).sum(dim=(1, 2))
    return masked_mean(errors / whole.clamp(min=SMALLEST), whole > 0)
