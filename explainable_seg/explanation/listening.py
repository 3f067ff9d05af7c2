"""From masks to sound: what the selected atoms sound like in the recording.

The mask is laid on the complex STFT of the recording, so the phase is that of
the recording and mask-in plus mask-out gives the recording back exactly.
Frames of the analysis grid overlap by only 20 % (hop 320, window 400), too
little to resynthesise a mask that changes in time. The STFT used here has hop
80, and the mask is interpolated linearly in time to it.
"""

import numpy as np
import torch

from explainable_seg.frames import HOP, SAMPLE_RATE, WINDOW

FINE_HOP = 80  # samples; the Hann window of 400 then overlaps by 80 %
FIRST_CENTRE = WINDOW // 2  # sample on which frame 0 of a recording is centred
BLOCK = 3000 * FINE_HOP  # samples resynthesised at once (15 s)
MARGIN = 5 * FINE_HOP  # samples around a block that its STFT frames reach
FADE = 0.01  # seconds


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
        low, high = max(0, start - MARGIN), min(len(wav), stop + MARGIN)
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
    fade: float = FADE,
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
