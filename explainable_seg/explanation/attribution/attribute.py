"""One verb for all methods: how much did each point of a spectrogram count?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Union

import numpy as np
import torch

from explainable_seg.classes import class_index
from explainable_seg.explanation.attribution.activation_maps import (
    grad_cam,
    guided_backprop,
    guided_grad_cam,
)
from explainable_seg.explanation.attribution.gradients import (
    gradient_shap,
    integrated_gradients,
    saliency,
    smooth_grad,
)
from explainable_seg.explanation.attribution.patches import kernel_shap
from explainable_seg.explanation.attribution.spectrogram_model import (
    ClassScore,
    open_at_spectrogram,
)
from explainable_seg.models.student import Student
from explainable_seg.models.teacher import Teacher

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
    :func:`~explainable_seg.explanation.retention.retention_masks` and lay the
    mask on the sound with
    :func:`~explainable_seg.explanation.listening.apply_mask`.

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
