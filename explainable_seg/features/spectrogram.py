"""Log-power spectrogram on the house frame grid."""

from typing import Any

import numpy as np
import torch

from explainable_seg.errors import AudioError, SettingsError
from explainable_seg.frames import HOP, WINDOW


def require_frame(wav: torch.Tensor) -> None:
    """Raise unless the audio holds a frame.

    Arguments
    ---------
    wav : torch.Tensor [shape=(..., N)]
        Audio at 16 kHz.

    Raises
    ------
    AudioError
        If N is below the 400 samples of a frame.
    """
    if wav.shape[-1] < WINDOW:
        raise AudioError(
            f"expected at least {WINDOW} samples at 16 kHz, got {wav.shape[-1]}"
        )


def sample_mask(lengths: torch.Tensor, n_samples: int) -> torch.Tensor:
    """Which samples of a padded batch are sound.

    Arguments
    ---------
    lengths : torch.Tensor [shape=(B,)]
        Samples of each item before its padding.
    n_samples : int
        Samples with the padding, N.

    Returns
    -------
    torch.Tensor [shape=(B, N), dtype=bool]

    Example
    -------
    >>> sample_mask(torch.tensor([1, 2]), 2).tolist()
    [[True, False], [True, True]]
    """
    position = torch.arange(n_samples, device=lengths.device)
    return position < lengths[:, None]


def frame_mask(known: torch.Tensor) -> torch.Tensor:
    """Which frames hold no padding.

    Arguments
    ---------
    known : torch.Tensor [shape=(B, N), dtype=bool]
        Which samples are sound, as of :func:`sample_mask`.

    Returns
    -------
    torch.Tensor [shape=(B, T), dtype=bool]
        Frame t is known if all its samples ``[320 t, 320 t + 400)`` are.
    """
    return known.unfold(1, WINDOW, HOP).all(dim=-1)


def instance_norm(
    features: torch.Tensor, known: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """Zero mean and unit variance over the time that is known.

    Arguments
    ---------
    features : torch.Tensor [shape=(B, T, ...)]
        One item a row; all but the first two axes are channels.
    known : torch.Tensor [shape=(B, T), dtype=bool]
        What counts in mean and variance.
    eps : float
        Added to the variance.

    Returns
    -------
    torch.Tensor [shape=(B, T, ...)]
        Zero where nothing is known.

    Example
    -------
    >>> known = torch.tensor([[True, True, False]])
    >>> instance_norm(torch.tensor([[1.0, 3.0, 9.0]]), known, eps=0.0)
    tensor([[-1.,  1.,  0.]])
    """
    counted = known.view(*known.shape, *[1] * (features.ndim - 2))
    n_known = counted.sum(dim=1, keepdim=True).clamp(min=1)
    mean = (features * counted).sum(dim=1, keepdim=True) / n_known
    centred = (features - mean) * counted
    variance = centred.square().sum(dim=1, keepdim=True) / n_known
    return centred * torch.rsqrt(variance + eps)


class LogPowerSpectrogram(torch.nn.Module):
    """``X = log(1 + |STFT|^2)``, non-negative, 50 frames a second.

    Frame t is centred on sample 200 + 320 t of 16 kHz audio, as WavLM's frames
    are: the Hann window of 400 samples covers ``[320 t, 320 t + 400)``, and
    the zero padding up to ``n_fft`` is outside it.

    Arguments
    ---------
    n_fft : int
        Length of the Fourier transform; F = n_fft // 2 + 1 bins.

    Raises
    ------
    ValueError
        If ``n_fft`` is odd or shorter than the window.
    AudioError
        If the audio is shorter than one frame.

    Example
    -------
    >>> LogPowerSpectrogram()(torch.zeros(2, 16000)).shape
    torch.Size([2, 49, 257])
    """

    window: torch.Tensor

    def __init__(self, n_fft: int = 512):
        super().__init__()
        if n_fft < WINDOW or n_fft % 2:
            raise SettingsError(
                f"expected `n_fft` even and >= {WINDOW}, got {n_fft}"
            )
        self.n_fft = n_fft
        self.register_buffer(
            "window", torch.hann_window(WINDOW), persistent=False
        )

    @property
    def n_features(self) -> int:
        """Number of frequency bins F."""
        return self.n_fft // 2 + 1

    @property
    def config(self) -> dict[str, Any]:
        """Arguments of ``make_frontend`` that rebuild the module."""
        return {"type": "spectrogram", "n_fft": self.n_fft}

    def forward(self, wav: torch.Tensor) -> torch.Tensor:
        """Spectrogram of a batch.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.

        Returns
        -------
        torch.Tensor [shape=(B, T, F)]
        """
        require_frame(wav)
        margin = (self.n_fft - WINDOW) // 2
        stft = torch.stft(
            torch.nn.functional.pad(wav.float(), (margin, margin)),
            n_fft=self.n_fft,
            hop_length=HOP,
            win_length=WINDOW,
            window=self.window,
            center=False,
            return_complex=True,
        )
        power = stft.real.square() + stft.imag.square()
        # `log1p` costs more than the transform on a CPU; what `log` rounds
        # off, 1e-7 at most, is below the noise of 16-bit samples.
        return (1.0 + power).log().transpose(1, 2)


HZ_KNEE = 300.0  # below it the frequency axis is about linear, above it log


def warp_hz(hz: np.ndarray) -> np.ndarray:
    """Position on the frequency axis: about linear, then logarithmic.

    Example
    -------
    >>> bool(np.allclose(unwarp_hz(warp_hz(np.array([0.0, 440.0]))), [0, 440]))
    True
    """
    return np.log1p(np.maximum(hz, 0.0) / HZ_KNEE)


def unwarp_hz(position: np.ndarray) -> np.ndarray:
    """Inverse of :func:`warp_hz`."""
    return np.expm1(position) * HZ_KNEE
