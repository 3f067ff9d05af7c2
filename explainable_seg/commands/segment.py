"""The command ``segment``: recordings and archives to files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explainable_seg.cli_options import (
    DECISIONS,
    EXCERPT,
    LOADING,
    PATH,
    parse_formats,
    parse_share,
)
from explainable_seg.commands.console import (
    BAD_INPUT,
    load_segmenter,
    note,
    tell,
)

if TYPE_CHECKING:
    from explainable_seg.audio.stream import Excerpt
    from explainable_seg.inference.rules import DecisionOptions
    from explainable_seg.inference.sources import Share


@click.command()
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
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray: on all machines of a Ray cluster (RAY_ADDRESS).",
)
@click.option(
    "--share",
    metavar="K/N",
    callback=parse_share,
    help="Only every N-th recording, from the K-th: for N runs at once into "
    "one folder. A run without it then puts their tables together.",
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
    engine: str,
    share: "Share | None",
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
    from explainable_seg.inference.batch import segment_files
    from explainable_seg.inference.output_folder import (
        OutputFolder,
        check_outputs,
        run_settings,
    )
    from explainable_seg.inference.rules import make_rules
    from explainable_seg.inference.sources import find_jobs

    jobs, no_audio = find_jobs(audio, excerpt, data_root)
    check_outputs(jobs, output, formats)
    if share:
        jobs = share.of(jobs)
        no_audio = no_audio if share.number == 1 else {}
    segmenter = load_segmenter(**loading)
    rules = make_rules(segmenter.config, decisions)
    settings = run_settings(segmenter.config, rules, excerpt)
    results = OutputFolder(output, formats, settings, overwrite, share)
    todo = results.unfinished(jobs)
    if len(todo) < len(jobs):
        note(
            f"{len(jobs) - len(todo)} of {len(jobs)} recordings were finished "
            "before; --overwrite does them again"
        )
    for name, message in no_audio.items():
        tell(results.fail(name, message))
    if engine == "ray" and todo:
        from explainable_seg.inference.ray_engine import segment_files_on_ray

        n_failed = segment_files_on_ray(
            loading, todo, results, tell, rules, workers
        )
    else:
        n_failed = segment_files(segmenter, todo, results, tell, rules, workers)
    n_failed += len(no_audio)
    n_inputs = len(jobs) + len(no_audio)
    if n_failed and n_inputs > 1:
        tell(f"{n_failed} of {n_inputs} inputs failed")
    return BAD_INPUT if n_failed else 0
