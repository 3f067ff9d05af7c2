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
    DEVICE,
    MODEL,
    PATH,
    ClassListCommand,
    parse_classes,
    parse_formats,
)
from explainable_seg.errors import ExplainableSegError

if TYPE_CHECKING:
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
    from tqdm import tqdm

    line = " ".join(message.splitlines())
    tqdm.write(f"error: {line}", file=sys.stderr)


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
@MODEL
@click.option(
    "--format",
    "formats",
    default="rttm",
    show_default=True,
    metavar="F,F",
    callback=parse_formats,
    help="One or more of rttm, csv, json.",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace files of an earlier run."
)
@DEVICE
def segment(
    audio: Sequence[Path],
    output: Path,
    model: str | None,
    formats: list[str],
    overwrite: bool,
    device: str,
) -> int:
    """Segment files, or folders with all the audio in them.

    Writes one file a recording and format, summary.csv with the seconds of
    each class, and failures.csv if a file failed. The results of a folder
    keep its tree. A file that fails does not stop the others.

    \b
    Example:
      explainable-seg segment archive/ extra.mp3 --output found \\
        --model student/ --format rttm,json
    """
    from explainable_seg.inference.batch import (
        check_outputs,
        find_jobs,
        segment_files,
    )

    jobs, no_audio = find_jobs(audio)
    check_outputs(jobs, output, formats, overwrite)
    segmenter = _load(model, device)
    for _, message in no_audio.values():
        _tell(message)
    failures = segment_files(segmenter, jobs, output, formats, _tell, no_audio)
    n_inputs = len(jobs) + len(no_audio)
    if failures and n_inputs > 1:
        _tell(f"{len(failures)} of {n_inputs} inputs failed")
    return BAD_INPUT if failures else 0


@cli.command(cls=ClassListCommand)
@click.argument("audio", type=PATH)
@click.option(
    "--output", required=True, type=PATH, help="Folder for the results."
)
@MODEL
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
@DEVICE
def explain(
    audio: Path,
    output: Path,
    model: str | None,
    classes: list[str],
    start: float | None,
    end: float | None,
    device: str,
) -> None:
    """Explain why classes were found in a recording.

    Without a span, the time in which a class was found is explained. Writes
    explanation.json, a sound and a picture of each class, and report.html.

    \b
    Example:
      explainable-seg explain show.wav --output why --model student/ \\
        --class music --start 12 --end 15.5
    """
    from explainable_seg.explanation.saving import save_explanations
    from explainable_seg.inference.segmenter import check_span

    check_span(start, end)
    segmenter = _load(model, device)
    analysis = segmenter.analyse(audio)
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
    save_explanations(output, explanations)


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


def _annotated(manifest: Path | None, data_root: Path | None) -> Any:
    """Where each class of a manifest is to be scored; None without one."""
    if manifest is None:
        return None
    from explainable_seg.data.manifest import read_manifest
    from explainable_seg.data.truth import annotated_time, load_truth

    regions = read_manifest(manifest, data_root, check_audio=False)
    return annotated_time(regions, load_truth(regions))


def _load(model: str | None, device: str) -> "ExplainableSegmenter":
    """Segmenter of a model folder or hub id."""
    from explainable_seg.inference.segmenter import ExplainableSegmenter

    return ExplainableSegmenter.from_pretrained(model, device)
