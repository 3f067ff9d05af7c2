"""Losses on frames, masked where a class is unknown.

Targets are 1, 0 or -1, the last one for "not annotated" and for padding; or
what another system says, between 0 and 1 and never equal to one of them. A
loss averages over what is known, of all processes; over nothing it is exactly
zero, with a gradient, so that a batch without a class trains the others.
"""

from typing import Optional

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from explainable_seg.distributed import total
from explainable_seg.errors import SettingsError
from explainable_seg.frames import UNKNOWN
from explainable_seg.models import StudentOutput
from explainable_seg.nmf import full_precision, overshoot


class Budget(torch.nn.Module):
    """Lagrange multiplier of the constraint ``value <= limit``.

    The multiplier rises while the constraint is broken and falls while there
    is slack, by multiplicative steps (as in GECO, Rezende and Viola, "Taming
    VAEs", 2018), so training spends the whole budget and no more. It is a
    buffer: a checkpoint of the module resumes exactly.

    Arguments
    ---------
    limit : float
        Largest allowed value, > 0.
    weight : float
        Multiplier at the start.
    rate : float
        Size of a step: a value of twice the limit multiplies the weight by
        ``exp(rate)``.
    bounds : tuple[float, float]
        Smallest and largest multiplier.

    Raises
    ------
    ValueError
        If the limit is not above 0.

    Example
    -------
    >>> budget = Budget(limit=1.5, weight=1.0)
    >>> penalty = budget(torch.tensor(3.0))
    >>> bool(budget.weight > 1.0)
    True
    """

    weight: torch.Tensor

    def __init__(
        self,
        limit: float,
        weight: float = 1.0,
        rate: float = 0.02,
        bounds: tuple[float, float] = (1e-3, 1e3),
    ):
        super().__init__()
        if limit <= 0:
            raise SettingsError(f"expected `limit` > 0, got {limit}")
        self.limit = limit
        self.rate = rate
        self.bounds = bounds
        self.register_buffer("weight", torch.tensor(float(weight)))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Penalty of a batch; in training mode the multiplier moves first.

        Arguments
        ---------
        value : torch.Tensor [shape=()]
            The constrained quantity on the batch.

        Returns
        -------
        torch.Tensor [shape=()]
            ``weight * value / limit``.
        """
        if self.training:
            excess = (value.detach() / self.limit - 1).clamp(-1, 1)
            moved = self.weight * torch.exp(self.rate * excess)
            self.weight.copy_(moved.clamp(*self.bounds))
        return self.weight * value / self.limit


# Of a frame, in units of the log-power spectrogram: sounds that loud are about
# a thousand times as much.
FAINT = 0.01
SMALLEST = 1e-6  # sum of relevance that has a share of its own


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
    """Binary cross-entropy against the annotation, or scores in place of it.

    Arguments
    ---------
    logits : torch.Tensor [shape=(B, T, C)]
        Logits of the model.
    targets : torch.Tensor [shape=(B, T, C)]
        1, 0, a score between them, or -1 where the class is unknown.

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


