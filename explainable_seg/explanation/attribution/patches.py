"""KernelSHAP over patches of time and frequency (arXiv 1705.07874)."""

import torch

from explainable_seg.explanation.attribution.package import captum_methods
from explainable_seg.explanation.attribution.spectrogram_model import ClassScore
from explainable_seg.explanation.relevance import bin_hz
from explainable_seg.features.spectrogram import warp_hz

PATCH_FRAMES = 25  # half a second
PATCH_BANDS = 8  # evenly spaced where frequency is about logarithmic
SAMPLES = 256
AT_ONCE = 16  # pictures


def kernel_shap(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Shapley values of patches that are replaced by silence."""
    captum = captum_methods()
    return captum.KernelShap(score).attribute(
        X,
        baselines=0.0,
        feature_mask=patch_index(X.shape[2], X.shape[3]).to(X.device)[None],
        n_samples=SAMPLES,
        perturbations_per_eval=AT_ONCE,
        additional_forward_args=(frames, c),
    )


def patch_index(n_frames: int, n_bins: int) -> torch.Tensor:
    """Which patch each point of a spectrogram belongs to.

    Arguments
    ---------
    n_frames : int
        Frames T.
    n_bins : int
        Bins F.

    Returns
    -------
    torch.Tensor [shape=(1, T, F), dtype=int64]
        From 0, without gaps.

    Example
    -------
    >>> patch_index(50, 257).unique().tolist() == list(range(16))
    True
    """
    position = torch.from_numpy(warp_hz(bin_hz(n_bins).numpy()))
    edges = torch.linspace(0, position[-1].item(), PATCH_BANDS + 1)
    band = torch.bucketize(position, edges[1:-1])
    time = torch.arange(n_frames) // PATCH_FRAMES
    index = time[:, None] * PATCH_BANDS + band
    # Few bins leave bands empty, and captum counts from 0 without gaps.
    return index.unique(return_inverse=True)[1][None]
