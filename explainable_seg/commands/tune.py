"""The command ``tune``: thresholds and durations for somebody's own archive."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explainable_seg.commands.options import (
    DATA_ROOT,
    HEARD,
    LOADING,
    PATH,
    QUIET,
    ClassListCommand,
    load_segmenter,
    note,
    parse_classes,
)
from explainable_seg.errors import ExplainableSegError, printable

if TYPE_CHECKING:
    from explainable_seg.decisions import Segmentation
    from explainable_seg.evaluation import ScoredTruth, Tuning
    from explainable_seg.inference import ExplainableSegmenter, Job

NAMED = 20  # recordings that a message names


@click.command(cls=ClassListCommand)
@click.option(
    "--audio",
    multiple=True,
    type=PATH,
    help="Recordings: files, folders, patterns, as for segment; may be "
    "repeated. Those without a reference are left out.",
)
@click.option(
    "--reference", type=PATH, help="RTTM file or folder with the truth."
)
@click.option(
    "--uem", type=PATH, help="UEM file or folder: only this time is annotated."
)
@click.option(
    "--classes",
    multiple=True,
    metavar="C",
    callback=parse_classes,
    help="Class that is annotated; may be repeated. Default: those of the "
    "manifest, or those that occur in the reference.",
)
@click.option(
    "--manifest",
    "manifests",
    multiple=True,
    type=PATH,
    help="The regions of this CSV, in place of --audio, --reference and --uem; "
    "may be repeated.",
)
@DATA_ROOT
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="Folder for the tuned model. Without it, nothing is saved.",
)
@click.option("--scores", type=PATH, help="JSON file for what was measured.")
@HEARD
@LOADING
@QUIET
def tune(
    audio: Sequence[Path],
    reference: Path | None,
    uem: Path | None,
    classes: list[str],
    manifests: Sequence[Path],
    data_root: Path | None,
    output: Path | None,
    scores: Path | None,
    heard: dict[str, int],
    loading: dict[str, Any],
    quiet: bool,
) -> None:
    """Tune thresholds and durations to your own recordings.

    The model is run once over recordings that you annotated, a few minutes or
    more. Threshold, shortest pause and shortest segment of each class are
    chosen by F1, no further from those of the model than the recordings say,
    and kept where what is left out by turns does not gain. The weights stay.

    \b
    Example:
      explainable-seg tune --audio archive/ --reference annotated/ \\
        --output tuned/
      explainable-seg segment archive/ --output found --model tuned/
    """
    from explainable_seg.decisions import make_rules
    from explainable_seg.evaluation import (
        format_tuning,
        read_scored_truth,
        tune as tuned,
    )
    from explainable_seg.files import atomic_write_json

    if bool(manifests) == bool(audio or reference or uem):
        raise click.UsageError(
            "expected --manifest, or --audio and --reference, got both or none."
        )
    if manifests:
        truth = _truth_of_manifests(manifests, data_root, classes)
        jobs = _jobs(*manifests, data_root=data_root)
    elif audio and reference:
        truth = read_scored_truth(reference, uem, classes or None)
        jobs = _jobs_of(audio, truth.uris)
    else:
        raise click.UsageError("expected both --audio and --reference.")
    segmenter = load_segmenter(**loading)
    _check_output(output, segmenter)
    found = _segmented(segmenter, jobs, heard, quiet)
    rules = make_rules(segmenter.config)
    result = tuned(found, truth.spans, truth.time, rules)
    if scores is not None:
        atomic_write_json(scores, result.to_dict())
    if output is not None:
        _save(segmenter, result, output)
    if not quiet:
        click.echo(format_tuning(result))
        click.echo(printable(_where(result, output)))


def _truth_of_manifests(
    manifests: Iterable[Path], data_root: Path | None, classes: Sequence[str]
) -> "ScoredTruth":
    """What was annotated, of manifests."""
    from explainable_seg.corpora import (
        annotated_time,
        heard_time,
        load_truth,
        read_manifest,
    )
    from explainable_seg.evaluation import ScoredTruth

    regions = [
        region
        for manifest in manifests
        for region in read_manifest(manifest, data_root, check_audio=False)
    ]
    truths = load_truth(regions)
    time = annotated_time(regions, truths)
    asked = {name: time[name] for name in classes or time}
    return ScoredTruth(list(truths), heard_time(truths), asked, {}, [])


def _jobs(*inputs: Path, data_root: Path | None = None) -> "list[Job]":
    """Recordings that were named; the first that cannot be had is an error."""
    from explainable_seg.inference import find_jobs

    jobs, failures = find_jobs(inputs, data_root=data_root)
    for message in failures.values():
        raise ExplainableSegError(message)
    return jobs


def _jobs_of(audio: Sequence[Path], uris: Sequence[str]) -> "list[Job]":
    """The recording of each uri of the reference."""
    named: dict[str, list[Job]] = defaultdict(list)
    for job in _jobs(*audio):
        named[job.uri].append(job)
    missing = [uri for uri in uris if uri not in named]
    if missing:
        shown = " ".join(missing[:NAMED])
        where = ", ".join(map(str, audio))
        raise ExplainableSegError(
            f"expected a recording for each in the reference, got none for "
            f"{shown} ({len(missing)} in all), in {where}; a recording is "
            "named like its file, without extension"
        )
    for uri in uris:
        if len(named[uri]) > 1:
            first, second, *_ = named[uri]
            raise ExplainableSegError(
                f"expected one recording {uri}, got two, in {first.path} and "
                f"{second.path}; name them apart, or take one away"
            )
    return [named[uri][0] for uri in uris]


def _segmented(
    segmenter: "ExplainableSegmenter",
    jobs: "Sequence[Job]",
    heard: Mapping[str, int],
    quiet: bool,
) -> "list[Segmentation]":
    """What the model says of each recording."""
    from explainable_seg.inference import Progress

    channel, track = heard.get("channel"), heard.get("track")
    found = []
    with Progress(len(jobs), None if quiet else note) as progress:
        for job in jobs:
            start, end = job.excerpt.start, job.excerpt.end
            one = segmenter.segment(
                job.path, channel=channel, track=track, start=start, end=end
            )
            found.append(replace(one, uri=job.uri))
            progress.finish()
    return found


def _check_output(
    output: Path | None, segmenter: "ExplainableSegmenter"
) -> None:
    """Raise before the model is run, if it could not be saved then."""
    from explainable_seg.files import check_room, remove_leftovers
    from explainable_seg.inference import DEFAULT_MODEL

    if output is None:
        return
    if output.resolve() in (Path(segmenter.name).resolve(), DEFAULT_MODEL):
        raise ExplainableSegError(
            f"expected another folder than that of the model, got the same, in "
            f"{output}; what is tuned would have no model to go back to"
        )
    remove_leftovers(output)
    weights = segmenter.model.state_dict().values()
    check_room(output, sum(w.nbytes for w in weights))


def _save(
    segmenter: "ExplainableSegmenter", tuning: "Tuning", output: Path
) -> None:
    """Write the model with its tuned rules, and a card that says so."""
    from explainable_seg.evaluation import tuned_card

    segmenter.config = tuning.applied_to(segmenter.config)
    if segmenter.card is not None:
        day = datetime.now(timezone.utc).date().isoformat()
        name = segmenter.name
        segmenter.card = tuned_card(segmenter.card, tuning, name, day)
    segmenter.save_pretrained(output)


def _where(tuning: "Tuning", output: Path | None) -> str:
    """What came of it, and where it lies."""
    n = len(tuning.changed)
    said = f"{n} of {len(tuning.classes)} classes tuned"
    if output is None:
        return f"{said}; nothing saved: name a folder with --output"
    return f"{said}; written to {output}, which --model takes"
