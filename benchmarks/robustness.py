#!/usr/bin/env python3
"""F1 of a model on recordings that were turned down, coded, telephoned, or live.

> python benchmarks/robustness.py results/realbroadcast/manifests/test.csv \
    --model results/realbroadcast/student/1/export

Of a teacher or a student. Each condition changes the audio before anything else
sees it; the references stay. The last row is that of a student which decides
while the sound comes in, without durations. Writes a table in Markdown to the
terminal.
"""

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import numpy as np
import scipy.signal
import soundfile
import soxr
from pyannote.core import Segment, Timeline

from explainable_seg.audio import AudioStream
from explainable_seg.classes import CLASSES
from explainable_seg.corpora import (
    annotated_time,
    heard_time,
    load_truth,
    read_manifest,
    read_region,
)
from explainable_seg.decisions import Segmentation, decide, make_rules
from explainable_seg.evaluation import LoadedModel, score
from explainable_seg.frames import SAMPLE_RATE
from explainable_seg.inference import (
    ExplainableSegmenter,
    LiveSegmenter,
    run_model,
)
from explainable_seg.models import Student

TELEPHONE_RATE, TELEPHONE_BAND = 8000, (300, 3400)  # Hz
# On libsndfile's scale, which at 16 kHz goes from 160 kbit/s at 0 to 0 at 1.
MP3_COMPRESSION = 0.6  # 64 kbit/s

Change = Callable[[np.ndarray], np.ndarray]


def gain(db: float) -> Change:
    """Louder or quieter, limited to full scale."""
    factor = np.float32(10 ** (db / 20))
    return lambda audio: np.clip(audio * factor, -1, 1)


def telephone(audio: np.ndarray) -> np.ndarray:
    """The band of a telephone, through its sample rate."""
    band = scipy.signal.butter(
        4, TELEPHONE_BAND, "bandpass", fs=TELEPHONE_RATE, output="sos"
    )
    narrow = soxr.resample(audio, SAMPLE_RATE, TELEPHONE_RATE)
    narrow = scipy.signal.sosfilt(band, narrow).astype(np.float32)
    return soxr.resample(narrow, TELEPHONE_RATE, SAMPLE_RATE)[: len(audio)]


def mp3(audio: np.ndarray) -> np.ndarray:
    """Coded as MP3 at a constant rate, and decoded."""
    coded = io.BytesIO()
    with soundfile.SoundFile(
        coded,
        "w",
        SAMPLE_RATE,
        1,
        format="MP3",
        bitrate_mode="CONSTANT",
        compression_level=MP3_COMPRESSION,
    ) as stream:
        stream.write(audio)
    coded.seek(0)
    return soundfile.read(coded, dtype="float32")[0]


def direct_current(audio: np.ndarray) -> np.ndarray:
    """A line that is not balanced: a tenth of full scale all the time."""
    return np.clip(audio + np.float32(0.1), -1, 1)


def medium_wave(audio: np.ndarray) -> np.ndarray:
    """The band of AM radio, and the noise of its carrier, 30 dB below."""
    band = scipy.signal.butter(
        4, (100, 4500), "bandpass", fs=SAMPLE_RATE, output="sos"
    )
    narrow = scipy.signal.sosfilt(band, audio)
    rms = float(np.sqrt(np.mean(np.square(narrow))))
    carrier = np.random.default_rng(0).standard_normal(len(audio))
    noise = 10 ** (-30 / 20) * rms * carrier
    return np.clip(narrow + noise, -1, 1).astype(np.float32)


CONDITIONS: dict[str, Change] = {
    "as recorded": lambda audio: audio,
    "-20 dB": gain(-20),
    "-10 dB": gain(-10),
    "+10 dB": gain(10),
    "telephone band": telephone,
    "mp3, 64 kbit/s": mp3,
    "DC offset of 0.1": direct_current,
    "AM radio": medium_wave,
}
BLOCK = 1600  # samples that a live stream is fed


def live(segmenter: ExplainableSegmenter, audio: np.ndarray) -> Segmentation:
    """What is found while the sound comes in."""
    stream = LiveSegmenter(segmenter)
    blocks = [audio[i : i + BLOCK] for i in range(0, len(audio), BLOCK)]
    parts = [*map(stream.feed, blocks), stream.finish()]
    probabilities = np.concatenate([part.probabilities for part in parts])
    rules = replace(stream.rules, min_on={}, min_off={}, max_on={})
    duration = len(audio) / SAMPLE_RATE
    return Segmentation(
        uri="live",
        duration=duration,
        segments=decide(probabilities, rules, duration, 0.0),
        probabilities=probabilities,
        classes=rules.classes,
        start=0.0,
        rules=rules,
    )


@click.command()
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option("--model", help="Folder or hub id; the default model if none.")
def main(manifest: Path, model: str | None) -> None:
    """Score each condition."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    loaded = LoadedModel.load("model", model)
    rules = make_rules(loaded.config)
    regions = read_manifest(manifest)
    truths = load_truth(regions)
    annotated = annotated_time(regions, truths)
    reference = heard_time(truths)
    click.echo("| condition | " + " | ".join(CLASSES) + " | macro |")
    click.echo("|---" * (len(CLASSES) + 2) + "|")
    ways: dict[str, Callable[[np.ndarray], Segmentation]] = {
        condition: lambda audio, change=change: run_model(
            loaded.runner,
            AudioStream(change(audio), SAMPLE_RATE),
            rules,
            "recording",
        )[0]
        for condition, change in CONDITIONS.items()
    }
    if isinstance(loaded.runner.model, Student):
        segmenter = ExplainableSegmenter.from_pretrained(model)
        latency = LiveSegmenter(segmenter).latency
        ways[f"live, {latency:.2f} s later"] = partial(live, segmenter)
    for condition, way in ways.items():
        found = {}
        for region in regions:
            result = way(read_region(region))
            found[region.recording] = {
                name: Timeline([Segment(a, b) for a, b in result.spans(name)])
                for name in CLASSES
            }
        scores = score(reference, found, annotated)
        f1s = [scores["classes"][name]["f1"] for name in CLASSES]
        cells = [f"{x:.3f}" for x in (*f1s, scores["macro_f1"])]
        click.echo(f"| {condition} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
