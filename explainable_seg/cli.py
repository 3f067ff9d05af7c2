"""The command ``explainable-seg``: a thin face of the package.

Torch and the models are imported inside the commands, so that ``--help`` is
quick. Whatever a user can cause ends as one line on stderr and exit code 2.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explainable_seg import __version__
from explainable_seg.classes import CLASSES
from explainable_seg.cli_options import (
    DECISIONS,
    EXCERPT,
    LOADING,
    PATH,
    ClassListCommand,
    parse_classes,
    parse_formats,
)
from explainable_seg.errors import ExplainableSegError

if TYPE_CHECKING:
    from explainable_seg.inference.audio import Excerpt
    from explainable_seg.inference.rules import DecisionOptions
    from explainable_seg.inference.segmenter import ExplainableSegmenter

BAD_INPUT = 2
INTERRUPTED = 130  # as shells say it: 128 + SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Arguments
    ---------
    arguments : Sequence[str], optional
        In place of those that the process was started with.

    Returns
    -------
    int
        Exit code: 0, or 2 if something failed.
    """
    try:
        with warnings.catch_warnings():
            # Those of libraries are for developers, and no line of ours.
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            code = cli.main(
                arguments, prog_name="explainable-seg", standalone_mode=False
            )
        return int(code or 0)
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx else "explainable-seg"
        _tell(f"{error.format_message()} See '{place} --help'.")
    except click.ClickException as error:
        _tell(error.format_message())
    except (ExplainableSegError, OSError) as error:
        _tell(str(error))
    except click.Abort:
        _tell("interrupted")
        return INTERRUPTED
    return BAD_INPUT


def _tell(message: str) -> None:
    """Write an error as one line, above the progress bar if there is one."""
    _note(f"error: {message}")


