#!/usr/bin/env python3
"""Scores and speed of a model of ours beside detectors that a user can install.

> pip install -e '.[bench]'
> OMP_NUM_THREADS=1 python benchmarks/peers.py \
    --part "realbroadcast test" MANIFESTS/test.csv --dev MANIFESTS/dev.csv \
    --part "AMI" prepared/dihard3/test.csv --thresholds dev --output peers.json

F1 of seconds, pooled over recordings, no collar, where a class is annotated.
``--thresholds default``: peers decide as their authors do; ``dev``: at the
threshold with the highest F1 on the manifest of ``--dev``. Ours are those of
the model, tuned on dev too. ``--real FOLDER SCORER``: a folder of recordings
and its own scorer, a script that is given the folder and one of RTTM files.
Speed is of one thread; all take turns. Writes tables in Markdown to the
terminal, and all figures as JSON.
"""

import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from peer_models import PEERS, Found, Peer, Thresholds, installed_peers
from pyannote.core import (
    Segment as Interval,
    Timeline,
)
from side_by_side import seconds_of
from tables import table
from tqdm import tqdm

from explainable_seg import ExplainableSegmenter
from explainable_seg.audio import load_audio
from explainable_seg.classes import CLASSES, parse_class
from explainable_seg.corpora import (
    Region,
    annotated_time,
    heard_time,
    load_truth,
    read_manifest,
    read_region,
)
from explainable_seg.decisions import WRITERS, Segment, Segmentation
from explainable_seg.evaluation import f1_differences, f1_intervals, score
from explainable_seg.files import atomic_write_json
from explainable_seg.frames import SAMPLE_RATE

GRID = [round(0.05 * n, 2) for n in range(1, 20)]
REPEATS = 3
System = Callable[[np.ndarray], Found]  # of mono audio at 16 kHz, [N]


class Ours:
    """A model of ours; its scores are what it decides by."""

    def __init__(self, model: str | None) -> None:
        self.segmenter = ExplainableSegmenter.from_pretrained(model, "cpu")
        self.name = f"ours ({self.segmenter.name})"
        self.defaults: dict[str, float] = {}

    def scores(self, audio: np.ndarray) -> Segmentation:
        """All that it says."""
        return self.segmenter.segment_blocks([audio])

    def spans(self, scores: Any, seconds: float, at: Thresholds) -> Found:
        """What it finds at its own thresholds."""
        return {name: scores.spans(name) for name in scores.decided}


def spans_of(
    system: Peer, regions: Sequence[Region]
) -> Callable[[Thresholds], dict[str, Found]]:
    """What a system finds in recordings, as a function of the thresholds."""
    said = []
    for region in tqdm(regions, desc=system.name, disable=None):
        audio = read_region(region)
        said.append((region, system.scores(audio), len(audio) / SAMPLE_RATE))
    return lambda at: {
        region.recording: system.spans(scores, seconds, at)
        for region, scores, seconds in said
    }


def scored(regions: Sequence[Region], found: Mapping[str, Found]) -> dict:
    """Scores of the classes that a system finds."""
    truths = load_truth(regions)
    time = annotated_time(regions, truths)
    names = next(iter(found.values()))
    hypothesis = {
        uri: {name: timeline(spans) for name, spans in classes.items()}
        for uri, classes in found.items()
    }
    scores = score(
        heard_time(truths), hypothesis, {name: time[name] for name in names}
    )
    alone = found_in_music(heard_time(truths), hypothesis)
    return {**scores, "speech in music alone": alone}


def timeline(spans: Sequence[tuple[float, float]]) -> Timeline:
    """Timeline of spans in seconds."""
    return Timeline([Interval(start, end) for start, end in spans])


def found_in_music(
    truth: Mapping[str, Mapping[str, Timeline]],
    found: Mapping[str, Mapping[str, Timeline]],
) -> float | None:
    """Share of the music without speech that is found as speech."""
    music, wrong = 0.0, 0.0
    for uri, heard in truth.items():
        alone = heard["music"].extrude(heard["speech"])
        music += alone.duration()
        speech = found[uri]["speech"]
        wrong += speech.crop(alone, mode="intersection").duration()
    return wrong / music if music else None


def thresholds_of(system: Peer, dev: Sequence[Region] | None) -> Thresholds:
    """Its own, or those of the highest F1 on dev."""
    if dev is None or not system.defaults:
        return system.defaults
    found = spans_of(system, dev)
    f1 = {
        value: scored(dev, found(dict.fromkeys(system.defaults, value)))
        for value in GRID
    }
    return {
        name: max(GRID, key=lambda value: f1[value]["classes"][name]["f1"])
        for name in system.defaults
    }


def part_tables(results: Mapping[str, Mapping[str, Any]]) -> str:
    """F1 by system, and by how much the first is ahead, with intervals."""
    first = next(iter(results.values()))
    rows, ahead = [], []
    for name, scores in results.items():
        f1 = {c: row["f1"] for c, row in scores["classes"].items()}
        whole = set(f1) == set(CLASSES)
        rows.append(
            [name, *(f1.get(c) for c in CLASSES)]
            + [scores["macro_f1"] if whole else None]
            + [scores["speech in music alone"]]
        )
        ahead.append([name, *(lead(first, scores, c) for c in CLASSES)])
    head = ["system", *CLASSES]
    return (
        table([*head, "macro", "speech in music alone"], rows)
        + "\nThe first row and its 95 % interval; by how much it is ahead:\n\n"
        + table(head, ahead)
    )


