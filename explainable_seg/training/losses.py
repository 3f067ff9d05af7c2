"""Losses on frames, masked where a class is unknown.

Targets are 1, 0 or -1, the last one for "not annotated" and for padding. A
loss averages over what is known, of all processes; over nothing it is exactly
zero, with a gradient, so that a batch without a class trains the others.
"""

from typing import Optional

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from explainable_seg.frames import UNKNOWN
from explainable_seg.models.student import StudentOutput
from explainable_seg.nmf.coding import overshoot
from explainable_seg.training.budget import error_ratio
from explainable_seg.training.processes import total


def masked_mean(values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Mean of the known values; zero where nothing is known.

    Arguments
    ---------
    values : torch.Tensor [shape=(...)]
        Losses.
    known : torch.Tensor [shape=(...), dtype=bool]
        Which of them count.

    Returns
    -------
    torch.Tensor [shape=()]

    Example
    -------
    >>> masked_mean(torch.tensor([1.0, 9.0]), torch.tensor([True, False]))
    tensor(1.)
    """
    return total((values * known).sum()) / total(known.sum()).clamp(min=1)


def label_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy against the annotation.

    Arguments
    ---------
    logits : torch.Tensor [shape=(B, T, C)]
        Logits of the model.
    targets : torch.Tensor [shape=(B, T, C)]
        1, 0, or -1 where the class is unknown.

    Returns
    -------
    torch.Tensor [shape=()]
        Nats a known decision.
    """
    known = targets != UNKNOWN
    truth = targets.clamp(min=0).to(logits.dtype)
    losses = binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return masked_mean(losses, known)


def distillation_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    """Binary Kullback-Leibler divergence KL(teacher || student).

    From logits through log-sigmoids, so that saturated units stay finite
    (L_KD of arXiv 2401.08268, section 2).

    Arguments
    ---------
    student_logits : torch.Tensor [shape=(B, T, C)]
        Logits of the student.
    teacher_logits : torch.Tensor [shape=(B, T, C)]
        Logits of the teacher; no gradient flows into them.
    known : torch.Tensor [shape=(B, T, C), dtype=bool]
        Which decisions count.

    Returns
    -------
    torch.Tensor [shape=()]
        Nats a known decision; zero exactly when the logits agree.

    Example
    -------
    >>> z = torch.tensor([[[0.0, 100.0]]])
    >>> distillation_loss(z, z, torch.ones_like(z, dtype=torch.bool)).item()
    0.0
    """
    z = teacher_logits.detach()
    on, off = logsigmoid(z), logsigmoid(-z)
    divergence = on.exp() * (on - logsigmoid(student_logits))
    divergence = divergence + off.exp() * (off - logsigmoid(-student_logits))
    return masked_mean(divergence, known)


def reconstruction_energy(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor, known: torch.Tensor
) -> torch.Tensor:
    """Energy of what the atoms leave unexplained, ``||X - H W'||^2``.

    Arguments
    ---------
    X : torch.Tensor [shape=(B, T, F)]
        Spectrogram.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    H : torch.Tensor [shape=(B, T, K)]
        Activations.
    known : torch.Tensor [shape=(B, T), dtype=bool]
        Frames that are not padding.

    Returns
    -------
    torch.Tensor [shape=()]
        Sum over frames and bins.
    """
    residual = X - H @ W.T
    return total((residual.square().sum(dim=-1) * known).sum())


def unsupported_share(
    H: torch.Tensor,
    excess: torch.Tensor,
    theta: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    """Share of the relevance that rests on more than the sound supports.

    Relevance counts for and against, each class alike.

    Arguments
    ---------
    H : torch.Tensor [shape=(B, T, K)]
        Activations.
    excess : torch.Tensor [shape=(B, T, K)]
        Their :func:`~explainable_seg.nmf.coding.overshoot`.
    theta : torch.Tensor [shape=(C, K)]
        Classification weights.
    known : torch.Tensor [shape=(B, T), dtype=bool]
        Frames that are not padding.

    Returns
    -------
    torch.Tensor [shape=()]
        In [0, 1], mean over classes.

    Example
    -------
    >>> H, excess = torch.tensor([[[4.0]]]), torch.tensor([[[1.0]]])
    >>> known = torch.ones(1, 1, dtype=torch.bool)
    >>> unsupported_share(H, excess, torch.ones(4, 1), known)
    tensor(0.2500)
    """
    counted = known.unsqueeze(-1)
    everything = total((H * counted).sum(dim=(0, 1)))
    unsupported = total((excess * counted).sum(dim=(0, 1)))
    weights = theta.abs()
    tiny = torch.finfo(H.dtype).tiny
    whole = (weights @ everything).clamp(min=tiny)
    return ((weights @ unsupported) / whole).mean()


def student_losses(
    output: StudentOutput,
    targets: torch.Tensor,
    W: torch.Tensor,
    theta: torch.Tensor,
    teacher_logits: Optional[torch.Tensor] = None,
) -> dict[str, torch.Tensor]:
    """What the student is trained on, each a scalar.

    The teacher is followed wherever there is sound, whether or not the class
    is annotated there; frames that no class is annotated in are padding or
    outside the recording's annotated time, and count nowhere.

    Arguments
    ---------
    output : StudentOutput
        Of a batch.
    targets : torch.Tensor [shape=(B, T, C)]
        1, 0, or -1 where the class is unknown.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    theta : torch.Tensor [shape=(C, K)]
        Classification weights.
    teacher_logits : torch.Tensor, optional [shape=(B, T, C)]
        The teacher's. Without them the student learns the annotation itself
        (the by-design model of arXiv 2406.13385).

    Returns
    -------
    dict[str, torch.Tensor]
        ``task`` (distillation or cross-entropy, nats a decision),
        ``error_ratio`` (reconstruction error, times that of the sparse code),
        ``l1_ratio`` (L1 norm, times that of the sparse code),
        ``unsupported`` (:func:`unsupported_share`), ``dictionary`` (share of
        the energy that the sparse code leaves, for a W that is learned).
    """
    known = (targets != UNKNOWN).any(dim=-1)
    H, X, code = output.activations, output.spectrogram, output.code
    tiny = torch.finfo(H.dtype).tiny
    code_l1 = total((code.sum(dim=-1) * known).sum())
    energy = total((X.square().sum(dim=-1) * known).sum())
    code_energy = reconstruction_energy(X, W, code, known)
    if teacher_logits is None:
        task = label_loss(output.logits, targets)
    else:
        everything = known.unsqueeze(-1).expand_as(teacher_logits)
        task = distillation_loss(output.logits, teacher_logits, everything)
    return {
        "task": task,
        "error_ratio": error_ratio(
            reconstruction_energy(X, W, H, known), code_energy.detach()
        ),
        "l1_ratio": total((H.sum(dim=-1) * known).sum())
        / code_l1.clamp(min=tiny),
        "unsupported": unsupported_share(H, overshoot(X, W, H), theta, known),
        "dictionary": code_energy / energy.clamp(min=tiny),
    }
