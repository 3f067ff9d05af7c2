"""One verb for all methods: how much did each point of a spectrogram count?"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Union

import numpy as np
import torch

from explainable_seg.classes import class_index
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation import bin_hz
from explainable_seg.features import warp_hz
from explainable_seg.interpreters.spectrogram_model import (
    ClassScore,
    open_at_spectrogram,
)
from explainable_seg.models import Student, Teacher


def captum_methods() -> Any:
    """Methods of captum (Kokhlikyan et al., arXiv 2009.07896).

    Returns
    -------
    module
        ``captum.attr``.

    Raises
    ------
    ExplainableSegError
        If it is not installed.
    """
    try:
        import captum.attr
    except ImportError:
        raise ExplainableSegError(
            "expected the package captum for other methods, got none; "
            "pip install 'explainable-seg[compare]'"
        ) from None
    return captum.attr


PATCH_FRAMES = 25  # half a second
PATCH_BANDS = 8  # evenly spaced where frequency is about logarithmic
SAMPLES = 256
PATCHES_AT_ONCE = 16  # pictures


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
        perturbations_per_eval=PATCHES_AT_ONCE,
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


STEPS = 64  # points of the integral
COPIES = 32  # noisy ones
NOISE = 0.15  # of the range of the spectrogram; 10 to 20 % in arXiv 1706.03825
PICTURES_AT_ONCE = 8  # pictures


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
        nt_samples_batch_size=PICTURES_AT_ONCE,
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
        internal_batch_size=PICTURES_AT_ONCE,
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


Method = Callable[[ClassScore, torch.Tensor, torch.Tensor, int], torch.Tensor]
"""Maps an opened model, pictures [B, 1, T, F], frames [B, T] to explain and
the index of a class to values [B, 1, T, F]."""

METHODS: dict[str, Method] = {
    "saliency": saliency,
    "smoothgrad": smooth_grad,
    "integrated_gradients": integrated_gradients,
    "gradient_shap": gradient_shap,
    "grad_cam": grad_cam,
    "guided_backprop": guided_backprop,
    "guided_grad_cam": guided_grad_cam,
    "kernel_shap": kernel_shap,
}
"""Explanation methods by name; one that is added here can be asked for."""


def attribute(
    model: Union[Student, Teacher, ClassScore],
    X: torch.Tensor,
    class_name: str,
    method: str,
    frames: torch.Tensor | None = None,
    seed: int = 0,
) -> torch.Tensor:
    """How much each point of a spectrogram counts for a class.

    What is explained is the mean logit of the class over the frames. To hear
    an attribution, keep a share of the energy with
    :func:`~explainable_seg.evaluation.comparison.retention_masks` and lay the
    mask on the sound with
    :func:`~explainable_seg.explanation.masks.apply_mask`.

    Arguments
    ---------
    model : Student, Teacher or ClassScore
        A model that sees the spectrogram; opened once by
        :func:`~.spectrogram_model.open_at_spectrogram`, it need not be for
        each call.
    X : torch.Tensor [shape=(B, T, F)]
        Spectrograms ``log(1 + |STFT|^2)``.
    class_name : str
        One of the classes that the model was trained for.
    method : str
        One of METHODS.
    frames : torch.Tensor, optional [shape=(B, T), dtype=bool]
        Frames to explain, at least one each; by default all.
    seed : int
        Of the methods that draw.

    Returns
    -------
    torch.Tensor [shape=(B, T, F)]
        Signed, but for methods that know sizes only.

    Raises
    ------
    ValueError
        If the method is unknown, or there is no frame to explain.
    ExplainableSegError
        If captum is not installed, or the model was not trained for the class.

    Example
    -------
    >>> teacher = Teacher({"type": "spectrogram"}, {"n_blocks": 1}).eval()
    >>> X = teacher.frontend(torch.randn(1, 16000))
    >>> attribute(teacher, X, "speech", "saliency").shape
    torch.Size([1, 49, 257])
    """
    if method not in METHODS:
        known = ", ".join(METHODS)
        raise ValueError(f"expected `method` among {known}, got '{method}'")
    if frames is None:
        frames = torch.ones(X.shape[:2], dtype=torch.bool, device=X.device)
    if not bool(frames.any(dim=1).all()):
        raise ValueError("expected `frames` to explain, got none")
    if not isinstance(model, ClassScore):
        model = open_at_spectrogram(model)
    c = class_index(class_name, model.model.classes)
    picture = X.detach()[:, None].clone().requires_grad_()
    with _seeded(seed), torch.enable_grad():
        values = METHODS[method](model, picture, frames, c)
    return values.detach()[:, 0]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draws that depend on the seed alone and leave no trace behind."""
    state = np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # Some methods of captum draw with NumPy.
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(state)
