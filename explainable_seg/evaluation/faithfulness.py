"""Is an explanation faithful to the model? Measures of one frame and class.

A mask says which part of the sound speaks for a class. What it keeps
(mask-in) and what it leaves (mask-out) are made into sound again and go
through the whole model (:mod:`.reanalysis`). With p the probability of the
class for the sound itself, ``q_in`` and ``q_out`` those for the two parts, the
measures below compare frame with frame; their means over the frames that the
model marks are the figures of Grad-CAM++ (arXiv 1710.11063), LMAC (arXiv
2403.13086) and RISE (arXiv 1806.07421). Decisions are multilabel: each class
has its own sigmoid and threshold, and no softmax is taken anywhere.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch

from explainable_seg.classes import class_index, class_order
from explainable_seg.explanation import (
    class_mask,
    default_selection,
    permute_frequencies,
    relevance,
    select_atoms,
)
from explainable_seg.models import Student

EPSILON = 1e-10
RESOLUTION = 1e-4  # of probabilities: resynthesis moves them by less than that


def average_increase(p: torch.Tensor, q_in: torch.Tensor) -> torch.Tensor:
    """AI: is the class surer when only the explanation sounds?

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_in : torch.Tensor [shape=(...)]
        Probabilities for what the mask keeps.

    Returns
    -------
    torch.Tensor [shape=(...)]
        100 where it is by more than RESOLUTION, else 0: percent when
        averaged. More is better.

    Example
    -------
    >>> average_increase(torch.tensor([0.5, 0.5]), torch.tensor([0.6, 0.5]))
    tensor([100.,   0.])
    """
    return 100.0 * (q_in > p + RESOLUTION).to(p.dtype)


def average_drop(p: torch.Tensor, q_in: torch.Tensor) -> torch.Tensor:
    """AD: share of the probability lost when only the explanation sounds.

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_in : torch.Tensor [shape=(...)]
        Probabilities for what the mask keeps.

    Returns
    -------
    torch.Tensor [shape=(...)]
        ``100 max(0, p - q_in) / p``, percent. Less is better.

    Example
    -------
    >>> average_drop(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]))
    tensor([50.,  0.])
    """
    return 100.0 * (p - q_in).clamp(min=0) / p.clamp(min=EPSILON)


def average_gain(p: torch.Tensor, q_in: torch.Tensor) -> torch.Tensor:
    """AG: share of the doubt lost when only the explanation sounds.

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_in : torch.Tensor [shape=(...)]
        Probabilities for what the mask keeps.

    Returns
    -------
    torch.Tensor [shape=(...)]
        ``100 max(0, q_in - p) / (1 - p)``, percent. More is better.

    Example
    -------
    >>> average_gain(torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25]))
    tensor([50.,  0.])
    """
    return 100.0 * (q_in - p).clamp(min=0) / (1 - p).clamp(min=EPSILON)


def faithfulness(p: torch.Tensor, q_out: torch.Tensor) -> torch.Tensor:
    """FF: probability that goes with the explanation.

    Arguments
    ---------
    p : torch.Tensor [shape=(...)]
        Probabilities for the sound itself.
    q_out : torch.Tensor [shape=(...)]
        Probabilities for what the mask leaves.

    Returns
    -------
    torch.Tensor [shape=(...)]
        ``p - q_out``, in [-1, 1]. More is better.

    Example
    -------
    >>> faithfulness(torch.tensor([0.75]), torch.tensor([0.25]))
    tensor([0.5000])
    """
    return p - q_out


def input_fidelity(q_in: torch.Tensor, threshold: float) -> torch.Tensor:
    """Fid-In: is the class still found when only the explanation sounds?

    Arguments
    ---------
    q_in : torch.Tensor [shape=(...)]
        Probabilities, for what the mask keeps, of frames that are marked.
    threshold : float
        Probability from which the class counts as found.

    Returns
    -------
    torch.Tensor [shape=(...)]
        1 where it is, else 0. More is better.

    Example
    -------
    >>> input_fidelity(torch.tensor([0.5, 0.4]), 0.5)
    tensor([1., 0.])
    """
    return (q_in >= threshold).to(q_in.dtype)


def sparseness(attribution: torch.Tensor) -> torch.Tensor:
    """SPS: Gini index over the bins of each frame (arXiv 1810.06583).

    Arguments
    ---------
    attribution : torch.Tensor [shape=(T, F)]
        Non-negative: a mask, or the positive part of an attribution.

    Returns
    -------
    torch.Tensor [shape=(T,)]
        0 for bins that are all alike, ``1 - 1 / F`` for a single one; NaN
        where a frame has nothing. More is sparser.

    Example
    -------
    >>> sparseness(torch.tensor([[1.0, 1.0], [0.0, 3.0], [0.0, 0.0]]))
    tensor([0.0000, 0.5000,    nan])
    """
    n_bins = attribution.shape[1]
    ranks = torch.arange(1, n_bins + 1, device=attribution.device)
    rising = attribution.sort(dim=1).values
    weighted = ((2 * ranks - n_bins - 1) * rising).sum(dim=1)
    total = attribution.sum(dim=1)
    return torch.where(total > 0, weighted / (n_bins * total), torch.nan)


def complexity(attribution: torch.Tensor) -> torch.Tensor:
    """COMP: entropy over the bins of each frame (arXiv 2005.00631).

    Arguments
    ---------
    attribution : torch.Tensor [shape=(T, F)]
        Non-negative: a mask, or the positive part of an attribution.

    Returns
    -------
    torch.Tensor [shape=(T,)]
        Nats, from 0 for a single bin to ``log F`` for bins that are all
        alike; NaN where a frame has nothing. Less is simpler.

    Example
    -------
    >>> complexity(torch.tensor([[1.0, 1.0], [0.0, 3.0], [0.0, 0.0]]))
    tensor([0.6931, 0.0000,    nan])
    """
    total = attribution.sum(dim=1, keepdim=True)
    shares = attribution / total.clamp(min=EPSILON)
    entropy = torch.special.entr(shares).sum(dim=1)
    return torch.where(total[:, 0] > 0, entropy, torch.nan)


def area_weights(shares: Sequence[float]) -> torch.Tensor:
    """Weights with which values of a curve sum to the area under it.

    The trapezoid rule is linear, so areas can be summed over recordings as
    the values themselves are.

    Arguments
    ---------
    shares : Sequence[float] [length=S]
        Rising from 0 to 1: shares of the energy inserted or deleted.

    Returns
    -------
    torch.Tensor [shape=(S,), dtype=float64]

    Raises
    ------
    ValueError
        If the shares do not rise from 0 to 1.

    Example
    -------
    >>> area_weights([0.0, 0.5, 1.0]).tolist()
    [0.25, 0.5, 0.25]
    """
    x = torch.tensor(list(shares), dtype=torch.float64)
    steps = x.diff()
    if len(x) < 2 or x[0] != 0 or x[-1] != 1 or bool((steps <= 0).any()):
        raise ValueError(f"expected `shares` from 0 to 1, got {list(shares)}")
    nothing = steps.new_zeros(1)
    return (torch.cat([nothing, steps]) + torch.cat([steps, nothing])) / 2


class HeardFrames(NamedTuple):
    """What the model says of the marked frames of a passage, and for what.

    Arguments
    ---------
    p : torch.Tensor [shape=(T,)]
        Probabilities of the class for the sound itself.
    q_in : torch.Tensor [shape=(T,)]
        Those for what the mask keeps.
    q_out : torch.Tensor [shape=(T,)]
        Those for what it leaves.
    evidence : torch.Tensor [shape=(T, F)]
        The mask, or the positive part of an attribution.
    energy : torch.Tensor [shape=(1,) or (0,)]
        Share of the energy that the mask keeps; none of a silent passage.
    threshold : float
        Probability from which the class counts as found.
    """

    p: torch.Tensor
    q_in: torch.Tensor
    q_out: torch.Tensor
    evidence: torch.Tensor
    energy: torch.Tensor
    threshold: float


class Measure(NamedTuple):
    """A measure of faithfulness.

    Arguments
    ---------
    values : Callable
        Maps :class:`HeardFrames` to the values that are averaged, one a frame
        or a passage; NaN stands for none.
    lower_is_better : bool
        Whether less of it is better.
    """

    values: Callable[[HeardFrames], torch.Tensor]
    lower_is_better: bool = False


MEASURES: dict[str, Measure] = {
    "AI": Measure(lambda heard: average_increase(heard.p, heard.q_in)),
    "AD": Measure(lambda heard: average_drop(heard.p, heard.q_in), True),
    "AG": Measure(lambda heard: average_gain(heard.p, heard.q_in)),
    "FF": Measure(lambda heard: faithfulness(heard.p, heard.q_out)),
    "Fid-In": Measure(
        lambda heard: input_fidelity(heard.q_in, heard.threshold)
    ),
    "SPS": Measure(lambda heard: sparseness(heard.evidence)),
    "COMP": Measure(lambda heard: complexity(heard.evidence), True),
    "p": Measure(lambda heard: heard.p),
    "q_in": Measure(lambda heard: heard.q_in),
    "q_out": Measure(lambda heard: heard.q_out),
    "energy": Measure(lambda heard: heard.energy),
}
"""Measures of faithfulness by name; one that is added here is reported."""


class FaithfulnessStats:
    """Faithfulness of masks to a model, for each class.

    Every figure is a mean, kept as a sum and a count, so parts of a data set
    that were worked on apart add up exactly (:meth:`merge`), and a sum of
    ``sums`` and ``counts`` over processes is all that a distributed run needs.

    Rows of both are :data:`MEASURES`, then one row for each class that may
    rise; columns are the class that the mask explains. The rows of classes
    are the complement: ``q_out - p`` of another class in the frames where the
    model did not mark it. Above zero, taking the explanation away makes the
    model hear that class.

    Arguments
    ---------
    thresholds : Mapping[str, float or None]
        For each class of the model, the lowest probability that counts as
        found; None: it is never found.

    Example
    -------
    >>> stats = FaithfulnessStats({"speech": 0.5, "music": 0.5})
    >>> p = torch.tensor([[0.8, 0.1]])
    >>> stats.update(
    ...     "speech", torch.tensor([True]), p, 0.5 * p, 0 * p, torch.ones(1, 2)
    ... )
    >>> round(stats.summary()["speech"]["AD"], 3)
    50.0
    """

    def __init__(self, thresholds: Mapping[str, float | None]):
        self.classes = class_order(thresholds)
        chosen = [thresholds[name] for name in self.classes]
        self.thresholds = [math.inf if x is None else x for x in chosen]
        shape = (len(MEASURES) + len(self.classes), len(self.classes))
        self.sums = torch.zeros(shape, dtype=torch.float64)
        self.counts = torch.zeros(shape, dtype=torch.int64)

    def update(
        self,
        class_name: str,
        frames: torch.Tensor,
        p: torch.Tensor,
        q_in: torch.Tensor,
        q_out: torch.Tensor,
        attribution: torch.Tensor,
        energy: float | None = None,
    ) -> None:
        """Add the mask of a class on a passage.

        Arguments
        ---------
        class_name : str
            The class that the mask explains.
        frames : torch.Tensor [shape=(T,), dtype=bool]
            Frames where the model marks the class, inside annotated time.
        p : torch.Tensor [shape=(T, C)]
            Probabilities for the sound itself.
        q_in : torch.Tensor [shape=(T, C)]
            Probabilities for what the mask keeps.
        q_out : torch.Tensor [shape=(T, C)]
            Probabilities for what it leaves.
        attribution : torch.Tensor [shape=(T, F)]
            The mask, or the attribution that it was made from; negative
            values count as none.
        energy : float, optional
            Share of the energy of the passage that the mask keeps; None where
            the passage is silent.
        """
        c = class_index(class_name, self.classes)
        p, q_in, q_out = (x[frames].double().cpu() for x in (p, q_in, q_out))
        evidence = attribution[frames].double().cpu().clamp(min=0)
        kept = [] if energy is None or not len(p) else [energy]
        heard = HeardFrames(
            p[:, c],
            q_in[:, c],
            q_out[:, c],
            evidence,
            torch.tensor(kept, dtype=torch.float64),
            self.thresholds[c],
        )
        for row, measure in enumerate(MEASURES.values()):
            self._add(row, c, measure.values(heard))
        marked = p >= torch.tensor(self.thresholds, device=p.device)
        rise = torch.where(marked, torch.nan, q_out - p)
        for other in range(len(self.classes)):
            if other != c:
                self._add(len(MEASURES) + other, c, rise[:, other])

    def _add(self, row: int, c: int, values: torch.Tensor) -> None:
        """Add values to a mean; NaN stands for none."""
        known = values[~values.isnan()]
        self.sums[row, c] += known.sum()
        self.counts[row, c] += len(known)

    def merge(self, other: "FaithfulnessStats") -> None:
        """Add what another one has seen.

        Arguments
        ---------
        other : FaithfulnessStats
            Of the same thresholds.

        Raises
        ------
        ValueError
            If its thresholds are others.
        """
        if (other.classes, other.thresholds) != (self.classes, self.thresholds):
            raise ValueError(
                f"expected thresholds {self.thresholds}, got {other.thresholds}"
            )
        self.sums += other.sums
        self.counts += other.counts

    def summary(self) -> dict[str, dict[str, float | int | None]]:
        """Means of each class, and over classes.

        Returns
        -------
        dict[str, dict[str, float or int or None]]
            For each class its measures, ``raises <class>`` for each other
            class, and ``frames``, the number of frames; None where no frame
            counts. ``macro`` is the mean over the classes that have a value.
        """
        means = (self.sums / self.counts).tolist()
        names = [*MEASURES, *(f"raises {name}" for name in self.classes)]
        table: dict[str, dict[str, float | int | None]] = {}
        for c, class_name in enumerate(self.classes):
            table[class_name] = {
                name: means[row][c] if self.counts[row, c] else None
                for row, name in enumerate(names)
                if name != f"raises {class_name}"
            }
            frames = int(self.counts[names.index("p"), c])
            table[class_name]["frames"] = frames
        table["macro"] = {name: _mean_known(table, name) for name in MEASURES}
        return table


def _mean_known(
    table: Mapping[str, Mapping[str, float | int | None]], name: str
) -> float | None:
    """Mean over the classes that have a value; None if there is none."""
    values = [v for row in table.values() if (v := row[name]) is not None]
    return sum(values) / len(values) if values else None


def random_atoms(
    selected: torch.Tensor, z: torch.Tensor, seed: int = 0
) -> torch.Tensor:
    """As many atoms as were selected, drawn among those that are active.

    Arguments
    ---------
    selected : torch.Tensor [shape=(K,), dtype=bool]
        Atoms that an explanation selects.
    z : torch.Tensor [shape=(K,)]
        Mean activations of the passage.
    seed : int
        Of the draw.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]

    Example
    -------
    >>> selected = torch.tensor([True, False, False])
    >>> random_atoms(selected, torch.tensor([0.0, 1.0, 0.0])).tolist()
    [False, True, False]
    """
    active = (z > 0).nonzero()[:, 0].cpu()
    generator = torch.Generator().manual_seed(seed)
    drawn = active[torch.randperm(len(active), generator=generator)]
    chosen = torch.zeros_like(selected)
    chosen[drawn[: int(selected.sum())].to(selected.device)] = True
    return chosen


def permute_theta(theta_c: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Classifier weights dealt to other atoms.

    Arguments
    ---------
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for a class.
    seed : int
        Of the permutation.

    Returns
    -------
    torch.Tensor [shape=(K,)]
        The same values in another order.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(theta_c), generator=generator)
    return theta_c[order.to(theta_c.device)]


def randomised_student(student: Student, seed: int = 0) -> Student:
    """A student of the same shape that has learned nothing.

    Dictionary and front end stay: what is told apart is what training the
    network and its classifier brought, not the sound or its spectrogram.

    Arguments
    ---------
    student : Student
        A trained student.
    seed : int
        Of the fresh weights.

    Returns
    -------
    Student
        In evaluation mode, on the same device.
    """
    arguments = {k: v for k, v in student.config.items() if k != "type"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = Student(**arguments, dictionary=student.dictionary.cpu())
    fresh.frontend.load_state_dict(student.frontend.state_dict())
    fresh.to(student.dictionary.device).eval().requires_grad_(False)
    return fresh


def control_masks(
    H: torch.Tensor,
    W: torch.Tensor,
    theta_c: torch.Tensor,
    frames: torch.Tensor,
    own_c: torch.Tensor | None = None,
    sources: torch.Tensor | None = None,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """Masks of the controls of an explanation by atoms.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations of a passage.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.
    frames : torch.Tensor [shape=(T,), dtype=bool]
        Frames that are explained, at least one.
    own_c : torch.Tensor [shape=(K,), dtype=bool], optional
        The class's own atoms, if it has any.
    sources : torch.Tensor, optional [shape=(S, K), dtype=bool]
        Which atoms are a source's, as for
        :func:`~explainable_seg.explanation.masks.class_mask`.
    seed : int
        Of all draws.

    Returns
    -------
    dict[str, torch.Tensor] [shape=(T, F)]
        ``random atoms``, as many as the explanation has; ``permuted Theta``,
        the atoms that the paper would choose with the weights dealt to other
        atoms; ``permuted W``, the atoms of the explanation with their
        frequencies exchanged; ``random bins``, no ranking at all.
    """
    z = H[frames].mean(dim=0)
    selected = default_selection(relevance(H[frames], theta_c), z, own_c)
    permuted = relevance(H[frames], permute_theta(theta_c, seed))
    drawn = random_atoms(selected, z, seed)
    return {
        "random atoms": class_mask(H, W, drawn, sources),
        "permuted Theta": class_mask(H, W, select_atoms(permuted), sources),
        "permuted W": class_mask(
            H, permute_frequencies(W, seed), selected, sources
        ),
        "random bins": torch.zeros(len(H), len(W)).to(H),
    }
