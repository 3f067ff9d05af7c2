"""Detection scores: precision, recall and F1 of each class, no collar.

Seconds are summed over all files before any ratio is taken. What cannot be
scored is None, never 0 or 1, and what is not scored is said.
"""

import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation import (
    CLASS_LABELS,
    class_spans,
    common_time,
    read_folder,
    read_rttm,
    read_uem,
    uri_of,
)
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
ALL_TIME = Segment(0, 1e9)  # what is scored without a UEM
LISTED = 20  # recordings that a message names
NOT_ASKED = "not among the classes that were asked for"
NOWHERE = "occurs nowhere in the reference; ask for it if it was annotated"
UNANNOTATED = "annotated nowhere in the manifest"


def evaluate(
    reference: PathLike,
    hypothesis: PathLike,
    uem: PathLike | None = None,
    classes: Iterable[str] | None = None,
    annotated: Mapping[str, Mapping[str, Timeline]] | None = None,
) -> dict:
    """Score the RTTM files of a folder, or one file, against the truth.

    The recordings of the reference are scored, and those that the UEM names
    besides: where it has no line of theirs, nothing is heard.

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
    classes : Iterable[str], optional
        Classes to score, in either spelling; by default those that are
        annotated: where a manifest says so, or those that occur in the
        reference.
    annotated : Mapping[str, Mapping[str, Timeline]], optional
        For each class and recording where it is annotated, as
        :func:`explainable_seg.corpora.truth.annotated_time` gives it from a
        manifest. Then the recordings of the manifest are scored, no others.

    Returns
    -------
    dict
        ``classes``: for each class ``precision``, ``recall``, ``f1`` in
        [0, 1], ``reference_seconds`` and ``hypothesis_seconds`` inside the
        scored time. ``files``: the same for each recording. ``macro_f1``: mean
        over the classes that have an F1. A ratio without a denominator is
        None, and all is None for a class that is not annotated. ``left_out``:
        for each class that is not scored, why. ``empty_reference``:
        recordings without a line in the reference. ``not_scored``: recordings
        that are not in the manifest.

    Raises
    ------
    AnnotationError
        If a recording of the reference has no prediction, or a prediction
        has no reference, a recording is in two files or has no UEM line, or a
        file breaks its format.
    """
    truth = read_scored_truth(reference, uem, classes, annotated)
    found = read_spans(hypothesis)
    _check_complete(truth.uris, found, "prediction", hypothesis)
    if annotated is None:
        _check_expected(found, truth.uris, reference)
    return score(truth.spans, found, truth.time) | {
        "left_out": truth.left_out,
        "empty_reference": truth.empty,
        "not_scored": sorted({*truth.spans, *found} - set(truth.uris)),
    }


class ScoredTruth(NamedTuple):
    """A reference, and where it is to be compared with.

    Arguments
    ---------
    uris : list[str]
        Recordings to compare.
    spans : dict[str, dict[str, Timeline]]
        For each recording and class, where the class is.
    time : dict[str, dict[str, Timeline]]
        For each class and recording the time to compare; empty where the
        class is not annotated.
    left_out : dict[str, str]
        For each class that is not compared, why.
    empty : list[str]
        Recordings without a line in the reference.
    """

    uris: list[str]
    spans: dict[str, dict[str, Timeline]]
    time: dict[str, dict[str, Timeline]]
    left_out: dict[str, str]
    empty: list[str]


def read_scored_truth(
    reference: PathLike,
    uem: PathLike | None = None,
    classes: Iterable[str] | None = None,
    annotated: Mapping[str, Mapping[str, Timeline]] | None = None,
) -> ScoredTruth:
    """Read a reference, and what of it is to be compared with.

    Arguments
    ---------
    reference : str or os.PathLike
        RTTM file, or folder of them.
    uem : str or os.PathLike, optional
        As for :func:`evaluate`.
    classes : Iterable[str], optional
        As for :func:`evaluate`.
    annotated : Mapping[str, Mapping[str, Timeline]], optional
        As for :func:`evaluate`.

    Returns
    -------
    ScoredTruth

    Raises
    ------
    AnnotationError
        If a recording is in two files, lacks in a folder, or has no UEM line,
        or a file breaks its format.
    """
    truth = read_spans(reference)
    limits = None if uem is None else read_folder(uem, ".uem", read_uem)
    if annotated is not None:
        uris = sorted({uri for name in annotated for uri in annotated[name]})
        truth = _without_name_of_file(truth, reference, uris)
    elif limits is not None:
        truth = _without_name_of_file(truth, reference, limits)
        uris = list(dict.fromkeys((*truth, *limits)))
    else:
        uris = list(truth)
    empty = [uri for uri in uris if uri not in truth]
    if limits is None and Path(reference).is_dir():
        # In a folder with a file a recording, one is lost.
        _check_complete(uris, truth, "reference", reference)
    if limits is None:
        limits = {uri: Timeline([ALL_TIME]) for uri in uris}
    _check_complete(uris, limits, "UEM line", str(uem))
    if empty:
        logger.warning("no line in the reference: %s", _listed(empty))
    truth |= {uri: dict.fromkeys(CLASSES, Timeline()) for uri in empty}
    asked = None if classes is None else list(map(parse_class, classes))
    left_out = _left_out(asked, [truth[uri] for uri in uris], annotated)
    time = {
        name: {
            uri: _time_to_score(name, uri, limits[uri], left_out, annotated)
            for uri in uris
        }
        for name in asked or CLASSES
    }
    return ScoredTruth(uris, truth, time, left_out, empty)


