"""Grad-CAM, Guided Backprop and Guided Grad-CAM.

A TCN mixes the bins of a frame in its first layer, so its maps have a time
axis and no frequency axis: Grad-CAM says when, not where in the spectrum.
"""

import warnings

import torch

from explainable_seg.explanation.attribution.package import captum_methods
from explainable_seg.explanation.attribution.spectrogram_model import ClassScore


def grad_cam(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Maps weighted by their gradients (Selvaraju et al., 1610.02391)."""
    captum = captum_methods()
    maps = captum.LayerGradCam(score, score.maps).attribute(
        X, additional_forward_args=(frames, c), relu_attributions=True
    )
    return maps.detach().expand_as(X)


def guided_backprop(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Gradient by positive ways only (Springenberg et al., 1412.6806)."""
    captum = captum_methods()
    with warnings.catch_warnings():
        _expect_hooks()
        return captum.GuidedBackprop(score).attribute(
            X, additional_forward_args=(frames, c)
        )


def guided_grad_cam(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """Product of the two others (Selvaraju et al., arXiv 1610.02391)."""
    captum = captum_methods()
    with warnings.catch_warnings():
        _expect_hooks()
        return captum.GuidedGradCam(score, score.maps).attribute(
            X, additional_forward_args=(frames, c)
        )


def _expect_hooks() -> None:
    """Hooks on rectifiers are what the method is: no reason to warn."""
    warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU")
