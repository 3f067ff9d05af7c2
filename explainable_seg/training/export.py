"""From a trained model to a pretrained folder, tuned and scored."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from explainable_seg.corpora import Region
from explainable_seg.evaluation import score_regions
from explainable_seg.models import Runner, Student, Teacher, save_pretrained
from explainable_seg.training.alarms import (
    silent_classes,
    warn_of_undecided_classes,
)
from explainable_seg.training.thresholds import ThresholdChoice

logger = logging.getLogger(__name__)


def export_and_score(
    model: Union[Teacher, Student],
    choice: ThresholdChoice,
    run_time: Mapping[str, Any],
    folder: Path,
    parts: Mapping[str, Sequence[Region]],
    notes: Mapping[str, Any],
    decisions: Mapping[str, Any],
    warnings: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Write the pretrained folder and score it as users will run it.

    Arguments
    ---------
    model : Teacher or Student
        With its best weights.
    choice : ThresholdChoice
        Thresholds tuned on dev at the window used at run time.
    run_time : Mapping[str, Any]
        ``window`` and ``step`` (s), ``context`` (frames) and ``level`` (dB).
    folder : pathlib.Path
        ``export`` and one folder a part are written below it.
    parts : Mapping[str, Sequence[Region]]
        Regions to score, by the name of their part.
    notes : Mapping[str, Any]
        Plain values to keep in the configuration (corpus, measures, ...).
    decisions : Mapping[str, Any]
        ``min_on`` and ``min_off``, seconds a class; what they say of classes
        that the model was not trained for is left out.
    warnings : Sequence[str]
        What is wrong with the model; it goes into the card.

    Returns
    -------
    dict[str, dict]
        Scores of each part.
    """
    config = {
        **run_time,
        **{
            rule: {c: values[c] for c in model.classes if c in values}
            for rule, values in decisions.items()
        },
        **notes,
        "thresholds": choice.thresholds,
        "operating_points": choice.operating_points,
        "dev_f1": choice.f1,
    }
    warn_of_undecided_classes(choice)
    model.eval()
    runner = Runner(model, **run_time)
    scores = {
        part: score_regions(runner, config, regions, folder / part)
        for part, regions in parts.items()
    }
    silent = [f"{c} was never found on dev" for c in silent_classes(choice)]
    card = _model_card(
        model.config["type"], model.classes, scores, [*warnings, *silent]
    )
    save_pretrained(folder / "export", model, config, card)
    logger.info("exported to %s", folder / "export")
    return scores


def _model_card(
    kind: str,
    classes: Sequence[str],
    scores: Mapping[str, Any],
    warnings: Sequence[str],
) -> str:
    """README.md of the folder: what it is, how well it does, how to use it."""
    lines = [
        f"# explainable-seg {kind}",
        "",
        f"Trained for {', '.join(classes)}: 50 decisions a second for each "
        "class. It says nothing of any other.",
        "",
        *(f"**Warning: {warning}.**\n" for warning in warnings),
        "| part | " + " | ".join(classes) + " | macro |",
        "|---" * (len(classes) + 2) + "|",
    ]
    for part, table in scores.items():
        cells = [table["classes"][name]["f1"] for name in classes]
        cells.append(table["macro_f1"])
        shown = ["-" if f1 is None else f"{f1:.3f}" for f1 in cells]
        lines.append(f"| {part} | " + " | ".join(shown) + " |")
    lines += [
        "",
        "F1 of seconds, pooled over recordings, without a collar.",
        "",
    ]
    if kind == "student":
        lines += [
            "```python",
            "from explainable_seg import ExplainableSegmenter",
            "",
            'segmenter = ExplainableSegmenter.from_pretrained("this/folder")',
            'result = segmenter.segment("show.wav")',
            "```",
            "",
        ]
    return "\n".join(lines)
