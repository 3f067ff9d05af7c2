#!/usr/bin/env python3
"""Speech by a model of ours and by silero-vad, scored the same way.

> pip install "silero-vad>=6.2.3"
> python benchmarks/speech_detection.py MANIFESTS/test.csv --dev MANIFESTS/dev.csv

F1 of seconds, pooled over recordings, no collar, inside the annotated time.
Silero decides at its own default (0.5) and at the threshold with the highest
F1 on dev; ours at the thresholds of the model, which are tuned on dev too, and
at 0.5. Of music in which nobody speaks, the share found as speech is given apart:
singers are in it. Rows of the manifests are whole recordings. Writes a table in
Markdown to the terminal.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import torch
from pyannote.core import Segment, Timeline
from silero_vad import get_speech_timestamps_from_probs, load_silero_vad
from tables import table
from tqdm import tqdm

from explainable_seg import ExplainableSegmenter
from explainable_seg.corpora import (
    Region,
    annotated_time,
    heard_time,
    load_truth,
    read_manifest,
    read_region,
)
from explainable_seg.evaluation import f1_differences, f1_intervals, score
from explainable_seg.frames import SAMPLE_RATE

SPEECH = "speech"
SILERO_CHUNK = 512  # samples that silero-vad hears at a time, at 16 kHz
SILERO_DEFAULT = 0.5
GRID = [round(0.05 * n, 2) for n in range(1, 20)]
Found = Mapping[str, Timeline]  # recording -> speech


class Silero:
    """Probabilities of speech, computed once for all thresholds."""

    def __init__(self) -> None:
        self.model = load_silero_vad()

    @torch.no_grad()
    def probabilities(self, audio: np.ndarray) -> list[float]:
        """One value for each chunk, the last one padded with silence."""
        self.model.reset_states()
        padded = np.pad(audio, (0, -len(audio) % SILERO_CHUNK))
        chunks = torch.from_numpy(padded).split(SILERO_CHUNK)
        return [self.model(chunk, SAMPLE_RATE).item() for chunk in chunks]

    def __call__(self, regions: Sequence[Region]) -> Callable[[float], Found]:
        """Speech of recordings, as a function of the threshold."""
        heard = {}
        for region in tqdm(regions, disable=None):
            audio = read_region(region)
            heard[region.recording] = self.probabilities(audio), len(audio)
        return lambda threshold: {
            uri: timeline(
                [
                    (turn["start"] / SAMPLE_RATE, turn["end"] / SAMPLE_RATE)
                    for turn in get_speech_timestamps_from_probs(
                        values,
                        threshold=threshold,
                        sampling_rate=SAMPLE_RATE,
                        audio_length_samples=n_samples,
                    )
                ]
            )
            for uri, (values, n_samples) in heard.items()
        }


def timeline(spans: Sequence[tuple[float, float]]) -> Timeline:
    """Timeline of spans in seconds."""
    return Timeline([Segment(start, end) for start, end in spans])


def ours(
    segmenter: ExplainableSegmenter, regions: Sequence[Region], **decisions
) -> Found:
    """Speech of recordings by a model of ours."""
    return {
        region.recording: timeline(
            segmenter.segment(
                read_region(region), sample_rate=SAMPLE_RATE, **decisions
            ).spans(SPEECH)
        )
        for region in tqdm(regions, disable=None)
    }


def scored(regions: Sequence[Region], found: Found) -> dict:
    """Scores of speech."""
    truths = load_truth(regions)
    return score(
        heard_time(truths),
        {uri: {SPEECH: speech} for uri, speech in found.items()},
        {SPEECH: annotated_time(regions, truths)[SPEECH]},
    )


def found_in_music(regions: Sequence[Region], found: Found) -> float | None:
    """Share of the music without speech that is found as speech."""
    music, wrong = 0.0, 0.0
    for uri, heard in heard_time(load_truth(regions)).items():
        alone = heard["music"].extrude(heard[SPEECH])
        music += alone.duration()
        wrong += found[uri].crop(alone, mode="intersection").duration()
    return wrong / music if music else None


@click.command()
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--dev", type=click.Path(exists=True, path_type=Path), required=True
)
@click.option("--model", help="Folder or hub id; the default model if none.")
def main(manifest: Path, dev: Path, model: str | None) -> None:
    """Score both."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    silero, segmenter = Silero(), ExplainableSegmenter.from_pretrained(model)
    dev_regions, regions = read_manifest(dev), read_manifest(manifest)
    on_dev = silero(dev_regions)
    dev_f1 = {
        threshold: scored(dev_regions, on_dev(threshold))["classes"][SPEECH][
            "f1"
        ]
        for threshold in GRID
    }
    best = max(dev_f1, key=dev_f1.__getitem__)
    on_test = silero(regions)
    tuned = segmenter.config["thresholds"][SPEECH]
    name = f"silero-vad {version('silero-vad')}"
    results = {
        (segmenter.name, tuned): ours(segmenter, regions),
        (segmenter.name, 0.5): ours(segmenter, regions, thresholds=0.5),
        (name, SILERO_DEFAULT): on_test(SILERO_DEFAULT),
        (name, best): on_test(best),
    }
    first, rows = None, []
    for (system, threshold), found in results.items():
        scores = scored(regions, found)
        first = first or scores
        row = scores["classes"][SPEECH]
        rows.append(
            [
                system,
                threshold,
                *(row[ratio] for ratio in ("precision", "recall", "f1")),
                spread(f1_intervals(scores["files"])[SPEECH]),
                None
                if scores is first
                else spread(
                    f1_differences(first["files"], scores["files"])[SPEECH]
                ),
                found_in_music(regions, found),
            ]
        )
    click.echo(
        table(
            ["system", "threshold", "P", "R", "F1"]
            + ["95 % interval", "first row ahead by", "of music alone"],
            rows,
        )
    )


def spread(ends: Mapping[str, float] | Sequence[float] | None) -> str | None:
    """An interval, or a difference with its own."""
    if ends is None:
        return None
    if isinstance(ends, Mapping):
        low, high = ends["low"], ends["high"]
        return f"{ends['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
    return "[{:.3f}, {:.3f}]".format(*ends)


if __name__ == "__main__":
    main()
