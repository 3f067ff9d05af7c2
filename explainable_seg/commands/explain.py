"""The command ``explain``: why classes were found in a recording."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explainable_seg.classes import CLASSES
from explainable_seg.cli_options import (
    DECISIONS,
    LOADING,
    PATH,
    ClassListCommand,
    parse_classes,
)
from explainable_seg.commands.console import load_segmenter
from explainable_seg.errors import ExplainableSegError

if TYPE_CHECKING:
    from explainable_seg.inference.rules import DecisionOptions


@click.command(cls=ClassListCommand)
@click.argument("audio", type=PATH)
@click.option(
    "--output", required=True, type=PATH, help="Folder for the results."
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="C",
    callback=parse_classes,
    help=f"Class to explain, of {', '.join(CLASSES)}; may be repeated. "
    "Default: each class found.",
)
@click.option("--start", type=float, help="Start of the span, seconds.")
@click.option("--end", type=float, help="End of the span, seconds.")
@click.option(
    "--reference",
    type=PATH,
    help="RTTM file with the truth, shown on the page beside what was found.",
)
@DECISIONS
@LOADING
def explain(
    audio: Path,
    output: Path,
    classes: list[str],
    start: float | None,
    end: float | None,
    reference: Path | None,
    decisions: "DecisionOptions",
    loading: dict[str, Any],
) -> None:
    """Explain why classes were found in a recording.

    Without a span, the time in which a class was found is explained. Writes
    explanation.json, a sound and a picture of each class, and report.html.

    \b
    Example:
      explainable-seg explain show.wav --output why --model student/ \\
        --class music --start 12 --end 15.5
    """
    from explainable_seg.evaluation.reference import read_reference
    from explainable_seg.explanation.saving import save_explanations
    from explainable_seg.inference.analysis import check_span

    check_span(start, end)
    truth = read_reference(reference, audio) if reference else None
    segmenter = load_segmenter(**loading)
    analysis = segmenter.analyse(audio, **decisions)
    seconds = analysis.segmentation.seconds()
    chosen = classes or [label for label, s in seconds.items() if s > 0]
    if not chosen:
        raise ExplainableSegError(
            f"expected a class to be found, got none, in {audio}; name one "
            "with --class and a span with --start and --end"
        )
    # All are made before any is written.
    explanations = [
        segmenter.explain(analysis, label, start, end) for label in chosen
    ]
    save_explanations(output, explanations, segmenter.findings(analysis, truth))
