"""Global explanation: what makes up each class in a data set."""

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from scipy.sparse import csr_array
from tqdm import tqdm

from explainable_seg.classes import class_columns
from explainable_seg.data.manifest import Region, read_manifest
from explainable_seg.data.truth import Truth, load_truth, region_targets
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation.document import FORMAT_VERSION
from explainable_seg.explanation.properties import (
    CARRIED,
    compactness,
    modularity,
    similarity,
)
from explainable_seg.explanation.prototype_picture import render_prototypes
from explainable_seg.explanation.prototype_stats import (
    QUANTILES,
    Prototype,
    PrototypeStats,
)
from explainable_seg.explanation.reading import StudentWeights
from explainable_seg.explanation.relevance import peak_hz
from explainable_seg.explanation.segment_means import SegmentMeans
from explainable_seg.files import atomic_path, atomic_write_text
from explainable_seg.frames import FRAME_STEP, frame_ranges, frame_spans

if TYPE_CHECKING:
    from explainable_seg.inference.segmentation import Segmentation
    from explainable_seg.inference.segmenter import ExplainableSegmenter

ALL = "all"  # beside the corpora

Stats = dict[str, dict[str, PrototypeStats]]  # corpus, class


def write_prototypes(
    segmenter: "ExplainableSegmenter",
    manifest: str | os.PathLike[str],
    output: str | os.PathLike[str],
    predicted: bool = False,
    data_root: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Explain each class over a data set; the command ``prototypes``.

    Memory does not grow with the number of recordings, and little with the
    length of one.

    Arguments
    ---------
    segmenter : ExplainableSegmenter
        The student.
    manifest : str or os.PathLike
        Recordings; regions of it whose ID starts with ``<corpus>/`` are also
        shown corpus by corpus.
    output : str or os.PathLike
        Folder for ``prototypes.json`` and ``prototypes.png``.
    predicted : bool
        Whether segments are those that the student finds; by default they
        are those of the reference.
    data_root : str or os.PathLike, optional
        What ``$data_root`` in the manifest stands for.

    Returns
    -------
    list[Path]
        The two files.

    Raises
    ------
    ExplainableSegError
        If the manifest or a file of it cannot be read, or there is no segment.
    """
    weights = StudentWeights.of(segmenter.model, segmenter.name)
    regions = read_manifest(manifest, data_root)
    stats = collect(segmenter, regions, weights, predicted)
    prototypes = {c: s.prototype() for c, s in stats[ALL].items()}
    if not any(prototypes.values()):
        what = "found" if predicted else "annotated"
        raise ExplainableSegError(
            f"expected {what} segments to explain, got none, in {manifest}; "
            f"name a manifest with {' or '.join(weights.classes)}"
        )
    document = {
        "version": FORMAT_VERSION,
        "model": segmenter.name,
        "manifest": os.fspath(manifest),
        "segments": "predicted" if predicted else "reference",
        "interval": 0.95,
        **prototype_document(prototypes, weights),
        "corpora": {
            corpus: {c: _means(s.prototype()) for c, s in by_class.items()}
            for corpus, by_class in stats.items()
            if corpus != ALL
        },
    }
    numbers = Path(output) / "prototypes.json"
    picture = Path(output) / "prototypes.png"
    text = json.dumps(document, indent=1, allow_nan=False)
    atomic_write_text(numbers, text + "\n")
    with atomic_path(picture) as temporary:
        temporary.write_bytes(render_prototypes(prototypes, weights.dictionary))
    return [numbers, picture]


def collect(
    segmenter: "ExplainableSegmenter",
    regions: Sequence[Region],
    weights: StudentWeights,
    predicted: bool = False,
) -> Stats:
    """Relevances of the segments of a manifest, accumulated.

    Arguments
    ---------
    segmenter : ExplainableSegmenter
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
    segmenter: "ExplainableSegmenter",
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
    segmenter: "ExplainableSegmenter", region: Region, weights: StudentWeights
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
    segmenter: "ExplainableSegmenter",
    region: Region,
    take: Callable[[torch.Tensor], None],
) -> "Segmentation":
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
            c: {**_brief(p), "atoms": _atoms(p, hz)} if p else None
            for c, p in prototypes.items()
        },
        "similarity": {
            a: {b: _number(x) for b, x in zip(known, row)}
            for a, row in zip(known, cosines)
        },
        "modularity": [_number(x) for x in alone],
    }


def _brief(prototype: Prototype) -> dict[str, Any]:
    """A prototype in a few figures."""
    return {
        "segments": prototype.n_segments,
        "seconds": round(prototype.n_frames * FRAME_STEP, 2),
        f"atoms_for_{CARRIED:.0%}": compactness(prototype.mean),
    }


def _means(prototype: Prototype | None) -> dict[str, Any] | None:
    """A prototype without the spread of its atoms."""
    if prototype is None:
        return None
    return {**_brief(prototype), "means": prototype.mean.tolist()}


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
