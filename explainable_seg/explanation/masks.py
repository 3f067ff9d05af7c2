"""The part of each time-frequency point that selected atoms account for."""

import numpy as np
import torch

from explainable_seg.frames import HOP, SAMPLE_RATE, WINDOW
from explainable_seg.nmf import full_precision

EPSILON = 1e-10


@full_precision
def class_mask(
    H: torch.Tensor,
    W: torch.Tensor,
    selected: torch.Tensor,
    eps: float = EPSILON,
) -> torch.Tensor:
    """Soft mask of the selected atoms among all atoms.

    ``M = (W_sel H_sel) / (W H + eps)``, the ratio mask of L2I
    (arXiv 2202.11479). Mask-in is M, mask-out ``1 - M``. Where no atom is
    active the mask is zero.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    selected : torch.Tensor [shape=(K,), dtype=bool]
        Atoms to keep.
    eps : float
        Keeps silence from dividing by zero.

    Returns
    -------
    torch.Tensor [shape=(T, F)]
        Values in [0, 1].

    Example
    -------
    >>> H = torch.tensor([[3.0, 1.0]])
    >>> W = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    >>> class_mask(H, W, torch.tensor([True, False])).tolist()
    [[0.75, 0.0]]
    """
    kept = H[:, selected] @ W[:, selected].T
    # Two products round differently, so the ratio may pass 1 by a rounding.
    return (kept / (H @ W.T + eps)).clamp(max=1.0)


@full_precision
def class_masks(
    H: torch.Tensor,
    W: torch.Tensor,
    weights: torch.Tensor,
    eps: float = EPSILON,
) -> torch.Tensor:
    """Soft masks of all classes at once, atoms weighted by a class.

    ``M_c = sum_k w_ck h_k W_k / (W h + eps)``: :func:`class_mask` where the
    weights are 0 and 1. Classes may claim the same sound, so the masks need
    not sum to one.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    weights : torch.Tensor [shape=(C, K)]
        Weight of each atom for each class, in [0, 1].
    eps : float
        Keeps silence from dividing by zero.

    Returns
    -------
    torch.Tensor [shape=(C, T, F)]
        Values in [0, 1].

    Example
    -------
    >>> H = torch.tensor([[3.0, 1.0]])
    >>> W = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    >>> class_masks(H, W, torch.tensor([[1.0, 0.0], [0.5, 1.0]])).tolist()
    [[[0.75, 0.0]], [[0.625, 1.0]]]
    """
    kept = torch.einsum("tk,ck,fk->ctf", H, weights.to(H), W)
    return (kept / (H @ W.T + eps)).clamp(max=1.0)


@full_precision
def evidence_map(
    H: torch.Tensor, W: torch.Tensor, theta_c: torch.Tensor
) -> torch.Tensor:
    """Where in time and frequency the evidence for a class lies.

    Each atom spreads what it adds to the logit, where that is positive, over
    the bins in proportion to its spectrum. Loud points rank above faint ones
    of the same atoms, which in a mask, a ratio, they do not.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.

    Returns
    -------
    torch.Tensor [shape=(T, F)]
        In units of the logit: a frame sums to its positive contributions, but
        for atoms that are zero everywhere.

    Example
    -------
    >>> W = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    >>> evidence_map(torch.ones(1, 2), W, torch.tensor([2.0, -1.0])).tolist()
    [[1.0, 1.0]]
    """
    totals = W.sum(dim=0)
    shapes = torch.where(totals > 0, W / totals, 0.0)
    return (H * theta_c.clamp(min=0)) @ shapes.T


FINE_HOP = 80  # samples; the Hann window of 400 then overlaps by 80 %
FIRST_CENTRE = WINDOW // 2  # sample on which frame 0 of a recording is centred
BLOCK = 3000 * FINE_HOP  # samples resynthesised at once (15 s)
BLOCK_MARGIN = 5 * FINE_HOP  # samples around a block that its STFT frames reach
GATE_FADE = 0.01  # seconds


