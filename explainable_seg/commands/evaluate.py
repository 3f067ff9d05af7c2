"""The command ``evaluate``: what was found against what is true."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explainable_seg.commands.options import (
    BAD_INPUT,
    PATH,
    ClassListCommand,
    parse_classes,
    tell,
)

if TYPE_CHECKING:
    from explainable_seg.corpora import Totals


@click.command(cls=ClassListCommand)
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
    help="Class to score; may be repeated. Default: those annotated, which "
    "are those of the manifest, or those that occur in the reference.",
)
@click.option(
    "--manifest",
    type=PATH,
    help="Score the regions of this CSV, each class where it is annotated.",
)
@click.option(
    "--data-root",
    type=PATH,
    help="What $data_root in the manifest stands for.",
)
@click.option(
    "-o", "--output", required=True, type=PATH, help="JSON file for the scores."
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

    Seconds are pooled over files; there is no collar. A recording that the
    UEM names and the reference does not is one in which nothing is heard.

    \b
    Example:
      explainable-seg evaluate --reference rttm/ --hypothesis found/ \\
        --output scores.json
    """
    from explainable_seg.evaluation import (
        evaluate as scores_of,
        format_table,
    )
    from explainable_seg.files import atomic_write_json

    scores = scores_of(
        reference,
        hypothesis,
        uem=uem,
        classes=classes or None,
        annotated=_annotated(manifest, data_root),
    )
    atomic_write_json(output, scores)
    click.echo(format_table(scores))


def _annotated(manifest: Path | None, data_root: Path | None) -> Any:
    """Where each class of a manifest is to be scored; None without one."""
    if manifest is None:
        return None
    from explainable_seg.corpora import (
        annotated_time,
        load_truth,
        read_manifest,
    )

    regions = read_manifest(manifest, data_root, check_audio=False)
    return annotated_time(regions, load_truth(regions))


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=PATH)
@click.option(
    "--data-root",
    type=PATH,
    help="What $data_root in the manifests stands for. Default: what the "
    "summary.json beside each says.",
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

    All audio is decoded. Exit code 2 if there is a problem; what is only
    worth a look is a note.

    \b
    Example:
      explainable-seg check prepared/train.csv prepared/dev.csv
    """
    from tqdm import tqdm

    from explainable_seg.corpora import Totals, check_manifest

    count, totals = 0, Totals()
    for manifest in tqdm(manifests, desc="manifests", disable=None):
        for problem in check_manifest(manifest, data_root, processes, totals):
            tqdm.write(_printable(str(problem)))
            count += not problem.is_note
    if count:
        tell(f"{count} problems in {len(manifests)} manifests")
        return BAD_INPUT
    click.echo(_all_well(len(manifests), totals))
    return 0


def _all_well(n_manifests: int, totals: "Totals") -> str:
    """What was found right, in one line."""
    known = [name for name, seconds in totals.known.items() if seconds]
    return (
        f"no problems in {n_manifests} manifests ({totals.recordings} "
        f"recordings, {totals.seconds / 3600:.2f} hours; known: "
        f"{', '.join(known) or 'nothing'})"
    )


def _printable(text: str) -> str:
    """A message as one line that the console can show, whatever is in it."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)
