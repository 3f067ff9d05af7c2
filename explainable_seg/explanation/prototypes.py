"""Global explanation: what makes up each class in a data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from scipy.sparse import csr_array
from tqdm import tqdm

from explainable_seg.brief import Brief
from explainable_seg.classes import class_columns
from explainable_seg.corpora import Region, Truth, load_truth, region_targets
from explainable_seg.decisions import Segmentation
from explainable_seg.explanation.bootstrap import AT_ONCE, interval
from explainable_seg.explanation.decomposition import StudentWeights
from explainable_seg.explanation.selection import (
    SegmentMeans,
    peak_hz,
    select_share,
)
from explainable_seg.explanation.words import AtomTimes, describe_atoms
from explainable_seg.frames import (
    FRAME_STEP,
    frame_ranges,
    frame_spans,
    frame_targets,
)
from explainable_seg.nmf import full_precision

CARRIED = 0.9
"""Share of the positive relevance that compactness asks for."""


def compactness(p: torch.Tensor, share: float = CARRIED) -> int | None:
    """How few atoms carry a class.

    Arguments
    ---------
    p : torch.Tensor [shape=(K,)]
        Its prototype.
    share : float
        Of the positive relevance.

    Returns
    -------
    int or None
        None where no atom speaks for the class.

    Example
    -------
    >>> compactness(torch.tensor([5.0, 4.0, 0.5, 0.5, -9.0]))
    2
    """
    return int(select_share(p, share).sum()) or None


def modularity(prototypes: torch.Tensor) -> torch.Tensor:
    """How close each atom is to serving one class alone.

    ``1 - sum_{c != best} t_c^2 / (t_best^2 (C - 1))`` (Ridgeway and Mozer,
    2018, arXiv 1802.05312, equation 2), with t the positive relevances in
    place of mutual information.

    Arguments
    ---------
    prototypes : torch.Tensor [shape=(C, K)]
        Prototypes of at least two classes.

    Returns
    -------
    torch.Tensor [shape=(K,)]
        1 for an atom of one class, 0 for one that serves all alike; NaN for
        one that speaks for none.

    Example
    -------
    >>> modularity(torch.tensor([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.0]]))
    tensor([1., 0., nan])
    """
    squares = prototypes.clamp(min=0).square()
    best = squares.amax(dim=0)
    others = squares.sum(dim=0) - best
    return 1 - others / (best * (len(prototypes) - 1))


@full_precision
def similarity(prototypes: torch.Tensor) -> torch.Tensor:
    """Cosine of the angle between the prototypes of each two classes.

    Arguments
    ---------
    prototypes : torch.Tensor [shape=(C, K)]
        Prototypes.

    Returns
    -------
    torch.Tensor [shape=(C, C)]
        1 for the same mix of atoms, -1 for the opposite; NaN for a prototype
        that is zero.

    Example
    -------
    >>> similarity(torch.tensor([[1.0, 0.0], [3.0, 4.0]]))[0].tolist()
    [1.0, 0.6000000238418579]
    """
    norms = prototypes.norm(dim=1)
    return (prototypes @ prototypes.T) / torch.outer(norms, norms)


DRAWS = 500  # resampled data sets
RESERVOIR = 2048  # segments of a class
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False, repr=False)
class Prototype(Brief):
    """What makes up a class in a data set.

    Arguments
    ---------
    n_segments : int
        Segments of the class, at least one.
    n_frames : int
        Their frames.
    mean : torch.Tensor [shape=(K,)]
        p_c, in units of the logit.
    std : torch.Tensor [shape=(K,)]
        Standard deviation over segments; 0 for a single one.
    low, high : torch.Tensor [shape=(K,)]
        95 % bootstrap interval of the mean.
    quantiles : torch.Tensor [shape=(3, K)]
        Of the segments, at QUANTILES.
    """

    n_segments: int
    n_frames: int
    mean: torch.Tensor
    std: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    quantiles: torch.Tensor


class PrototypeStats:
    """Relevances of the segments of one class, accumulated.

    Arguments
    ---------
    n_atoms : int
        Number of atoms K.
    seed : int
        Of the bootstrap and the reservoir.

    Example
    -------
    >>> stats = PrototypeStats(2)
    >>> stats.update(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), n_frames=50)
    >>> stats.prototype().mean.tolist()
    [2.0, 0.0]
    """

    def __init__(self, n_atoms: int, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)
        self.n_segments = 0
        self.n_frames = 0
        self.sums = torch.zeros(n_atoms, dtype=torch.float64)
        self.squares = torch.zeros(n_atoms, dtype=torch.float64)
        self.drawn_sums = torch.zeros(DRAWS, n_atoms, dtype=torch.float64)
        self.drawn_counts = torch.zeros(DRAWS, 1, dtype=torch.float64)
        self.reservoir = torch.zeros(0, n_atoms)

    def update(self, r: torch.Tensor, n_frames: int) -> None:
        """Add segments.

        Arguments
        ---------
        r : torch.Tensor [shape=(S, K)]
            Relevance of each atom in each segment.
        n_frames : int
            Frames of these segments together.
        """
        r = r.double().cpu()
        self.sums += r.sum(dim=0)
        self.squares += r.square().sum(dim=0)
        for part in r.split(AT_ONCE // DRAWS):
            ones = torch.ones(DRAWS, len(part), dtype=torch.float64)
            times = torch.poisson(ones, generator=self.generator)
            self.drawn_sums += times @ part
            self.drawn_counts += times.sum(dim=1, keepdim=True)
        for row in r.float():
            self._sample(row)
        self.n_frames += n_frames

    def _sample(self, row: torch.Tensor) -> None:
        """Keep a segment with the odds of every one before it."""
        self.n_segments += 1
        if self.n_segments <= RESERVOIR:
            self.reservoir = torch.cat([self.reservoir, row[None]])
            return
        place = torch.randint(self.n_segments, (1,), generator=self.generator)
        if place < RESERVOIR:
            self.reservoir[place] = row

    def prototype(self) -> Prototype | None:
        """What the segments have in common.

        Returns
        -------
        Prototype or None
            None where there was no segment.
        """
        if self.n_segments == 0:
            return None
        mean = self.sums / self.n_segments
        variance = self.squares / self.n_segments - mean.square()
        low, high = interval(self.drawn_sums / self.drawn_counts)
        ranks = torch.tensor(QUANTILES)
        return Prototype(
            n_segments=self.n_segments,
            n_frames=self.n_frames,
            mean=mean,
            std=variance.clamp(min=0).sqrt(),
            low=low,
            high=high,
            quantiles=self.reservoir.quantile(ranks, dim=0),
        )


ALL = "all"
"""Beside the corpora: the name of all of them together."""


class ActivationSource(Protocol):
    """What segments a recording, and hands over its activations."""

    def segment_activations(
        self,
        source: str,
        take: Callable[[torch.Tensor], None],
        start: float | None = None,
        end: float | None = None,
    ) -> Segmentation:
        """As :meth:`.ExplainableSegmenter.segment_activations`."""
        ...


Stats = dict[str, dict[str, PrototypeStats]]  # corpus, class


def collect_relevances(
    segmenter: ActivationSource,
    regions: Sequence[Region],
    weights: StudentWeights,
    predicted: bool = False,
    times: AtomTimes | None = None,
) -> Stats:
    """Relevances of the segments of a manifest, accumulated.

    Arguments
    ---------
    segmenter : ActivationSource
        The student.
    regions : Sequence[Region]
        Rows of the manifest.
    weights : StudentWeights
        The student's dictionary and classifier.
    predicted : bool
        Whether segments are those that the student finds.
    times : AtomTimes, optional
        Takes when the atoms sound, and which classes are heard then: by the
        reference, or by what is found.

    Returns
    -------
    dict[str, dict[str, PrototypeStats]]
        For each corpus, and for all of them, the classes.
    """
    truths: dict[str, Truth] = {} if predicted else load_truth(regions)
    empty = partial(_empty, weights.classes, weights.dictionary.shape[1])
    stats: Stats = {}
    for region in tqdm(regions, desc="recordings", disable=None):
        if predicted:
            found = _found_means(segmenter, region, weights, times)
        else:
            truth = truths[region.recording]
            found = _annotated_means(segmenter, region, truth, weights, times)
        if times is not None:
            times.end()
        for name, means in found.items():
            there = means.n_frames > 0
            if not there.any():
                continue
            theta_c = weights.theta[weights.classes.index(name)].double()
            r = means.means()[there] * theta_c
            n_frames = int(means.n_frames.sum())
            for corpus in filter(None, (ALL, region.corpus)):
                by_class = stats.setdefault(corpus, empty())
                by_class[name].update(r, n_frames)
    return stats or {ALL: empty()}


def _empty(classes: Sequence[str], n_atoms: int) -> dict[str, PrototypeStats]:
    """No segment of any class."""
    return {name: PrototypeStats(n_atoms) for name in classes}


def _annotated_means(
    segmenter: ActivationSource,
    region: Region,
    truth: Truth,
    weights: StudentWeights,
    times: AtomTimes | None,
) -> dict[str, SegmentMeans]:
    """Mean activations of the segments of the reference."""
    targets = region_targets(region, truth)
    columns = class_columns(weights.classes)
    duration = region.stop_s - region.start_s
    means = {
        name: SegmentMeans(
            frame_ranges(
                frame_spans(targets[:, c] == 1, duration), len(targets)
            ),
            weights.dictionary.shape[1],
        )
        for c, name in zip(columns, weights.classes)
    }

    heard = targets[:, columns]

    def take(H: torch.Tensor) -> None:
        nonlocal heard
        for members in means.values():
            members.add(H)
        if times is not None:
            times.add(H, _rows(heard, len(H)))
            heard = heard[len(H) :]

    _segment(segmenter, region, take)
    return means


def _rows(heard: np.ndarray, n_frames: int) -> np.ndarray:
    """The first rows; beyond the end nobody knows what is heard."""
    missing = max(n_frames - len(heard), 0)
    return np.pad(heard[:n_frames], ((0, missing), (0, 0)), constant_values=-1)


def _found_means(
    segmenter: ActivationSource,
    region: Region,
    weights: StudentWeights,
    times: AtomTimes | None,
) -> dict[str, SegmentMeans]:
    """Mean activations of the segments that the student finds.

    Which they are is known at the end of the recording. Up to then the
    activations are held as sparse matrices, for most of them are zero.
    """
    held: list[csr_array] = []
    found = _segment(
        segmenter, region, lambda H: held.append(csr_array(H.numpy()))
    )
    n_frames = len(found.probabilities)
    spans = {
        name: [
            (start - found.start, end - found.start)
            for start, end in found.spans(name)
        ]
        for name in weights.classes
    }
    means = {
        name: SegmentMeans(
            frame_ranges(there, n_frames), weights.dictionary.shape[1]
        )
        for name, there in spans.items()
    }
    heard = np.stack(
        [frame_targets(there, n_frames) for there in spans.values()], axis=1
    ).astype(np.int8)
    for part in held:
        H = torch.from_numpy(part.toarray())
        for members in means.values():
            members.add(H)
        if times is not None:
            times.add(H, heard[: len(H)])
            heard = heard[len(H) :]
    return means


def _segment(
    segmenter: ActivationSource,
    region: Region,
    take: Callable[[torch.Tensor], None],
) -> Segmentation:
    """Segment a region and hand over its activations."""
    return segmenter.segment_activations(
        region.wav, take, region.start_s, region.stop_s
    )


def prototype_document(
    prototypes: dict[str, Prototype | None],
    weights: StudentWeights,
    times: AtomTimes,
) -> dict[str, Any]:
    """What ``prototypes.json`` says of the classes.

    Arguments
    ---------
    prototypes : dict[str, Prototype or None]
        For each class; None without segments.
    weights : StudentWeights
        The student's dictionary and classifier.
    times : AtomTimes
        When the atoms sound.

    Returns
    -------
    dict
        ``classes``, their ``similarity``, the ``modularity`` of each atom,
        and ``atoms``, what each is in words and when it sounds; None for what
        cannot be computed.
    """
    known = {c: p for c, p in prototypes.items() if p is not None}
    P = torch.stack([p.mean for p in known.values()])
    hz = peak_hz(weights.dictionary).tolist()
    cosines = similarity(P).tolist()
    alone = modularity(P).tolist() if len(known) > 1 else [None] * len(hz)
    return {
        "classes": {
            c: {**brief(p), "atoms": _atoms(p, hz)} if p else None
            for c, p in prototypes.items()
        },
        "similarity": {
            a: {b: _number(x) for b, x in zip(known, row)}
            for a, row in zip(known, cosines)
        },
        "modularity": [_number(x) for x in alone],
        "atoms": [
            {
                "index": k,
                "class": atom.owner,
                "words": atom.words,
                "evidence": atom.evidence,
                **times.of(k),
            }
            for k, atom in enumerate(describe_atoms(weights))
        ],
    }


def brief(prototype: Prototype) -> dict[str, Any]:
    """A prototype in a few figures.

    Arguments
    ---------
    prototype : Prototype
        Of a class.

    Returns
    -------
    dict
        ``segments``, ``seconds`` and ``atoms_for_90%``.
    """
    return {
        "segments": prototype.n_segments,
        "seconds": round(prototype.n_frames * FRAME_STEP, 2),
        f"atoms_for_{CARRIED:.0%}": compactness(prototype.mean),
    }


def _atoms(prototype: Prototype, hz: list[float]) -> list[dict[str, Any]]:
    """Each atom of a prototype, with its spread."""
    columns = {
        "mean": prototype.mean,
        "low": prototype.low,
        "high": prototype.high,
        "std": prototype.std,
        **{
            f"quantile_{q:.0%}": values
            for q, values in zip(QUANTILES, prototype.quantiles)
        },
    }
    rows = zip(*(values.tolist() for values in columns.values()))
    return [
        {"index": k, "peak_hz": _number(hz[k]), **dict(zip(columns, row))}
        for k, row in enumerate(rows)
    ]


def _number(value: float | None) -> float | None:
    """A float for JSON: None for NaN."""
    return None if value is None or value != value else value
