"""Saliency, SmoothGrad, Integrated Gradients, GradientSHAP.

Digital silence, which is zero in ``log(1 + |STFT|^2)``, is the baseline: the
only one that a mask can reach.
"""

import torch

from explainable_seg.explanation.attribution.package import captum_methods
from explainable_seg.explanation.attribution.spectrogram_model import ClassScore

STEPS = 64  # points of the integral
COPIES = 32  # noisy ones
NOISE = 0.15  # of the range of the spectrogram; 10 to 20 % in arXiv 1706.03825
AT_ONCE = 8  # pictures


def saliency(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Size of the gradient (Simonyan et al., arXiv 1312.6034)."""
    captum = captum_methods()
    return captum.Saliency(score).attribute(
        X, additional_forward_args=(frames, c)
    )


def smooth_grad(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Mean saliency of noisy copies (Smilkov et al., arXiv 1706.03825)."""
    captum = captum_methods()
    return captum.NoiseTunnel(captum.Saliency(score)).attribute(
        X,
        nt_type="smoothgrad",
        nt_samples=COPIES,
        nt_samples_batch_size=AT_ONCE,
        stdevs=NOISE * X.max().item(),
        additional_forward_args=(frames, c),
    )


def integrated_gradients(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Gradients on the way from silence (Sundararajan, arXiv 1703.01365)."""
    captum = captum_methods()
    return captum.IntegratedGradients(score).attribute(
        X,
        baselines=torch.zeros_like(X),
        n_steps=STEPS,
        internal_batch_size=AT_ONCE,
        additional_forward_args=(frames, c),
    )


def gradient_shap(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Expected gradients, noisy copies against silence (arXiv 1705.07874)."""
    captum = captum_methods()
    return captum.GradientShap(score).attribute(
        X,
        baselines=torch.zeros_like(X[:1]),
        n_samples=COPIES,
        stdevs=NOISE * X.max().item(),
        additional_forward_args=(frames, c),
    )
