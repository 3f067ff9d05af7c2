"""Attribution by captum, on a model opened at its spectrogram."""

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Union

import numpy as np
import torch

from explainable_seg.classes import class_index
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation import bin_hz
from explainable_seg.features import LogPowerSpectrogram, warp_hz
from explainable_seg.models import Outputs, Student, Teacher
from explainable_seg.nmf import sparse_code

RIDGE = 1e-6  # keeps atoms that are alike from making the system singular


class SparseCode(torch.autograd.Function):
    """Sparse code whose gradient is that of the minimiser.

    Around a frame x the minimiser of ``0.5 ||x - W h||^2 + mu ||h||_1`` over
    ``h >= 0`` is linear: with S the atoms that are active, ``h_S = (W_S'
    W_S)^-1 (W_S' x - mu)`` (Mairal et al., "Task-driven dictionary learning",
    2012, proposition 1). So the gradient needs one small linear system a
    frame, whatever the number of sweeps that found the code.
    """

    @staticmethod
    def forward(
        ctx: Any, X: torch.Tensor, W: torch.Tensor, mu: float, n_sweeps: int
    ) -> torch.Tensor:
        """Code [N, K] of frames X [N, F] for a dictionary W [F, K]."""
        H = sparse_code(X, W, mu, n_sweeps)
        ctx.save_for_backward(H > 0, W)
        return H

    @staticmethod
    def backward(
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None, None, None]:
        """Gradient with respect to the frames."""
        active, W = ctx.saved_tensors
        # Few atoms are active: the systems are as large as most are at once.
        size = max(1, int(active.sum(dim=1).max()))
        atoms = active.int().argsort(dim=1, descending=True)[:, :size]
        support = active.gather(1, atoms).to(W.dtype)
        G = (W.T @ W)[atoms[:, :, None], atoms[:, None, :]]
        system = support[:, :, None] * G * support[:, None, :]
        # Places to spare get an equation of their own: 0.
        system.diagonal(dim1=1, dim2=2).add_(1 - support + RIDGE)
        wanted = gradients[0].gather(1, atoms) * support
        solved = torch.linalg.solve(system, wanted[:, :, None])[:, :, 0]
        H = torch.zeros_like(gradients[0]).scatter(1, atoms, solved)
        return H @ W.T, None, None, None


class FromPicture(torch.nn.Module):
    """In place of a front end: a picture [B, 1, T, F] as features [B, T, F]."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Drop the channel."""
        return picture.squeeze(1)


class LeakyRectifier(torch.nn.ReLU):
    """A PReLU that counts as a rectifier for guided back-propagation.

    captum applies the rule to modules of the class ReLU and to no other.

    Arguments
    ---------
    weight : torch.Tensor [shape=(1,)]
        Slope below zero.
    """

    weight: torch.Tensor

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The function of the PReLU."""
        return torch.nn.functional.prelu(x, self.weight)


class MappedTCN(torch.nn.Module):
    """A TCN whose output can be hooked as maps [B, channels, T, 1].

    Arguments
    ---------
    tcn : TCN
        The network; its PReLUs are replaced.
    """

    def __init__(self, tcn: torch.nn.Module):
        super().__init__()
        self.tcn = _with_rectifiers(tcn)
        self.maps = torch.nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the TCN says, by way of the maps."""
        maps = self.maps(self.tcn(x).transpose(1, 2).unsqueeze(-1))
        return maps.squeeze(-1).transpose(1, 2)


class _OpenStudent(Student):
    """A student whose sparse code lets gradients through."""

    def _code(self, X: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        """Code [B, T, K] of a spectrogram [B, T, F], with its gradient."""
        # The forward pass of a student asks for a code without gradients.
        with torch.enable_grad():
            H = SparseCode.apply(X.flatten(0, 1), W, self.mu, self.code_sweeps)
            return H.reshape(*X.shape[:2], -1)


class ClassScore(torch.nn.Module):
    """Mean logit of a class over some frames, from the spectrogram.

    Arguments
    ---------
    model : Student or Teacher
        Opened by :func:`open_at_spectrogram`.
    maps : torch.nn.Module
        The layer whose output is the last maps of its TCN.
    """

    def __init__(self, model: Union[Student, Teacher], maps: torch.nn.Module):
        super().__init__()
        self.model = model
        self.maps = maps

    def logits(self, picture: torch.Tensor) -> torch.Tensor:
        """Logits [B, T, C] of pictures [B, 1, T, F]."""
        return Outputs.of(self.model(picture)).logits

    def forward(
        self, picture: torch.Tensor, frames: torch.Tensor, c: int
    ) -> torch.Tensor:
        """Score of each picture.

        Arguments
        ---------
        picture : torch.Tensor [shape=(B, 1, T, F)]
            Spectrograms.
        frames : torch.Tensor [shape=(B, T), dtype=bool]
            Frames to average over, at least one each.
        c : int
            Index of the class.

        Returns
        -------
        torch.Tensor [shape=(B,)]
        """
        logits = self.logits(picture)[..., c]
        weights = frames.to(logits)
        return (logits * weights).sum(dim=1) / weights.sum(dim=1)


def open_at_spectrogram(model: Union[Student, Teacher]) -> ClassScore:
    """The same model from its spectrogram on, with a path for gradients.

    The model itself is left as it is.

    Arguments
    ---------
    model : Student or Teacher
        Whose TCN sees the spectrogram; for a student, the one its atoms
        rebuild.

    Returns
    -------
    ClassScore

    Raises
    ------
    ValueError
        If the model sees something else, such as WavLM's features.

    Example
    -------
    >>> teacher = Teacher({"type": "spectrogram"}, {"n_blocks": 1}).eval()
    >>> wav = torch.randn(1, 16000)
    >>> picture = teacher.frontend(wav)[:, None]
    >>> opened = open_at_spectrogram(teacher)
    >>> torch.equal(opened.logits(picture), teacher(wav))
    True
    """
    if not isinstance(model.frontend, LogPowerSpectrogram):
        raise ValueError(
            "expected a model that sees a spectrogram, got one that sees "
            f"{type(model.frontend).__name__}"
        )
    if isinstance(model, Student):
        opened: Union[Student, Teacher] = _open_student(model)
    else:
        opened = copy.deepcopy(model)
    tcn = MappedTCN(opened.tcn)
    # Where the model keeps these modules, others of the same use take over.
    opened.add_module("tcn", tcn)
    opened.add_module("frontend", FromPicture())
    return ClassScore(opened, tcn.maps).eval().requires_grad_(False)


def _open_student(student: Student) -> Student:
    """Copy of a student that takes pictures and gives the code a gradient."""
    if student.frontend.n_features != student.spectrogram.n_features:
        raise ValueError(
            "expected one spectrogram for TCN and atoms, got "
            f"{student.frontend.n_features} and "
            f"{student.spectrogram.n_features} bins"
        )
    arguments = {k: v for k, v in student.config.items() if k != "type"}
    opened = _OpenStudent(**arguments)
    opened.load_state_dict(student.state_dict())
    opened.to(student.dictionary.device)
    opened.add_module("spectrogram", FromPicture())
    return opened


def _with_rectifiers(module: torch.nn.Module) -> torch.nn.Module:
    """Replace every PReLU of a module, in place."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.PReLU):
            setattr(module, name, LeakyRectifier(child.weight))
        else:
            _with_rectifiers(child)
    return module


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


INTEGRAL_STEPS = 64  # points of the integral
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
        n_steps=INTEGRAL_STEPS,
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
