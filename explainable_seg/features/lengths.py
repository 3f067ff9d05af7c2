"""What front ends do about lengths: of their input, and within a batch."""

import torch

from explainable_seg.errors import AudioError
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