def _note(message: str) -> None:
    """Write one line to stderr, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(" ".join(message.splitlines()), file=sys.stderr)


@click.group(
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def cli() -> None:
    """Find speech, music, noise and overlapped speech, and say why."""


@cli.command()
@click.argument("audio", nargs=-1, required=True, type=PATH)
@click.option(
    "--output", required=True, type=PATH, help="Folder for the results."
)
@click.option(
    "--format",
    "formats",
    default="rttm",
    show_default=True,
    metavar="F,F",
    callback=parse_formats,
    help="One or more of rttm, csv, json, audacity, textgrid, eaf, vtt.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Do again what an earlier run has finished.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads that decode ahead. Default: one a core, at most 4.",
)
@click.option(
    "--data_root",
    type=PATH,
    help="What $data_root in a manifest stands for.",
)
@EXCERPT
@DECISIONS
@LOADING
def segment(
    audio: Sequence[Path],
    output: Path,
    formats: list[str],
    overwrite: bool,
    workers: int | None,
    data_root: Path | None,
    excerpt: "Excerpt",
    decisions: "DecisionOptions",
    loading: dict[str, Any],
) -> int:
    """Segment recordings: AUDIO is files and folders with audio and video,
    patterns in quotes, @list.txt with one of these a line, or a manifest
    (.csv).

    Writes one file a recording and format, summary.csv with the seconds of
    each class, and failures.csv if a file failed. The results of a folder
    keep its tree. A file that fails does not stop the others. Files that an
    earlier run has finished are skipped, so that an interrupted run goes on
    where it was.

    \b
    Example:
      explainable-seg segment archive/ extra.mp3 --output found \\
        --model student/ --format rttm,json --threshold speech=0.4
    """
    from explainable_seg.inference.batch import (
        OutputFolder,
        check_outputs,
        run_settings,
        segment_files,
    )
    from explainable_seg.inference.rules import make_rules
    from explainable_seg.inference.sources import find_jobs

    jobs, no_audio = find_jobs(audio, excerpt, data_root)
    check_outputs(jobs, output, formats)
    segmenter = _load(**loading)
    rules = make_rules(segmenter.config, decisions)
    settings = run_settings(segmenter.config, rules, excerpt)
    results = OutputFolder(output, formats, settings, overwrite)
    todo = results.unfinished(jobs)
    if len(todo) < len(jobs):
        _note(
            f"{len(jobs) - len(todo)} of {len(jobs)} recordings were finished "
            "before; --overwrite does them again"
        )
    for name, message in no_audio.items():
        _tell(results.fail(name, message))
    n_failed = len(no_audio) + segment_files(
        segmenter, todo, results, _tell, rules, workers
    )
    n_inputs = len(jobs) + len(no_audio)
    if n_failed and n_inputs > 1:
        _tell(f"{n_failed} of {n_inputs} inputs failed")
    return BAD_INPUT if n_failed else 0


@cli.command(cls=ClassListCommand)
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
    from explainable_seg.inference.segmenter import check_span

    check_span(start, end)
    truth = read_reference(reference, audio) if reference else None
    segmenter = _load(**loading)
    analysis = segmenter.analyse(audio, **decisions)
    seconds = analysis.segmentation.seconds()
    chosen = classes or [label for label in CLASSES if seconds[label] > 0]
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


@cli.command()
@click.argument("manifest", type=PATH)
@click.option(
    "--output", required=True, type=PATH, help="Folder for the results."
)
@click.option(
    "--predicted",
    is_flag=True,
    help="Explain the segments that the student finds. Default: those of the "
    "reference.",
)
@click.option(
    "--data_root",
    type=PATH,
    help="What $data_root in the manifest stands for.",
)
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
    from explainable_seg.explanation.prototypes import write_prototypes

    write_prototypes(_load(**loading), manifest, output, predicted, data_root)


@cli.command(cls=ClassListCommand)
@click.option(
    "--reference",
    required=True,
    type=PATH,
    help="RTTM file or folder with the truth.",
)
@click.option(
    "--hypothesis",
    required=True,
    type=PATH,
    help="RTTM file or folder with what was found.",
)
@click.option(
    "--uem", type=PATH, help="UEM file or folder: only this time is scored."
)
@click.option(
    "--classes",
    multiple=True,
    metavar="C",
    callback=parse_classes,
    help="Class to score; may be repeated. Default: all.",
)
@click.option(
    "--manifest",
    type=PATH,
    help="Score the regions of this CSV, each class where it is annotated.",
)
@click.option(
    "--data_root",
    type=PATH,
    help="What $data_root in the manifest stands for.",
)
@click.option(
    "--output", required=True, type=PATH, help="JSON file for the scores."
)
def evaluate(
    reference: Path,
    hypothesis: Path,
    uem: Path | None,
    classes: list[str],
    manifest: Path | None,
    data_root: Path | None,
    output: Path,
) -> None:
    """Score what was found: precision, recall, F1 of each class.

    Seconds are pooled over files; there is no collar.

    \b
    Example:
      explainable-seg evaluate --reference rttm/ --hypothesis found/ \\
        --output scores.json
    """
    from explainable_seg.evaluation import detection
    from explainable_seg.files import atomic_write_text

    scores = detection.evaluate(
        reference,
        hypothesis,
        uem=uem,
        classes=classes or CLASSES,
        annotated=_annotated(manifest, data_root),
    )
    atomic_write_text(output, json.dumps(scores, indent=2) + "\n")
    click.echo(detection.format_table(scores))


@cli.command()
@click.argument("manifests", nargs=-1, required=True, type=PATH)
@click.option(
    "--data_root",
    type=PATH,
    help="What $data_root in the manifests stands for.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many decode audio at once.",
)
def check(
    manifests: Sequence[Path], data_root: Path | None, processes: int
) -> int:
    """List every problem of manifests, with file and line.

    All audio is decoded. Exit code 2 if there is a problem.

    \b
    Example:
      explainable-seg check prepared/train.csv prepared/dev.csv
    """
    from tqdm import tqdm

    from explainable_seg.data.check import check_manifest

    count = 0
    for manifest in tqdm(manifests, desc="manifests", disable=None):
        for problem in check_manifest(manifest, data_root, processes):
            tqdm.write(" ".join(str(problem).splitlines()))
            count += 1
    if count:
        _tell(f"{count} problems in {len(manifests)} manifests")
    return BAD_INPUT if count else 0


def _annotated(manifest: Path | None, data_root: Path | None) -> Any:
    """Where each class of a manifest is to be scored; None without one."""
    if manifest is None:
        return None
    from explainable_seg.data.manifest import read_manifest
    from explainable_seg.data.truth import annotated_time, load_truth

    regions = read_manifest(manifest, data_root, check_audio=False)
    return annotated_time(regions, load_truth(regions))


def _load(model: str | None = None, **options: Any) -> "ExplainableSegmenter":
    """Segmenter of a model folder or hub id."""
    from explainable_seg.inference.segmenter import ExplainableSegmenter

    return ExplainableSegmenter.from_pretrained(model, **options)