def lead(first: Mapping, other: Mapping, name: str) -> str | None:
    """Interval of a class of the first row, or its lead on another."""
    ours, theirs = (
        {uri: {name: row[name]} for uri, row in scores["files"].items()}
        if name in scores["classes"]
        else None
        for scores in (first, other)
    )
    if not ours or not theirs or first["classes"][name]["f1"] is None:
        return None
    if first is other:
        ends = f1_intervals(ours)[name]
        return ends and "[{:.3f}, {:.3f}]".format(*ends)
    of = f1_differences(ours, theirs)[name]
    return (
        of and f"{of['difference']:+.3f} [{of['low']:+.3f}, {of['high']:+.3f}]"
    )


def score_real(
    system: Peer, at: Thresholds, folder: Path, scorer: Path
) -> list[dict[str, Any]]:
    """Rows of the scorer of a folder, of the classes that a system finds."""
    finds: set[str] = set()
    with tempfile.TemporaryDirectory() as output:
        for path in tqdm(sorted(folder.glob("*.flac")), disable=None):
            audio = load_audio(path)
            seconds = len(audio) / SAMPLE_RATE
            found = system.spans(system.scores(audio), seconds, at)
            finds |= found.keys()
            segments = [
                Segment(start, end, name)
                for name, spans in found.items()
                for start, end in spans
            ]
            nothing = np.zeros((0, len(CLASSES)))
            result = Segmentation(path.stem, seconds, sorted(segments), nothing)
            WRITERS["rttm"].write(result, Path(output, f"{path.stem}.rttm"))
        done = subprocess.run(
            [sys.executable, scorer, folder, output],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    head, *lines, pauses = done.stdout.splitlines()
    names = ("kind", "class", "true s", "found", "without s", "false", "F1")
    rows = [dict(zip(names, line.rsplit(None, 6))) for line in lines]
    return [
        *(row for row in rows if parse_class(row["class"]) in finds),
        {"kind": "pauses", "class": "sp", "false": pauses.split()[6]},
    ]


def real_table(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Measures of the scorer by system: a row for each kind and class."""
    by_system = {
        name: {(row["kind"], row["class"]): row for row in rows}
        for name, rows in results.items()
    }
    places = dict.fromkeys(p for rows in by_system.values() for p in rows)
    rows = [
        [*place, *(in_short(rows.get(place)) for rows in by_system.values())]
        for place in places
    ]
    return table(
        ["kind", "class", *(f"{n}: F1, found, false" for n in results)], rows
    )


def in_short(row: Mapping[str, Any] | None) -> str | None:
    """F1, share found and share falsely found of a row."""
    if row is None:
        return None
    values = [row.get(name, "-") for name in ("F1", "found", "false")]
    return ", ".join("-" if value == "nan" else value for value in values)


def speeds(systems: Sequence[Peer], audio: np.ndarray) -> dict[str, float]:
    """Times real time of each, of its computation on one thread."""
    torch.set_num_threads(1)
    taken = seconds_of(
        {one.name: (lambda one=one: one.scores(audio)) for one in systems},
        REPEATS,
    )
    seconds = len(audio) / SAMPLE_RATE
    return {name: seconds / value for name, value in taken.items()}


PATH = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--part", "parts", multiple=True, required=True, type=(str, PATH))
@click.option("--dev", type=PATH, help="Manifest for the thresholds of peers.")
@click.option("--real", type=(PATH, PATH), help="A folder and its scorer.")
@click.option("--model", help="Folder or hub id; the default model if none.")
@click.option("--peers", help="Names, separated by commas; all by default.")
@click.option(
    "--thresholds", type=click.Choice(["default", "dev"]), default="default"
)
@click.option("--output", type=click.Path(path_type=Path), required=True)
def main(
    parts: Sequence[tuple[str, Path]],
    dev: Path | None,
    real: tuple[Path, Path] | None,
    model: str | None,
    peers: str | None,
    thresholds: str,
    output: Path,
) -> None:
    """Score all, and say how fast they are."""
    logging.basicConfig(format="%(message)s")
    if thresholds == "dev" and dev is None:
        raise click.UsageError("expected --dev beside --thresholds dev")
    names = peers.split(",") if peers else installed_peers()
    systems: list[Peer] = [Ours(model), *(PEERS[name]() for name in names)]
    manifests = {name: read_manifest(path) for name, path in parts}
    tuning = read_manifest(dev) if dev and thresholds == "dev" else None
    at = {one.name: thresholds_of(one, tuning) for one in systems}
    figures: dict[str, Any] = {"thresholds": at, "parts": {}}
    for part, regions in manifests.items():
        scores = {
            one.name: scored(regions, spans_of(one, regions)(at[one.name]))
            for one in systems
        }
        figures["parts"][part] = scores
        click.echo(f"\n{part}\n\n{part_tables(scores)}")
    if real:
        figures["real"] = {
            one.name: score_real(one, at[one.name], *real) for one in systems
        }
        click.echo(f"\n{real[0].name}\n\n{real_table(figures['real'])}")
    first = next(iter(manifests.values()))[0]
    figures["times real time"] = speeds(systems, read_region(first))
    rows = [[name, round(x)] for name, x in figures["times real time"].items()]
    click.echo("\n" + table(["one thread", "times real time"], rows))
    click.echo(f"thresholds: {at}")
    atomic_write_json(output, figures)


if __name__ == "__main__":
    main()
