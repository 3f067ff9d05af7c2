#!/usr/bin/env python3
"""What explanations cost: time over segmenting alone, memory of prototypes.

Times are medians of one run in which the candidates take turns; memory is the
peak of a process of its own for each data set. Writes a JSON file, and a table
in Markdown to the terminal.

> python benchmarks/explanation_cost.py --output results/explanation_cost.json
> python benchmarks/explanation_cost.py --model student/ --audio show.flac
"""

import logging
import tempfile
from pathlib import Path
from typing import Any

import click
import torch
from pyannote.core import Annotation, Segment, Timeline
from side_by_side import peak_of, say_peak, seconds_of, write_noise
from tables import table

from explainable_seg import ExplainableSegmenter
from explainable_seg.annotation import write_rttm, write_uem
from explainable_seg.classes import CLASSES
from explainable_seg.corpora import Region, write_manifest
from explainable_seg.explanation import (
    StudentWeights,
    apply_mask,
    class_masks,
    default_selection,
    segment_relevance,
)
from explainable_seg.files import atomic_write_json
from explainable_seg.frames import SAMPLE_RATE, frame_ranges
from explainable_seg.inference import Analysis
from explainable_seg.pages import write_prototypes

logger = logging.getLogger(__name__)

TURN = 5  # seconds that a class holds in the made references
PARTS = {  # number of recordings, minutes of each
    "10 min, 2 recordings": (2, 5.0),
    "1 h, 12 recordings": (12, 5.0),
    "10 min, 1 recording": (1, 10.0),
    "1 h, 1 recording": (1, 60.0),
}
KINDS = ("reference", "predicted")  # segments


def relevances(
    analysis: Analysis, theta: torch.Tensor
) -> tuple[torch.Tensor, int]:
    """Relevance [S, C, K] of every segment and class, and how many S."""
    spans = [(s.start, s.end) for s in analysis.segmentation.segments]
    ranges = frame_ranges(spans, analysis.decomposition.n_frames)
    r = segment_relevance(analysis.decomposition.activations, theta, ranges)
    return r, len(ranges)


def measure_time(
    segmenter: ExplainableSegmenter, path: Path, repeats: int
) -> dict[str, Any]:
    """Seconds of each step, and the ratio that is asked for."""
    student = StudentWeights.of(segmenter.model)
    theta, W = student.theta, student.dictionary
    analysis = segmenter.analyse(path)
    audio, H = analysis.decomposition.audio, analysis.decomposition.activations
    r, n_segments = relevances(analysis, theta)
    # Not one recording need have segments: an hour of silence has none.
    mean = r.mean(dim=0) if n_segments else theta.double()
    z = H.double().mean(dim=0)
    chosen = [
        default_selection(row, z, student.own_of(name))
        for name, row in zip(student.classes, mean)
    ]
    weights = torch.stack(chosen).float()
    sources = student.sources
    masks = class_masks(H, W, weights, sources)
    taken = seconds_of(
        {
            "segment": lambda: segmenter.segment(path),
            "relevance": lambda: relevances(segmenter.analyse(path), theta),
            "masks": lambda: class_masks(H, W, weights, sources),
            "sounds": lambda: [apply_mask(audio, mask) for mask in masks],
        },
        repeats,
    )
    return {
        "seconds of audio": len(audio) / SAMPLE_RATE,
        "segments": n_segments,
        "threads": torch.get_num_threads(),
        "seconds": taken,
        "over segmenting": {
            name: value / taken["segment"] for name, value in taken.items()
        },
    }


def write_part(folder: Path, n_recordings: int, minutes: float) -> Path:
    """Manifest of recordings of noise in which the classes take turns."""
    folder.mkdir()
    seconds = 60 * minutes
    sound = write_noise(folder / "noise.flac", seconds)
    names = [f"{n:03}" for n in range(n_recordings)]
    annotations, known = {}, {}
    for name in names:
        annotations[name] = Annotation(uri=name)
        for turn in range(int(seconds) // TURN):
            span = Segment(TURN * turn, TURN * (turn + 1))
            annotations[name][span, turn] = CLASSES[turn % len(CLASSES)]
        known[name] = Timeline([Segment(0, seconds)], uri=name)
    write_rttm(folder / "reference.rttm", annotations)
    write_uem(folder / "known.uem", known)
    uem = str(folder / "known.uem")
    regions = [
        Region(
            id=name,
            duration=seconds,
            wav=str(sound),
            start=0,
            stop=round(seconds * SAMPLE_RATE),
            sample_rate=SAMPLE_RATE,
            recording=name,
            rttm=str(folder / "reference.rttm"),
            uems=dict.fromkeys(CLASSES, uem),
        )
        for name in names
    ]
    write_manifest(folder / "part.csv", regions)
    return folder / "part.csv"


def measure_memory(model: str | None) -> dict[str, dict[str, float]]:
    """Peak memory of prototypes in MB, by data set and kind of segments."""
    options = ["--model", model] if model else []
    peaks: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (n_recordings, minutes)) in enumerate(PARTS.items()):
            part = write_part(Path(folder, str(number)), n_recordings, minutes)
            peaks[name] = {
                kind: peak_of(__file__, part, "--segments", kind, *options)
                for kind in KINDS
            }
            logger.info("prototypes of %s: %s MB", name, peaks[name])
    return peaks


def as_markdown(figures: dict[str, Any]) -> str:
    """The two tables."""
    time, memory = figures["time"], figures["memory of prototypes, MB"]
    steps = {
        "segment": "segmenting alone",
        "relevance": "the same, and every atom's relevance for each class "
        "and segment",
        "masks": "masks of all classes, apart",
        "sounds": "their sounds, apart",
    }
    duration, n_segments = time["seconds of audio"], time["segments"]
    head = [f"{duration / 60:.1f} min, {n_segments} segments"]
    return "\n".join(
        [
            table(
                [*head, "seconds", "over segmenting"],
                [
                    [
                        words,
                        time["seconds"][step],
                        time["over segmenting"][step],
                    ]
                    for step, words in steps.items()
                ],
            ),
            table(
                ["prototypes of", *(f"{kind}, MB" for kind in KINDS)],
                [
                    [name, *(f"{peaks[kind]:.0f}" for kind in KINDS)]
                    for name, peaks in memory.items()
                ],
            ),
        ]
    )


@click.command()
@click.option("--model", help="Folder or hub id; the default model if none.")
@click.option(
    "--audio",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A recording; 10 minutes of noise if none.",
)
@click.option("--repeats", default=15, show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("results/explanation_cost.json"),
    show_default=True,
)
@click.option("--peak", type=click.Path(path_type=Path), hidden=True)
@click.option("--segments", type=click.Choice(KINDS), hidden=True)
def main(
    model: str | None,
    audio: Path | None,
    repeats: int,
    output: Path,
    peak: Path | None,
    segments: str | None,
) -> None:
    """Measure and write."""
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    segmenter = ExplainableSegmenter.from_pretrained(model)
    with tempfile.TemporaryDirectory() as folder:
        if peak:
            write_prototypes(segmenter, peak, folder, segments == "predicted")
            say_peak()
            return
        path = audio or write_noise(Path(folder, "noise.flac"), 600.0)
        figures = {
            "model": segmenter.name,
            "time": measure_time(segmenter, path, repeats),
            "memory of prototypes, MB": measure_memory(model),
        }
    atomic_write_json(output, figures)
    click.echo(as_markdown(figures))


if __name__ == "__main__":
    main()
