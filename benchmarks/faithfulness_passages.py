"""Passages of benchmarks/faithfulness.py, of recordings and of mixtures."""

from collections.abc import Iterator

import numpy as np
import torch
from separation import WINDOW

from explainable_seg.audio import at_level
from explainable_seg.classes import CLASSES
from explainable_seg.corpora import (
    load_truth,
    read_manifest,
    read_region,
    region_targets,
)
from explainable_seg.evaluation import Passage, oracle_mask
from explainable_seg.explanation import predictor
from explainable_seg.frames import FRAME_RATE, SAMPLE_RATE
from explainable_seg.models import Runner, Student

FEWEST = 25  # marked frames of a passage: half a second


def activations(
    student: Student, audio: np.ndarray, c: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """H [T, K] of a passage; the classifier's row and the atoms of a class."""
    wav = torch.from_numpy(audio)[None]
    said = Runner(student).batch(wav, {"activations"}).named()
    own = student.own_atoms
    own_c = None if own is None else own[c]
    return said["activations"][0], student.classifier.weight[c], own_c


def cut_windows(
    audio: np.ndarray, targets: np.ndarray, seconds: float
) -> Iterator[tuple[np.ndarray, torch.Tensor]]:
    """Whole windows of a recording, and where each class is annotated."""
    length = round(seconds * SAMPLE_RATE)
    step = round(seconds * FRAME_RATE)
    for number in range(len(audio) // length):
        window = audio[number * length : (number + 1) * length]
        known = targets[number * step : (number + 1) * step] >= 0
        yield window, torch.from_numpy(known)


def find_passages(options, student, explained, config) -> list[Passage]:
    """Passages in which a model marks a class, spread over each recording."""
    predict = predictor(explained)
    regions = read_manifest(options.manifest, options.data_root)
    truths = load_truth(regions)
    passages = []
    for region in regions:
        targets = region_targets(region, truths[region.recording])
        found: dict[str, list[Passage]] = {name: [] for name in CLASSES}
        audio = at_level(read_region(region), config.get("level"))
        seconds = config["window"] or WINDOW  # null: in one pass
        windows = cut_windows(audio, targets, seconds)
        for window, known in windows:
            if not window.any():
                continue
            found_here = mark_classes(
                region.recording, window, known, predict, config, student
            )
            for passage in found_here:
                found[passage.class_name].append(passage)
        for members in found.values():
            count = min(options.per_class, len(members))
            places = np.linspace(0, len(members) - 1, count).round()
            passages += [members[int(place)] for place in places]
    return passages


def mark_classes(
    recording, window, known, predict, config, student
) -> list[Passage]:
    """A window once for each class that the model marks in it."""
    wav = torch.from_numpy(window)[None]
    p, X = predict(wav)[0], student.spectrogram(wav)[0]
    # The last frame of a window may need samples of the next one.
    known = known[: len(p)]
    marks = p >= torch.tensor([config["thresholds"][c] for c in CLASSES])
    marks &= known
    return [
        Passage(recording, name, window, X, p, marks[:, c])
        for c, name in enumerate(CLASSES)
        if int(marks[:, c].sum()) >= FEWEST
    ]


def passages_of_mixtures(
    mixed, student, explained, config
) -> tuple[list[Passage], list[torch.Tensor]]:
    """Passages of mixtures, and the mask that the true sources have."""
    passages, oracles = [], []
    predict = predictor(explained)
    for number, mixture in enumerate(mixed):
        known = torch.ones(len(mixture.audio), len(CLASSES), dtype=torch.bool)
        for passage in mark_classes(
            f"mixture {number}", mixture.audio, known, predict, config, student
        ):
            if passage.class_name == mixture.target:
                passages.append(passage)
                oracles.append(
                    oracle_mask(
                        mixture.source,
                        mixture.rest,
                        student.spectrogram.n_fft,
                    )
                )
    return passages, oracles
