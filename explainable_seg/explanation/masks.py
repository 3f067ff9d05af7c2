"""The part of each time-frequency point that selected atoms account for."""

import numpy as np
import torch

from explainable_seg.frames import HOP, SAMPLE_RATE, WINDOW
from explainable_seg.nmf import full_precision

EPSILON = 1e-10
FAINTEST = 1e-9  # power, of a source that does not sound


@full_precision
def class_mask(
    H: torch.Tensor,
    W: torch.Tensor,
    selected: torch.Tensor,
    sources: torch.Tensor | None = None,
) -> torch.Tensor:
    """Soft mask of the selected atoms among all atoms.

    Where all classes share all atoms, ``M = (W_sel H_sel) / (W H)``, the ratio
    mask of L2I (arXiv 2202.11479). Where atoms are a source's, each point is
    first shared out among the sources (:func:`log_source_masks`), and what a source
    has of it among its atoms. Mask-in is M, mask-out ``1 - M``. The masks of
    atoms apart add up to the mask of them together; where no atom is active the
    mask is zero.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    selected : torch.Tensor [shape=(K,), dtype=bool]
        Atoms to keep.
    sources : torch.Tensor, optional [shape=(S, K), dtype=bool]
        Which atoms are a source's, each atom one's; by default all are shared.

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
    return class_masks(H, W, selected[None], sources)[0]


@full_precision
def class_masks(
    H: torch.Tensor,
    W: torch.Tensor,
    weights: torch.Tensor,
    sources: torch.Tensor | None = None,
) -> torch.Tensor:
    """Soft masks of all classes at once, atoms weighted by a class.

    :func:`class_mask` where the weights are 0 and 1. Classes may claim the same
    sound, so the masks need not sum to one.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    weights : torch.Tensor [shape=(C, K)]
        Weight of each atom for each class, in [0, 1].
    sources : torch.Tensor, optional [shape=(S, K), dtype=bool]
        Which atoms are a source's, each atom one's; by default all are shared.

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
    weighed = weights.to(H)[:, None] * H
    if sources is None:
        masks = weighed @ W.T / (H @ W.T + EPSILON)
    else:
        parts = torch.stack([H[:, own] @ W[:, own].T for own in sources])
        shares = log_source_masks(parts).exp() / (parts + EPSILON)
        masks = torch.zeros(len(weights), *shares.shape[1:]).to(H)
        for own, share in zip(sources, shares):
            masks += weighed[..., own] @ W[:, own].T * share
    # Products round differently, so the ratio may pass 1 by a rounding.
    return masks.clamp(max=1.0)


@full_precision
def log_source_masks(
    parts: torch.Tensor, floor: float = FAINTEST
) -> torch.Tensor:
    """Logarithm of the share that each source has of the power of each point.

    Atoms rebuild a log-power spectrogram, of which a source 15 dB below another
    has a third; of the power, which is what is heard, it has a thirtieth. As
    the loudest source alone makes nearly all of a point, what it rebuilds
    stands for the whole, ``W H``, and what the others rebuild for as much less:
    ``P_s = exp(W H rho_s / max rho) - 1`` with ``rho_s = W_s H_s / W H``. Of
    these powers it is Wiener's mask.

    Arguments
    ---------
    parts : torch.Tensor [shape=(S, ...)]
        What the atoms of each source rebuild, ``W_s H_s``.
    floor : float
        Power of a source that is nowhere, in the spectrogram's unit; its
        inverse is the largest gradient.

    Returns
    -------
    torch.Tensor [shape=(S, ...)]
        Their exponentials sum up to 1.

    Example
    -------
    >>> parts = torch.tensor([2.0, 1.0, 0.0])
    >>> log_source_masks(parts).exp().round(decimals=3)
    tensor([0.8460, 0.1540, 0.0000])
    """
    whole, loudest = parts.sum(dim=0), parts.amax(dim=0)
    level = parts * (whole / (loudest + EPSILON))
    # log(exp(level) - 1 + floor), which no sound is too loud for.
    power = level + (floor * (-level).exp() - (-level).expm1()).log()
    return power.log_softmax(dim=0)


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
BLOCK = 3000  # fine hops resynthesised at once (15 s)
BLOCK_MARGIN = 6  # fine hops around a block that its STFT frames reach
GATE_FADE = 0.01  # seconds
TOP_HZ = 7500.0
"""What lies above is rebuilt by no atom, Hz."""
BELOW_TOP_HZ = 6500.0
"""It goes with what lies between here and there, Hz."""


