"""A model on the recordings of a manifest: predictions written, then scored."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyannote.core import Timeline

from explainable_seg.corpora import (
    Region,
    annotated_time,
    heard_time,
    load_truth,
    read_region,
)
from explainable_seg.decisions import (
    Rules,
    Segmentation,
    make_rules,
    write_rttm,
)
from explainable_seg.evaluation.detection import format_table, read_spans, score
from explainable_seg.files import atomic_write_json
from explainable_seg.inference import run_model
from explainable_seg.models import Runner

logger = logging.getLogger(__name__)


def segment_region(
    runner: Runner, rules: Rules, region: Region
) -> Segmentation:
    """Segmentation of a region by a model.

    Arguments
    ---------
    runner : Runner
        What runs the model.
    rules : Rules
        How to decide.
    region : Region
        A whole recording.

    Returns
    -------
    Segmentation
    """
    segmentation, _ = run_model(
        runner, [read_region(region)], rules, region.recording
    )
    return segmentation


def score_regions(
    runner: Runner,
    config: Mapping[str, Any],
    regions: Sequence[Region],
    folder: Path,
) -> dict[str, Any]:
    """Segment the recordings of a manifest and score what was found.

    Writes ``<folder>/rttm/<recording>.rttm`` and ``<folder>/scores.json``, the
    latter as ``explainable-seg evaluate`` would.

    Arguments
    ---------
    runner : Runner
        What runs the model.
    config : Mapping[str, Any]
        ``thresholds`` and the optional rules of a pretrained folder.
    regions : Sequence[Region]
        Whole recordings.
    folder : pathlib.Path
        Where to write.

    Returns
    -------
    dict
        As :func:`~explainable_seg.evaluation.detection.evaluate`, of the
        classes that the model was trained for; None where it does not decide.
    """
    truths, rules = load_truth(regions), make_rules(config)
    for region in regions:
        found = segment_region(runner, rules, region)
        write_rttm(found, folder / "rttm" / f"{region.recording}.rttm")
    scores = score(
        heard_time(truths),
        read_spans(folder / "rttm"),
        scored_time(annotated_time(regions, truths), rules),
    )
    atomic_write_json(folder / "scores.json", scores)
    logger.info("%s\n%s", folder, format_table(scores))
    return scores


def scored_time(
    annotated: Mapping[str, Mapping[str, Timeline]], rules: Rules
) -> dict[str, dict[str, Timeline]]:
    """Time to score a model on, for each class that it was trained for.

    Arguments
    ---------
    annotated : Mapping[str, Mapping[str, Timeline]]
        For each class and recording where it is annotated.
    rules : Rules
        Of the model.

    Returns
    -------
    dict[str, dict[str, Timeline]]
        Nothing of a class without a threshold, whose scores are then None.
    """
    return {
        name: {
            uri: time if name in rules.decided else Timeline()
            for uri, time in annotated[name].items()
        }
        for name in rules.classes
    }
