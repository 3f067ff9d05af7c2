"""Classes that a model is trained for: what is asked for and can be learned."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from explainable_seg.classes import CLASSES, class_order, parse_class
from explainable_seg.corpora import (
    Region,
    ScoreSource,
    load_truth,
    region_targets,
)
from explainable_seg.errors import ExplainableSegError

logger = logging.getLogger(__name__)


def choose_classes(
    asked: Optional[Sequence[str]],
    train: Sequence[Region],
    dev: Sequence[Region],
    teacher: Optional[Sequence[str]] = None,
    scores: Optional[Mapping[str, Any]] = None,
) -> tuple[str, ...]:
    """Classes that a model is trained for.

    Arguments
    ---------
    asked : Sequence[str] or None
        What the settings name; None for all that there is to learn from.
    train : Sequence[Region]
        Rows of the manifest for training.
    dev : Sequence[Region]
        Rows of the manifest for validation.
    teacher : Sequence[str], optional
        Classes of the teacher, which are then those of its student.
    scores : Mapping[str, Any], optional
        Of :class:`~explainable_seg.corpora.scores.ScoreSource`: what other
        systems say of training.

    Returns
    -------
    tuple[str, ...]
        In the order of the classes.

    Raises
    ------
    ExplainableSegError
        If there is nothing to learn a class from, the student is asked for
        other classes than its teacher's, or no class ever occurs on dev, by
        which checkpoints and thresholds are chosen.
    """
    scored = ScoreSource.of(scores).classes if scores else {}
    known = teacher or [
        name
        for name in CLASSES
        if name in scored or any(region.uems[name] for region in train)
    ]
    classes = tuple(known) if asked is None else _asked(asked)
    what = "its teacher" if teacher else "train.csv, or 'scores',"
    if teacher and classes != tuple(teacher):
        raise ExplainableSegError(
            f"expected the classes of the teacher, {', '.join(teacher)}, got "
            f"{', '.join(classes)}, in the settings; leave 'classes' out or "
            "train a teacher for them"
        )
    if not classes or not set(classes) <= set(known):
        raise ExplainableSegError(
            f"expected classes that {what} knows, {', '.join(known) or 'none'}, "
            f"got {', '.join(classes) or 'none'}, in the settings; name others "
            "or prepare the corpus with their labels"
        )
    if not set(scored) <= set(classes):
        raise ExplainableSegError(
            f"expected scores of {', '.join(classes)}, which are trained, got "
            f"{', '.join(scored)}, in the settings; leave the others out of "
            "the classes of 'scores'"
        )
    _check_dev(dev, classes)
    others = [name for name in CLASSES if name not in classes]
    logger.info(
        "trained for %s; not for %s",
        ", ".join(classes),
        ", ".join(others) or "no other",
    )
    return classes


def _asked(asked: Sequence[str]) -> tuple[str, ...]:
    """Classes that the settings name, in order."""
    names = [asked] if isinstance(asked, str) else asked
    where = "the setting 'classes'"
    try:
        return class_order([parse_class(str(name), where) for name in names])
    except (TypeError, ValueError) as error:
        raise ExplainableSegError(
            f"{error}, in {where}; give a list such as [speech, music]"
        ) from None


def _check_dev(regions: Sequence[Region], classes: Sequence[str]) -> None:
    """Raise unless a class occurs in a frame of dev that is annotated."""
    truths = load_truth(regions)
    columns = [CLASSES.index(name) for name in classes]
    for region in regions:
        targets = region_targets(region, truths[region.recording])
        if (targets[:, columns] == 1).any():
            return
    raise ExplainableSegError(
        f"expected {' or '.join(classes)} in a recording of dev, got none that "
        "is annotated, in dev.csv; by dev the best checkpoint and the "
        "thresholds are chosen: move recordings that hold them there"
    )