def _time_to_score(
    name: str,
    uri: str,
    limits: Timeline,
    left_out: Mapping[str, str],
    annotated: Mapping[str, Mapping[str, Timeline]] | None,
) -> Timeline:
    """Time of a recording that is inside the limits and annotated."""
    if name in left_out:
        return Timeline()
    if annotated is None:
        return limits
    return common_time(limits, annotated[name].get(uri, Timeline()))


def _without_name_of_file(
    truth: dict[str, dict[str, Timeline]],
    path: PathLike,
    named: Collection[str],
) -> dict[str, dict[str, Timeline]]:
    """The truth without the name of a file for all that holds no line.

    Such a file stands for the recording of its name, unless a UEM or a
    manifest says which recordings there are.
    """
    uri = uri_of(path)
    heard = any(truth.get(uri, {}).values())
    if Path(path).is_file() and not heard and uri not in named:
        return {other: spans for other, spans in truth.items() if other != uri}
    return truth


def _left_out(
    asked: Iterable[str] | None,
    truth: Iterable[Mapping[str, Timeline]],
    annotated: Mapping[str, Mapping[str, Timeline]] | None,
) -> dict[str, str]:
    """Why classes are not scored, by class."""
    left_out: dict[str, str] = {}
    for name in CLASSES:
        if asked is not None and name not in asked:
            left_out[name] = NOT_ASKED
        elif annotated is not None:
            if not any(annotated.get(name, {}).values()):
                left_out[name] = UNANNOTATED
        elif asked is None and not any(spans[name] for spans in truth):
            left_out[name] = NOWHERE
    return left_out


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
        counted: list[_Seconds] = []
        for uri, timeline in timelines.items():
            seconds = _count(
                reference[uri][name], hypothesis[uri][name], timeline
            )
            counted += [seconds] if timeline else []
            files.setdefault(uri, {})[name] = _ratios(
                seconds if timeline else None
            )
        pooled[name] = _ratios(
            _Seconds(*map(sum, zip(*counted))) if counted else None
        )
    f1s = [row["f1"] for row in pooled.values() if row["f1"] is not None]
    return {
        "classes": pooled,
        "files": files,
        "macro_f1": sum(f1s) / len(f1s) if f1s else None,
    }


class _Seconds(NamedTuple):
    """Seconds of a class in the reference, in what was found, in both."""

    relevant: float
    retrieved: float
    hits: float


def _count(
    reference: Timeline, hypothesis: Timeline, time: Timeline
) -> _Seconds:
    """Seconds inside the time to score."""
    truth, found = common_time(reference, time), common_time(hypothesis, time)
    hits = common_time(truth, found)
    return _Seconds(truth.duration(), found.duration(), hits.duration())


def _ratios(seconds: _Seconds | None) -> Scores:
    """Scores from seconds, if any were counted."""
    if seconds is None:
        return dict.fromkeys(SCORES)
    relevant, retrieved, hits = seconds
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
        score. Then what was left out, and why.

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
    lines += [
        f"{name} not scored: {reason}"
        for name, reason in scores.get("left_out", {}).items()
    ]
    for key, text in (
        ("empty_reference", "no line in the reference, scored as empty"),
        ("not_scored", "not in the manifest, not scored"),
    ):
        if scores.get(key):
            lines.append(f"{text}: {_listed(scores[key])}")
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
            f"{_listed(missing)}, in {path}; add it, or an empty file of "
            "that name if nothing is there"
        )


def _check_expected(
    found: Iterable[str], uris: Iterable[str], reference: PathLike
) -> None:
    """Raise if a prediction has no reference: its errors would not count."""
    strange = sorted(set(found) - set(uris))
    if strange:
        raise AnnotationError(
            f"expected a reference for each prediction, got none for "
            f"{_listed(strange)}, in {reference}; add an empty file of that "
            "name if nothing is heard there, or take the prediction away"
        )


def _listed(uris: Sequence[str]) -> str:
    """The first recordings of a message, and how many there are."""
    shown = " ".join(uris[:LISTED])
    return shown if len(uris) <= LISTED else f"{shown} ({len(uris)} in all)"
