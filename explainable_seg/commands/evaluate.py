"""The command ``evaluate``: what was found against what is true."""

from pathlib import Path
from typing import Any

import click

from explainable_seg.cli_options import PATH, ClassListCommand, parse_classes


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
    from explainable_seg.evaluation import detection
    from explainable_seg.files import atomic_write_json

    scores = detection.evaluate(
        reference,
        hypothesis,
        uem=uem,
        classes=classes or None,
        annotated=_annotated(manifest, data_root),
    )
    atomic_write_json(output, scores)
    click.echo(detection.format_table(scores))


def _annotated(manifest: Path | None, data_root: Path | None) -> Any:
    """Where each class of a manifest is to be scored; None without one."""
    if manifest is None:
        return None
    from explainable_seg.data.manifest import read_manifest
    from explainable_seg.data.truth import annotated_time, load_truth

    regions = read_manifest(manifest, data_root, check_audio=False)
    return annotated_time(regions, load_truth(regions))