def apply_mask(
    audio: np.ndarray,
    mask: torch.Tensor,
    first_centre: int = FIRST_CENTRE,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """Audio with a time-frequency mask laid on it.

    The audio may be of a higher quality than what the mask was made from: what
    lies above 7.5 kHz then has the mean gain of 6.5 to 7.5 kHz.

    Worked through in blocks that overlap by more than a window, so memory does
    not grow with the duration and the blocks cannot be heard.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio, N >= 1.
    mask : torch.Tensor [shape=(T, F)]
        Gain of each frame and bin; frames are 20 ms apart, and bins are up to
        8 kHz.
    first_centre : int
        Where the first frame of the mask is centred, in samples at 16 kHz
        from the first of ``audio``; it differs from 200 for a passage cut out
        of a recording.
    sample_rate : int
        Samples a second of ``audio``.

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
    hop = round(FINE_HOP * sample_rate / SAMPLE_RATE)
    for start in range(0, len(wav), BLOCK * hop):
        stop = min(start + BLOCK * hop, len(wav))
        low = max(0, start - BLOCK_MARGIN * hop)
        high = min(len(wav), stop + BLOCK_MARGIN * hop)
        before = low * SAMPLE_RATE / sample_rate
        block = _mask_block(
            wav[low:high], mask, first_centre - before, sample_rate
        )
        output[start:stop] = block[start - low : stop - low]
    return output.numpy()


def active_samples(
    active: np.ndarray,
    n_samples: int,
    first_centre: int = FIRST_CENTRE,
    sample_rate: int = SAMPLE_RATE,
) -> list[tuple[int, int]]:
    """Runs of active frames as half-open ranges of samples.

    A frame stands for the 20 ms around its centre; the first one reaches back
    to the start of the audio and the last one forward to its end.

    Arguments
    ---------
    active : np.ndarray [shape=(T,), dtype=bool]
        Frame-wise decision.
    n_samples : int
        Length of the audio.
    first_centre : int
        Where frame 0 is centred, in samples at 16 kHz.
    sample_rate : int
        Samples a second of the audio.

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
    borders = borders * sample_rate // SAMPLE_RATE
    borders[edges == 0] = 0
    borders[edges == len(active)] = n_samples
    return [(start, stop) for start, stop in borders.reshape(-1, 2).tolist()]


def frame_gate(
    active: np.ndarray,
    n_samples: int,
    first_centre: int = FIRST_CENTRE,
    fade: float = GATE_FADE,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """Gain that lets active frames sound and silences the others.

    Each run of active frames fades in and out inside its own time by a raised
    cosine, so nothing of the silenced frames is heard and nothing clicks.

    Arguments
    ---------
    active : np.ndarray [shape=(T,), dtype=bool]
        Frames that sound.
    n_samples : int
        Length of the audio.
    first_centre : int
        Where frame 0 is centred, in samples at 16 kHz.
    fade : float
        Duration of a fade, seconds.
    sample_rate : int
        Samples a second of the audio.

    Returns
    -------
    np.ndarray [shape=(n_samples,), dtype=float32]
        Values in [0, 1].
    """
    gain = np.zeros(n_samples, dtype=np.float32)
    for start, stop in active_samples(
        active, n_samples, first_centre, sample_rate
    ):
        length = min(round(fade * sample_rate), (stop - start) // 2)
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
        gain[start:stop] = 1.0
        gain[start : start + length] = ramp
        gain[stop - length : stop] = ramp[::-1]
    return gain


def _mask_block(
    wav: torch.Tensor, mask: torch.Tensor, first_centre: float, sample_rate: int
) -> torch.Tensor:
    """Mask a stretch of audio [N] that fits into memory."""
    scale = sample_rate / SAMPLE_RATE
    hop, width = round(FINE_HOP * scale), round(WINDOW * scale)
    n_fft = 2 * round((mask.shape[1] - 1) * scale)
    window = torch.hann_window(width, device=wav.device)
    stft = torch.stft(
        wav,
        n_fft,
        hop,
        width,
        window,
        pad_mode="constant",
        return_complex=True,
    )
    centres = torch.arange(stft.shape[1], device=mask.device) * hop / scale
    fine = _between(mask, (centres - first_centre) / HOP)
    if sample_rate != SAMPLE_RATE:
        hz = torch.arange(len(stft), device=mask.device) * sample_rate / n_fft
        fine = _at_frequencies(fine.T, hz).T
    return torch.istft(
        stft * fine.T, n_fft, hop, width, window, length=len(wav)
    )


def _at_frequencies(mask: torch.Tensor, hz: torch.Tensor) -> torch.Tensor:
    """Mask [F, T] at other frequencies than its own, and beyond them."""
    spacing = SAMPLE_RATE / 2 / (len(mask) - 1)
    top = mask[round(BELOW_TOP_HZ / spacing) : round(TOP_HZ / spacing)]
    gains = _between(mask, hz / spacing)
    gains[hz > TOP_HZ] = top.mean(dim=0)
    return gains


def _between(rows: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Rows of a mask at places between them; constant beyond its ends."""
    place = place.clamp(0, len(rows) - 1)
    before = place.floor().long()
    after = (before + 1).clamp(max=len(rows) - 1)
    weight = (place - before).unsqueeze(1).to(rows)
    return torch.lerp(rows[before], rows[after], weight)
