"""Detection scores: precision, recall and F1 of each class, no collar.

The seconds that pyannote.metrics counts are summed over all files before any
ratio is taken. What cannot be scored is None, never 0 or 1.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.detection import (
    DFS_PRECISION_RETRIEVED,
    DFS_RECALL_RELEVANT,
    DFS_RELEVANT_RETRIEVED,
    DetectionPrecisionRecallFMeasure,
)

from explainable_seg.annotation.classes import CLASS_LABELS, class_spans
from explainable_seg.annotation.fields import uri_of
from explainable_seg.annotation.folders import read_folder
from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.annotation.uem import read_uem
from explainable_seg.classes import CLASSES, parse_class
from explainable_seg.errors import AnnotationError

logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]
Spans = Mapping[str, Mapping[str, Timeline]]  # uri -> class -> time
Scores = dict[str, float | None]

SCORES = (
    "precision",
    "recall",
    "f1",
    "reference_seconds",
    "hypothesis_seconds",
)
ALL_TIME = Segment(-1e9, 1e9)  # what is scored without a UEM


def evaluate(
    reference: PathLike,
    hypothesis: PathLike,
    uem: PathLike | None = None,
    classes: Iterable[str] = CLASSES,
    annotated: Mapping[str, Mapping[str, Timeline]] | None = None,
) -> dict:
    """Score the RTTM files of a folder, or one file, against the truth.

    Arguments
    ---------
    reference : str or os.PathLike
        RTTM file, or folder of them.
    hypothesis : str or os.PathLike
        Likewise, what was found. An empty file is a recording in which
        nothing was found.
    uem : str or os.PathLike, optional
        UEM file, or folder of them: only this time is scored. By default all
        time is.
    classes : Iterable[str]
        Classes to score, in either spelling.
    annotated : Mapping[str, Mapping[str, Timeline]], optional
        For each class and recording where it is annotated, as
        :func:`explainable_seg.data.truth.annotated_time` gives it from a
        manifest. Then the recordings of the manifest are scored, no others.

    Returns
    -------
    dict
        ``classes``: for each class ``precision``, ``recall``, ``f1`` in
        [0, 1], ``reference_seconds`` and ``hypothesis_seconds`` inside the
        scored time. ``files``: the same for each recording. ``macro_f1``: mean
        over the classes that have an F1. A ratio without a denominator is
        None, and all is None for a class that is not annotated.

    Raises
    ------
    AnnotationError
        If a recording of the reference has no prediction, a recording is in
        two files or has no UEM line, or a file breaks its format.
    """
    truth, found = read_spans(reference), read_spans(hypothesis)
    uris = list(truth)
    if annotated is not None:
        uris = sorted({uri for name in annotated for uri in annotated[name]})
        _check_complete(uris, truth, "reference", reference)
    _check_complete(uris, found, "prediction", hypothesis)
    limits = {uri: Timeline([ALL_TIME]) for uri in uris}
    if uem is not None:
        limits = read_folder(uem, ".uem", read_uem)
        _check_complete(uris, limits, "UEM line", uem)
    unused = sorted(set(found) - set(uris))
    if unused:
        logger.warning("not scored, no reference: %s", " ".join(unused))
    time = {
        name: _time_to_score(
            limits, uris, None if annotated is None else annotated.get(name, {})
        )
        for name in map(parse_class, classes)
    }
    return score(truth, found, time)


def _time_to_score(
    limits: Mapping[str, Timeline],
    uris: Iterable[str],
    annotated: Mapping[str, Timeline] | None,
) -> dict[str, Timeline]:
    """Time of each recording that is inside the limits and annotated."""
    if annotated is None:
        return {uri: limits[uri] for uri in uris}
    return {
        uri: limits[uri].crop(annotated.get(uri, Timeline())) for uri in uris
    }


def score(
    reference: Spans,
    hypothesis: Spans,
    time: Mapping[str, Mapping[str, Timeline]],
) -> dict:
    """Scores from the spans of each class.

    Arguments
    ---------
    reference : Mapping[str, Mapping[str, Timeline]]
        For each recording and class, where the class is.
    hypothesis : Mapping[str, Mapping[str, Timeline]]
        For each recording and class, where it was found.
    time : Mapping[str, Mapping[str, Timeline]]
        For each class and recording the time to score; empty where the class
        is not annotated. Its classes and recordings are those of the result.

    Returns
    -------
    dict
        As :func:`evaluate`.

    Example
    -------
    >>> whole = {"music": {"show": Timeline([Segment(0, 10)])}}
    >>> truth = {"show": {"music": Timeline([Segment(0, 4)])}}
    >>> found = {"show": {"music": Timeline([Segment(1, 3)])}}
    >>> scores = score(truth, found, whole)["classes"]["music"]
    >>> scores["precision"], scores["recall"], round(scores["f1"], 3)
    (1.0, 0.5, 0.667)
    """
    pooled: dict[str, Scores] = {}
    files: dict[str, dict[str, Scores]] = {}
    for name, timelines in time.items():
        metric = DetectionPrecisionRecallFMeasure(collar=0.0)
        for uri, timeline in timelines.items():
            counts = metric(
                reference[uri][name].to_annotation(),
                hypothesis[uri][name].to_annotation(),
                uem=timeline,
                detailed=True,
            )
            files.setdefault(uri, {})[name] = _ratios(
                counts if timeline else None
            )
        known = any(timelines.values())
        pooled[name] = _ratios(metric[:] if known else None)
    f1s = [row["f1"] for row in pooled.values() if row["f1"] is not None]
    return {
        "classes": pooled,
        "files": files,
        "macro_f1": sum(f1s) / len(f1s) if f1s else None,
    }


def _ratios(counts: Mapping[str, float] | None) -> Scores:
    """Scores from the seconds that pyannote.metrics counted, if any."""
    if counts is None:
        return dict.fromkeys(SCORES)
    relevant = counts[DFS_RECALL_RELEVANT]
    retrieved = counts[DFS_PRECISION_RETRIEVED]
    hits = counts[DFS_RELEVANT_RETRIEVED]
    both = relevant + retrieved
    return {
        "precision": hits / retrieved if retrieved else None,
        "recall": hits / relevant if relevant else None,
        "f1": 2 * hits / both if both else None,
        "reference_seconds": round(relevant, 6),
        "hypothesis_seconds": round(retrieved, 6),
    }


def format_table(scores: dict) -> str:
    """Table of the classes for people.

    Arguments
    ---------
    scores : dict
        As :func:`evaluate` gives them.

    Returns
    -------
    str
        One line a class and one for the macro F1; ``-`` where there is no
        score.

    Example
    -------
    >>> row = {"precision": 1.0, "recall": 0.5, "f1": 0.667}
    >>> row |= {"reference_seconds": 4.0, "hypothesis_seconds": 2.0}
    >>> print(format_table({"classes": {"music": row}, "macro_f1": 0.667}))
    class     precision  recall      F1  reference s  found s
    music         1.000   0.500   0.667          4.0      2.0
    mean                          0.667
    """
    lines = ["class     precision  recall      F1  reference s  found s"]
    for name, row in scores["classes"].items():
        lines.append(
            f"{name:<9}"
            f"{_cell(row['precision'], 3):>10}"
            f"{_cell(row['recall'], 3):>8}"
            f"{_cell(row['f1'], 3):>8}"
            f"{_cell(row['reference_seconds'], 1):>13}"
            f"{_cell(row['hypothesis_seconds'], 1):>9}"
        )
    lines.append(f"{'mean':<27}{_cell(scores['macro_f1'], 3):>8}")
    return "\n".join(lines)


def _cell(value: float | None, decimals: int) -> str:
    """A number, or a dash for none."""
    return "-" if value is None else f"{value:.{decimals}f}"


def read_spans(path: PathLike) -> dict[str, dict[str, Timeline]]:
    """Time of each class in each recording of an RTTM file, or of a folder.

    Arguments
    ---------
    path : str or os.PathLike
        A file, or a folder that is searched at all depths. A file without
        turns stands for a recording named like the file.

    Returns
    -------
    dict[str, dict[str, Timeline]]
        For each uri and class its time in seconds.

    Raises
    ------
    AnnotationError
        If there is no file, a recording is in two files, or a file breaks its
        format.
    """
    return read_folder(path, ".rttm", _read_rttm_spans)


def _read_rttm_spans(path: Path) -> dict[str, dict[str, Timeline]]:
    """Time of each class in each recording of one RTTM file."""
    annotations = read_rttm(path) or {uri_of(path): Annotation()}
    return {
        uri: class_spans(annotation, CLASS_LABELS, str(path))
        for uri, annotation in annotations.items()
    }


def _check_complete(
    uris: Iterable[str],
    entries: Mapping[str, object],
    kind: str,
    path: PathLike,
) -> None:
    """Raise if a recording lacks: skipping it would raise the scores."""
    missing = [uri for uri in uris if uri not in entries]
    if missing:
        raise AnnotationError(
            f"expected a {kind} for each recording, got none for "
            f"{' '.join(missing)}, in {path}; add it, or an empty file of "
            "that name if nothing is there"
        )
