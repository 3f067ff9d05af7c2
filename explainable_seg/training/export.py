"""What a training tells in the end: warnings, a model folder, scores."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional, Union

import torch

from explainable_seg.corpora import Region
from explainable_seg.errors import ModelError
from explainable_seg.evaluation import ThresholdChoice, score_regions
from explainable_seg.models import Runner, Student, Teacher, save_pretrained

logger = logging.getLogger(__name__)

SILENT_SHARE = 1e-4  # of the annotated frames


def silent_classes(choice: ThresholdChoice) -> list[str]:
    """Classes that are annotated on dev but never detected there.

    Arguments
    ---------
    choice : ThresholdChoice
        Decisions on dev.

    Returns
    -------
    list[str]
    """
    return [
        name
        for name, share in choice.predicted.items()
        if share is not None and share < SILENT_SHARE
    ]


def warn_of_undecided_classes(choice: ThresholdChoice) -> list[str]:
    """Warn of classes that nothing on dev says a threshold of.

    Arguments
    ---------
    choice : ThresholdChoice
        Decisions on dev.

    Returns
    -------
    list[str]
        The classes.
    """
    undecided = [c for c, value in choice.thresholds.items() if value is None]
    for name in undecided:
        logger.warning(
            "class '%s' has no threshold: it never occurs on dev, or is not "
            "annotated there; the model says its probability and finds no "
            "segment of it, unless a threshold is given (--threshold %s=P)",
            name,
            name,
        )
    return undecided


def warn_of_silent_classes(choice: ThresholdChoice) -> list[str]:
    """Warn of classes that are annotated on dev but never detected there.

    Arguments
    ---------
    choice : ThresholdChoice
        Decisions on dev.

    Returns
    -------
    list[str]
        The classes.
    """
    silent = silent_classes(choice)
    for name in silent:
        logger.warning(
            "class '%s' is annotated on dev but never predicted there; train "
            "longer, or give its frames more weight",
            name,
        )
    return silent


def signs_of_collapse(
    choice: ThresholdChoice,
    grounding: Optional[Mapping[str, Optional[float]]] = None,
    max_dead: float = 1.0,
    min_atoms: float = 0.0,
) -> list[str]:
    """What is so wrong with a model that it should not be used.

    Arguments
    ---------
    choice : ThresholdChoice
        Decisions on dev.
    grounding : Mapping[str, float or None], optional
        Of a student: ``dead``, the share of its atoms that no frame of dev
        uses, and ``atoms``, those active a frame.
    max_dead : float
        Largest share of dead atoms.
    min_atoms : float
        Least active atoms a frame.

    Returns
    -------
    list[str]
        In words; empty of a sound model.

    Example
    -------
    >>> choice = ThresholdChoice({}, {}, {"speech": 0.2, "music": 0.0})
    >>> signs_of_collapse(choice, {"dead": 0.45, "atoms": 3.0}, max_dead=0.25)
    ['45 % of the atoms are dead (max_dead: 25 %)']
    """
    signs = []
    known = [share for share in choice.predicted.values() if share is not None]
    if known and len(silent_classes(choice)) == len(known):
        signs.append("no class is ever found on dev")
    if grounding is not None:
        dead, atoms = grounding["dead"] or 0.0, grounding["atoms"] or 0.0
        if dead > max_dead:
            signs.append(
                f"{100 * dead:.0f} % of the atoms are dead "
                f"(max_dead: {100 * max_dead:.0f} %)"
            )
        if atoms < min_atoms:
            signs.append(
                f"{atoms:.1f} atoms are active a frame (min_atoms: {min_atoms})"
            )
    return signs


def refuse_collapsed(
    model: torch.nn.Module, signs: Sequence[str], force: bool, folder: Path
) -> None:
    """Refuse a model that has collapsed, unless it is asked for.

    Arguments
    ---------
    model : torch.nn.Module
        To be exported.
    signs : Sequence[str]
        Of :func:`signs_of_collapse`.
    force : bool
        Whether to warn of them only.
    folder : pathlib.Path
        Of its training.

    Raises
    ------
    ModelError
        With the signs. A model with weights that are no numbers is refused in
        any case.
    """
    values = [*model.parameters(), *model.buffers()]
    if not all(bool(value.isfinite().all()) for value in values):
        raise ModelError(
            f"expected finite weights, got others after training, in {folder}; "
            "lower lr, and name another --output_folder"
        )
    if not signs:
        return
    said = "; ".join(signs)
    if not force:
        raise ModelError(
            f"expected a model that has not collapsed, got '{said}', in "
            f"{folder}: not exported; train another, or export it all the same "
            "with --force"
        )
    logger.warning("exported all the same: %s", said)


@contextmanager
def diverging_is_told(folder: Path) -> Iterator[None]:
    """Turn SpeechBrain's error for a loss that is no number into one line.

    Arguments
    ---------
    folder : pathlib.Path
        Of the training.

    Raises
    ------
    ModelError
        If training has diverged.
    """
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("Loss is not finite"):
            raise
        raise ModelError(
            f"expected a finite loss, got others batch after batch, in "
            f"{folder}; lower lr, and name another --output_folder"
        ) from None


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
