"""Passages of benchmarks/faithfulness.py, of recordings and of mixtures."""

from collections.abc import Iterator

import numpy as np
import torch

from explainable_seg.audio import at_level, frame_powers, gain_to
from explainable_seg.classes import CLASSES
from explainable_seg.composer import (
    ClipPool,
    Composer,
    SceneKind,
    Style,
    read_clips,
)
from explainable_seg.corpora import (
    load_truth,
    read_manifest,
    read_region,
    region_targets,
)
from explainable_seg.evaluation import (
    Passage,
    control_masks,
    oracle_mask,
    si_sdr,
)
from explainable_seg.explanation import (
    apply_mask,
    atom_rankings,
    class_mask,
    predictor,
)
from explainable_seg.frames import FRAME_RATE, SAMPLE_RATE
from explainable_seg.models import Runner, Student

FEWEST = 25  # marked frames of a passage: half a second
ORACLE = "oracle"
OTHER = {"speech": "music", "music": "speech"}  # the sources of a mixture
SOFTEST = 3e-4  # root mean square of a source that counts as heard


def activations(
    student: Student, audio: np.ndarray, c: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """H [T, K] of a passage, and the classifier's row of a class."""
    wav = torch.from_numpy(audio)[None]
    said = Runner(student).batch(wav, {"activations"}).named()
    return said["activations"][0], student.classifier.weight[c]


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
        windows = cut_windows(audio, targets, config["window"])
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


def compose_mixtures(options, seconds) -> list[tuple[np.ndarray, np.ndarray]]:
    """Speech and music [N] at 0 dB, heard together from clips."""
    kind = SceneKind("speech over music", 1, (20.0, 24.0), 1, ("music",))
    style = Style(scenes=(kind,), gap_probability=0, floor_probability=0)
    composer = Composer(ClipPool(read_clips(options.clips)), style)
    rng = np.random.default_rng(options.seed)
    mixtures = []
    while len(mixtures) < options.mixtures:
        stems = composer.compose(seconds, rng, stems=True).stems
        speech, music = stems["speech"], stems["music"]
        levels = [np.sqrt(np.square(x).mean()) for x in (speech, music)]
        if min(levels) > SOFTEST:
            mixtures.append((speech, music * (levels[0] / levels[1])))
    return mixtures


def separate(
    mixtures, student, explained, config
) -> tuple[list[Passage], list[torch.Tensor], dict]:
    """Passages with their oracles, and the SI-SDR of what explanations keep."""
    passages, oracles = [], []
    gains: dict = {name: [] for name in OTHER}
    predict = predictor(explained)
    for number, stems in enumerate(mixtures):
        gain = 1.0
        if config.get("level") is not None:
            gain = gain_to(config["level"], frame_powers(sum(stems)))
        sources = [stem * gain for stem in stems]
        mix = sources[0] + sources[1]
        known = torch.ones(len(mix), len(CLASSES), dtype=torch.bool)
        for passage in mark_classes(
            f"mixture {number}", mix, known, predict, config, student
        ):
            if passage.class_name not in gains:
                continue
            order = 1 if passage.class_name == "speech" else -1
            target, other = sources[::order]
            oracle = oracle_mask(target, other, student.spectrogram.n_fft)
            passages.append(passage)
            oracles.append(oracle)
            gains[passage.class_name].append(
                si_sdr_row(passage, target, oracle, student)
            )
    return passages, oracles, gains


def si_sdr_row(passage, target, oracle, student) -> dict[str, float | None]:
    """SI-SDR over the mixture of each mask as it is, dB."""
    c = CLASSES.index(passage.class_name)
    H, theta_c = activations(student, passage.audio, c)
    masks = atom_rankings(H, student.dictionary, theta_c, passage.frames)
    del masks["evidence"]  # a map of logits, not a mask
    masks.update(control_masks(H, student.dictionary, theta_c, passage.frames))
    del masks["random bins"]
    other_theta = student.classifier.weight[CLASSES.index(OTHER[CLASSES[c]])]
    masks["contrast"] = class_mask(H, student.dictionary, theta_c > other_theta)
    masks[ORACLE] = oracle
    mixture = si_sdr(passage.audio, target)
    row: dict[str, float | None] = {"mixture": mixture}
    for name, mask in masks.items():
        value = si_sdr(apply_mask(passage.audio, mask), target)
        row[name] = None if value is None else value - mixture
    return row