def with_scores(
    teacher_logits: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """What a student is taught: another system's scores, or its teacher's.

    Arguments
    ---------
    teacher_logits : torch.Tensor [shape=(B, T, C)]
        Logits of its teacher.
    targets : torch.Tensor [shape=(B, T, C)]
        1, 0 or -1; or a score between 0 and 1.

    Returns
    -------
    torch.Tensor [shape=(B, T, C)]
        Logits of the scores where there are scores, of the teacher elsewhere.

    Example
    -------
    >>> with_scores(torch.full((3,), 2.0), torch.tensor([1.0, 0.5, -1.0]))
    tensor([2., 0., 2.])
    """
    scores = targets.to(teacher_logits.dtype)
    scored = (scores > 0) & (scores < 1)
    return torch.where(scored, scores.logit(), teacher_logits)


@full_precision
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


def ratio_to_code(
    student: torch.Tensor, code: torch.Tensor, n_frames: torch.Tensor
) -> torch.Tensor:
    """A quantity of the student's, times that of the sparse code.

    A batch so faint that its code is empty has a finite ratio, and one that
    the student leaves empty too a ratio of 1.

    Arguments
    ---------
    student : torch.Tensor [shape=()]
        Sum over frames.
    code : torch.Tensor [shape=()]
        Likewise, of the sparse code.
    n_frames : torch.Tensor [shape=()]
        Number of these frames.

    Returns
    -------
    torch.Tensor [shape=()]

    Example
    -------
    >>> zero, frames = torch.tensor(0.0), torch.tensor(10)
    >>> ratio_to_code(zero, zero, frames)
    tensor(1.)
    """
    floor = FAINT * n_frames.clamp(min=1)
    return (student + floor) / (code + floor)


@full_precision
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
    weights = theta.abs()
    whole = (weights @ _sums(H, known)).clamp(min=SMALLEST)
    return ((weights @ _sums(excess, known)) / whole).mean()


def _sums(activations: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Sum of each atom [K] over the known frames of all processes."""
    return total((activations * known.unsqueeze(-1)).sum(dim=(0, 1)))


@full_precision
def outside_share(
    H: torch.Tensor,
    theta: torch.Tensor,
    own: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    """Share of the relevance that rests on atoms which are not the class's own.

    Arguments
    ---------
    H : torch.Tensor [shape=(B, T, K)]
        Activations.
    theta : torch.Tensor [shape=(C, K)]
        Classification weights.
    own : torch.Tensor [shape=(C, K), dtype=bool]
        Which atoms are a class's own.
    known : torch.Tensor [shape=(B, T), dtype=bool]
        Frames that are not padding.

    Returns
    -------
    torch.Tensor [shape=()]
        In [0, 1], mean over classes.

    Example
    -------
    >>> H, theta = torch.tensor([[[3.0, 1.0]]]), torch.tensor([[1.0, -1.0]])
    >>> known = torch.ones(1, 1, dtype=torch.bool)
    >>> outside_share(H, theta, torch.tensor([[True, False]]), known)
    tensor(0.2500)
    """
    everything, weights = _sums(H, known), theta.abs()
    whole = (weights @ everything).clamp(min=SMALLEST)
    return (((weights * ~own) @ everything) / whole).mean()


def student_losses(
    output: StudentOutput,
    targets: torch.Tensor,
    W: torch.Tensor,
    theta: torch.Tensor,
    teacher_logits: Optional[torch.Tensor] = None,
    own: Optional[torch.Tensor] = None,
) -> dict[str, torch.Tensor]:
    """What the student is trained on, each a scalar.

    The teacher is followed wherever there is sound, whether or not the class
    is annotated there, but for classes that have a score of another system,
    which is followed instead; frames that no class is annotated in are padding or
    outside the recording's annotated time, and count nowhere.

    Arguments
    ---------
    output : StudentOutput
        Of a batch.
    targets : torch.Tensor [shape=(B, T, C)]
        1, 0, a score between them, or -1 where the class is unknown.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    theta : torch.Tensor [shape=(C, K)]
        Classification weights.
    teacher_logits : torch.Tensor, optional [shape=(B, T, C)]
        The teacher's. Without them the student learns the annotation itself
        (the by-design model of arXiv 2406.13385), and scores.
    own : torch.Tensor, optional [shape=(C, K), dtype=bool]
        Which atoms are a class's own, where they are told apart.

    Returns
    -------
    dict[str, torch.Tensor]
        ``task`` (distillation or cross-entropy, nats a decision),
        ``error_ratio`` (reconstruction error, times that of the sparse code),
        ``l1_ratio`` (L1 norm, times that of the sparse code),
        ``unsupported`` (:func:`unsupported_share`), ``outside``
        (:func:`outside_share`, where atoms are told apart), ``dictionary``
        (share of the energy that the sparse code leaves, for a W that is
        learned).
    """
    known = (targets != UNKNOWN).any(dim=-1)
    H, X, code = output.activations, output.spectrogram, output.code
    n_frames = total(known.sum())

    def energy(rebuilt_from: torch.Tensor) -> torch.Tensor:
        return reconstruction_energy(X, W, rebuilt_from, known)

    def l1(activations: torch.Tensor) -> torch.Tensor:
        return total((activations.sum(dim=-1) * known).sum())

    if teacher_logits is None:
        task = label_loss(output.logits, targets)
    else:
        everything = known.unsqueeze(-1).expand_as(teacher_logits)
        taught = with_scores(teacher_logits, targets)
        task = distillation_loss(output.logits, taught, everything)
    code_energy = energy(code)
    sound = total((X.square().sum(dim=-1) * known).sum())
    error_ratio = ratio_to_code(
        energy(H), code_energy.detach(), n_frames
    ).sqrt()
    losses = (
        {} if own is None else {"outside": outside_share(H, theta, own, known)}
    )
    return {
        **losses,
        "task": task,
        "error_ratio": error_ratio,
        "l1_ratio": ratio_to_code(l1(H), l1(code), n_frames),
        "unsupported": unsupported_share(H, overshoot(X, W, H), theta, known),
        "dictionary": code_energy / sound.clamp(min=FAINT),
    }
