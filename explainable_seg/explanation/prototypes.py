"""Global explanation: what makes up each class in a data set."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import torch
from scipy.sparse import csr_array
from tqdm import tqdm

from explainable_seg.classes import class_columns
from explainable_seg.data.manifest import Region
from explainable_seg.data.truth import Truth, load_truth, region_targets
from explainable_seg.explanation.properties import (
    CARRIED,
    compactness,
    modularity,
    similarity,
)
from explainable_seg.explanation.prototype_stats import (
    QUANTILES,
    Prototype,
    PrototypeStats,
)
from explainable_seg.explanation.reading import StudentWeights
from explainable_seg.explanation.relevance import peak_hz
from explainable_seg.explanation.segment_means import SegmentMeans
from explainable_seg.frames import FRAME_STEP, frame_ranges, frame_spans
from explainable_seg.inference.segmentation import Segmentation

ALL = "all"  # beside the corpora


class Segments(Protocol):
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


def collect(
    segmenter: Segments,
    regions: Sequence[Region],
    weights: StudentWeights,
    predicted: bool = False,
) -> Stats:
    """Relevances of the segments of a manifest, accumulated.

    Arguments
    ---------
    segmenter : Segments
        The student.
    regions : Sequence[Region]
        Rows of the manifest.
    weights : StudentWeights
        The student's dictionary and classifier.
    predicted : bool
        Whether segments are those that the student finds.

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
            found = _found_means(segmenter, region, weights)
        else:
            truth = truths[region.recording]
            found = _annotated_means(segmenter, region, truth, weights)
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
    segmenter: Segments,
    region: Region,
    truth: Truth,
    weights: StudentWeights,
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

    def take(H: torch.Tensor) -> None:
        for members in means.values():
            members.add(H)

    _segment(segmenter, region, take)
    return means


def _found_means(
    segmenter: Segments, region: Region, weights: StudentWeights
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
    means = {
        name: SegmentMeans(
            frame_ranges(
                [
                    (start - found.start, end - found.start)
                    for start, end in found.spans(name)
                ],
                n_frames,
            ),
            weights.dictionary.shape[1],
        )
        for name in weights.classes
    }
    for part in held:
        H = torch.from_numpy(part.toarray())
        for members in means.values():
            members.add(H)
    return means


def _segment(
    segmenter: Segments,
    region: Region,
    take: Callable[[torch.Tensor], None],
) -> Segmentation:
    """Segment a region and hand over its activations."""
    return segmenter.segment_activations(
        region.wav, take, region.start_s, region.stop_s
    )


def prototype_document(
    prototypes: dict[str, Prototype | None], weights: StudentWeights
) -> dict[str, Any]:
    """What ``prototypes.json`` says of the classes.

    Arguments
    ---------
    prototypes : dict[str, Prototype or None]
        For each class; None without segments.
    weights : StudentWeights
        The student's dictionary and classifier.

    Returns
    -------
    dict
        ``classes``, their ``similarity``, and the ``modularity`` of each
        atom; None for what cannot be computed.
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