def apply_mask(
    audio: np.ndarray,
    mask: torch.Tensor,
    first_centre: int = FIRST_CENTRE,
) -> np.ndarray:
    """Audio with a time-frequency mask laid on it.

    Worked through in blocks that overlap by more than a window, so memory does
    not grow with the duration and the blocks cannot be heard.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz, N >= 1.
    mask : torch.Tensor [shape=(T, F)]
        Gain of each frame and bin; frames are 320 samples apart.
    first_centre : int
        Sample of ``audio`` on which the first frame of the mask is centred;
        it differs from 200 for a passage cut out of a recording.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]

    Example
    -------
    >>> audio = np.sin(np.arange(1600, dtype=np.float32))
    >>> same = apply_mask(audio, torch.ones(4, 257))
    >>> bool(np.allclose(same, audio, atol=1e-5))
    True
    """
    wav = torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))
    output = torch.empty_like(wav)
    for start in range(0, len(wav), BLOCK):
        stop = min(start + BLOCK, len(wav))
        low, high = (
            max(0, start - BLOCK_MARGIN),
            min(len(wav), stop + BLOCK_MARGIN),
        )
        block = _mask_block(wav[low:high], mask, first_centre - low)
        output[start:stop] = block[start - low : stop - low]
    return output.numpy()


def active_samples(
    active: np.ndarray, n_samples: int, first_centre: int = FIRST_CENTRE
) -> list[tuple[int, int]]:
    """Runs of active frames as half-open ranges of samples.

    A frame stands for the 20 ms around its centre; the first one reaches back
    to the start of the audio and the last one forward to its end.

    Arguments
    ---------
    active : np.ndarray [shape=(T,), dtype=bool]
        Frame-wise decision.
    n_samples : int
        Length of the audio, at 16 kHz.
    first_centre : int
        Sample on which frame 0 is centred.

    Returns
    -------
    list[tuple[int, int]]
        Sorted and disjoint.

    Example
    -------
    >>> active_samples(np.array([True, False, True]), 1100)
    [(0, 360), (680, 1100)]
    """
    padded = np.concatenate([[0], np.asarray(active, dtype=np.int8), [0]])
    edges = np.flatnonzero(np.diff(padded))
    borders = first_centre - HOP // 2 + HOP * edges
    borders[edges == 0] = 0
    borders[edges == len(active)] = n_samples
    return [(start, stop) for start, stop in borders.reshape(-1, 2).tolist()]


def frame_gate(
    active: np.ndarray,
    n_samples: int,
    first_centre: int = FIRST_CENTRE,
    fade: float = GATE_FADE,
) -> np.ndarray:
    """Gain that lets active frames sound and silences the others.

    Each run of active frames fades in and out inside its own time by a raised
    cosine, so nothing of the silenced frames is heard and nothing clicks.

    Arguments
    ---------
    active : np.ndarray [shape=(T,), dtype=bool]
        Frames that sound.
    n_samples : int
        Length of the audio, at 16 kHz.
    first_centre : int
        Sample on which frame 0 is centred.
    fade : float
        Duration of a fade, seconds.

    Returns
    -------
    np.ndarray [shape=(n_samples,), dtype=float32]
        Values in [0, 1].
    """
    gain = np.zeros(n_samples, dtype=np.float32)
    for start, stop in active_samples(active, n_samples, first_centre):
        length = min(round(fade * SAMPLE_RATE), (stop - start) // 2)
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
        gain[start:stop] = 1.0
        gain[start : start + length] = ramp
        gain[stop - length : stop] = ramp[::-1]
    return gain


def _mask_block(
    wav: torch.Tensor, mask: torch.Tensor, first_centre: int
) -> torch.Tensor:
    """Mask a stretch of audio [N] that fits into memory."""
    n_fft = 2 * (mask.shape[1] - 1)
    window = torch.hann_window(WINDOW, device=wav.device)
    stft = torch.stft(
        wav,
        n_fft,
        FINE_HOP,
        WINDOW,
        window,
        pad_mode="constant",
        return_complex=True,
    )
    fine = _interpolate_frames(mask, stft.shape[1], first_centre)
    return torch.istft(
        stft * fine.T, n_fft, FINE_HOP, WINDOW, window, length=len(wav)
    )


def _interpolate_frames(
    mask: torch.Tensor, n_fine: int, first_centre: int
) -> torch.Tensor:
    """Mask at the centres of the fine STFT; constant beyond its ends."""
    centres = torch.arange(n_fine, device=mask.device) * FINE_HOP
    position = ((centres - first_centre) / HOP).clamp(0, len(mask) - 1)
    before = position.floor().long()
    after = (before + 1).clamp(max=len(mask) - 1)
    weight = (position - before).unsqueeze(1).to(mask)
    return torch.lerp(mask[before], mask[after], weight)
