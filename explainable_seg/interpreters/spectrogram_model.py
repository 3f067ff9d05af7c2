"""A model opened at its spectrogram: pictures [B, 1, T, F] in, scores out.

Attribution methods for pictures need a path of gradients from the spectrogram
to the decision. The models take audio; here the same modules are put together
again without their front end, so that no line of their forward pass is written
twice.
"""

import copy
from typing import Any, Union

import torch

from explainable_seg.features import LogPowerSpectrogram
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

    def sparse_code(self, X: torch.Tensor) -> torch.Tensor:
        """Code [B, T, K] of a spectrogram [B, T, F], with its gradient."""
        # The forward pass of a student asks for a code without gradients.
        with torch.enable_grad():
            H = SparseCode.apply(
                X.flatten(0, 1), self.dictionary, self.mu, self.code_sweeps
            )
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
