"""The command ``explain``: why classes were found in a recording."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from explainable_seg.classes import CLASSES
from explainable_seg.commands.options import (
    DECISIONS,
    HEARD,
    LOADING,
    OUTPUT,
    PATH,
    QUIET,
    ClassListCommand,
    load_segmenter,
    note,
    parse_classes,
)
from explainable_seg.errors import ExplainableSegError, printable

if TYPE_CHECKING:
    from explainable_seg.decisions import DecisionOptions
    from explainable_seg.explanation import Explanation
    from explainable_seg.inference import Analysis, ExplainableSegmenter, Job
from explainable_seg.commands.options import DATA_ROOT


@click.command(cls=ClassListCommand)
@click.argument("audio", type=PATH)
@OUTPUT
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
@HEARD
@DECISIONS
@LOADING
@QUIET
def explain(
    audio: Path,
    output: Path,
    classes: list[str],
    start: float | None,
    end: float | None,
    reference: Path | None,
    quiet: bool,
    heard: dict[str, int],
    decisions: "DecisionOptions",
    loading: dict[str, Any],
) -> None:
    """Explain why classes were found in a recording: AUDIO is a file, or - for
    standard input.

    Without a span, the time in which a class was found is explained. Writes
    explanation.json, a sound and a picture of each class, and report.html.

    \b
    Example:
      explainable-seg explain show.wav --output why --model student/ \\
        --class music --start 12 --end 15.5
    """
    from explainable_seg.evaluation import read_reference
    from explainable_seg.files import remove_leftovers
    from explainable_seg.inference import check_span, recording_file
    from explainable_seg.pages import save_explanations

    check_span(start, end)
    truth = read_reference(reference, audio) if reference else None
    segmenter = load_segmenter(**loading)
    # What comes through a pipe is read again for its sound.
    with TemporaryDirectory(prefix="explainable-seg-") as spool:
        job = recording_file(audio, Path(spool))
        span = {"start": start, "end": end}
        analysis = _analyse(
            segmenter, job, quiet, {**heard, **span, **decisions}
        )
        found = analysis.segmentation.seconds()
        chosen = classes or [label for label in found if found[label] > 0]
        if not chosen:
            raise ExplainableSegError(
                f"expected a class to be found, got none, in {audio}; name one "
                "with --class and a span with --start and --end"
            )
        # All are made before any is written.
        explanations = [
            segmenter.explain(analysis, label, start, end) for label in chosen
        ]
        report_data = segmenter.report_data(analysis, truth)
        remove_leftovers(output)
        save_explanations(output, explanations, report_data)
    if not quiet:
        for text in analysis.segmentation.notes:
            note(f"note: {text}")
        for explanation in explanations:
            click.echo(_in_words(explanation))
        click.echo(printable(f"open {output / 'report.html'}"))


def _analyse(
    segmenter: "ExplainableSegmenter",
    job: "Job",
    quiet: bool,
    options: dict[str, Any],
) -> "Analysis":
    """One pass over a recording, which says how far it is."""
    from explainable_seg.inference import Progress

    with Progress(1, None if quiet else note) as progress:
        analysis = segmenter.analyse(job.path, watch=progress.watch, **options)
        progress.finish()
    if not job.digest:
        return analysis
    # What came through a pipe has no path that anybody could open.
    decomposition = replace(analysis.decomposition, name=job.name.name)
    return replace(analysis, decomposition=decomposition)


def _in_words(explanation: "Explanation") -> str:
    """An explanation in one line: how much of what, and by which atoms."""
    # Imported on use: help needs no numpy.
    from explainable_seg.pages import NO_BREAK, place, strongest_peaks

    seconds = sum(end - start for start, end in explanation.found_spans)
    n_selected = int(explanation.selected.sum())
    peaks = place(strongest_peaks(explanation)).replace(NO_BREAK, " ")
    return (
        f"{explanation.class_name}: {seconds:.1f} s found from "
        f"{explanation.start:.1f} to {explanation.end:.1f} s; "
        f"{n_selected or 'none'} of {len(explanation.relevance)} patterns"
        + f", {peaks}"
        * bool(peaks)
    )


@click.command()
@click.argument("manifest", type=PATH)
@OUTPUT
@click.option(
    "--predicted",
    is_flag=True,
    help="Explain the segments that the student finds. Default: those of the "
    "reference.",
)
@DATA_ROOT
@LOADING
def prototypes(
    manifest: Path,
    output: Path,
    predicted: bool,
    data_root: Path | None,
    loading: dict[str, Any],
) -> None:
    """Explain each class over a data set: which atoms make it.

    Writes prototypes.json and prototypes.png.

    \b
    Example:
      explainable-seg prototypes prepared/test.csv --output prototypes
    """
    from explainable_seg.files import remove_leftovers
    from explainable_seg.pages import write_prototypes

    remove_leftovers(output)
    write_prototypes(
        load_segmenter(**loading), manifest, output, predicted, data_root
    )
    click.echo(
        printable(f"written to {output}: prototypes.json, prototypes.png")
    )


@click.command
@OUTPUT
@click.option(
    "--no-frontend",
    is_flag=True,
    help="Leave WavLM's weights out: they are then loaded from where they "
    "were published.",
)
@click.option(
    "--wavlm",
    metavar="W",
    help="Where that is: hub id or folder. Default: where the student had "
    "them from, if it says so.",
)
@LOADING
def export(
    output: Path,
    no_frontend: bool,
    wavlm: str | None,
    loading: dict[str, Any],
) -> None:
    """Write a student as a folder that --model takes.

    With its front end the folder is all that is needed; without, a student on
    WavLM takes megabytes in place of gigabytes, and needs the hub or a folder
    to be loaded.

    \b
    Example:
      explainable-seg export --model student/ --output small \\
        --no-frontend --wavlm microsoft/wavlm-large
    """
    from explainable_seg.files import check_room, remove_leftovers

    segmenter = load_segmenter(**{**loading, "device": "cpu"})
    remove_leftovers(output)
    if not no_frontend:
        weights = segmenter.model.state_dict().values()
        check_room(output, sum(w.nbytes for w in weights))
    segmenter.save_pretrained(output, not no_frontend, wavlm)
    click.echo(printable(f"written to {output}, which --model takes"))
