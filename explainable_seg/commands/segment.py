"""The command ``segment``: recordings and archives to files."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from explainable_seg.classes import CLASSES
from explainable_seg.commands.options import (
    BAD_INPUT,
    DATA_ROOT,
    DECISIONS,
    EXCERPT,
    LOADING,
    OUTPUT,
    PATH,
    QUIET,
    load_segmenter,
    note,
    parse_formats,
    parse_share,
    tell,
)
from explainable_seg.errors import printable

if TYPE_CHECKING:
    from explainable_seg.audio import Excerpt
    from explainable_seg.decisions import DecisionOptions
    from explainable_seg.inference import ResultRow, Share

MOST_ROWS = 20  # of the table that is shown at the end
WIDEST = 40  # characters of a name or a note in it


@click.command()
@click.argument("audio", nargs=-1, required=True, type=PATH)
@OUTPUT
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
@DATA_ROOT
@EXCERPT
@DECISIONS
@LOADING
@QUIET
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
    quiet: bool,
) -> int:
    """Segment recordings: AUDIO is files and folders with audio and video,
    patterns in quotes, @list.txt with one of these a line, a manifest (.csv),
    or - for standard input.

    Writes one file a recording and format, summary.csv with the seconds of
    each class, and failures.csv if a file failed. The results of a folder
    keep its tree. A file that fails does not stop the others. Files that an
    earlier run has finished, and that have not changed since, are skipped, so
    that an interrupted run goes on where it was.

    \b
    Example:
      explainable-seg segment archive/ extra.mp3 --output found \\
        --model student/ --format rttm,json --threshold speech=0.4
    """
    from explainable_seg.decisions import make_rules
    from explainable_seg.inference import (
        OutputFolder,
        check_output_folder,
        find_jobs,
        locked_folder,
        run_settings,
        segment_files,
    )

    check_output_folder(output)
    with TemporaryDirectory(prefix="explainable-seg-") as spool:
        jobs, failed = find_jobs(audio, excerpt, data_root, Path(spool))
        segmenter = load_segmenter(**loading)
        rules = make_rules(segmenter.config, decisions)
        settings = run_settings(segmenter.config, rules, excerpt)
        with locked_folder(output, share):
            results = OutputFolder(output, formats, settings, overwrite, share)
            jobs = results.named(jobs)
            if share:
                jobs = share.of(jobs)
                failed = failed if share.number == 1 else {}
            todo, refused = results.unfinished(jobs, map(str, audio))
            for name, message in {**failed, **refused}.items():
                tell(results.fail_input(name, message))
            n_before = len(jobs) - len(todo) - len(refused)
            if n_before and not quiet:
                note(
                    f"{n_before} of {len(jobs)} recordings were finished "
                    "before; --overwrite does them again"
                )
            how = (results, tell, rules, workers, None if quiet else note)
            n_failed = len(failed) + len(refused)
            if engine == "ray" and todo:
                from explainable_seg.inference import segment_files_on_ray

                n_failed += segment_files_on_ray(loading, todo, *how)
            else:
                n_failed += segment_files(segmenter, todo, *how)
    if not quiet:
        _answer(results.rows(jobs), output, formats, n_failed > 0)
    n_inputs = len(jobs) + len(failed)
    if n_failed and n_inputs > 1:
        tell(f"{n_failed} of {n_inputs} inputs failed")
    return BAD_INPUT if n_failed else 0


def _answer(
    rows: "Sequence[ResultRow]",
    output: Path,
    formats: Sequence[str],
    failed: bool,
) -> None:
    """Say what was found, and where it lies."""
    if rows:
        click.echo(_table(rows))
        names = [*formats, "summary.csv", *(["failures.csv"] if failed else [])]
        click.echo(printable(f"written to {output}: {', '.join(names)}"))


def _table(rows: "Sequence[ResultRow]") -> str:
    """Length, classes and notes of recordings, and their sums."""
    shown = rows if len(rows) <= MOST_ROWS else rows[: MOST_ROWS - 1]
    lines = [["recording", "length", *CLASSES, "note"]]
    lines += [_line(row["file"], [row], row["note"]) for row in shown]
    if len(rows) > len(shown):
        lines.append([f"... {len(rows) - len(shown)} more", *[""] * 6])
    if len(rows) > 1:
        n_notes = sum(bool(row["note"]) for row in rows)
        lines.append(
            _line(f"all {len(rows)}", rows, f"{n_notes or 'no'} notes")
        )
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(
            cell.rjust(width)
            if 0 < place < len(line) - 1
            else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def _line(name: str, rows: "Sequence[ResultRow]", note: str) -> list[str]:
    """Cells of one recording, or of the sums of several."""
    length = sum(float(row["duration"]) for row in rows)
    minutes, seconds = divmod(round(length), 60)
    cells = [_cut(name), f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"]
    for label in CLASSES:
        found = [float(row[label]) for row in rows if row[label]]
        # What no model has looked for is not 0.
        share = f"{sum(found):.1f} s {100 * sum(found) / length:3.0f} %"
        cells.append(share if found else "-")
    return [*cells, _cut(note)]


def _cut(text: str) -> str:
    """Text without its middle, if it is long."""
    return text if len(text) <= WIDEST else f"{text[:22]}...{text[-15:]}"
