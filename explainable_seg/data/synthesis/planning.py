"""What to synthesise: voices, bands and noises shared out between parts.

A voice and a band (a style with its instruments) serve one part only. Noises
of all kinds are in every part, each instance with parameters of its own.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from explainable_seg.data.synthesis.composition import Band, possible_bands
from explainable_seg.data.synthesis.noise import NOISES
from explainable_seg.data.synthesis.speech import (
    FEMALE_VOICES,
    MALE_VOICES,
    Voice,
)
from explainable_seg.data.synthesis.styles import STYLES

Item = TypeVar("Item")

# Minutes of clips for each minute of programmes. Many short pieces by many
# bands teach more than few long ones.
SPEECH_SHARE, MUSIC_SHARE, NOISE_SHARE = 1.0, 1.5, 1.25
FEWEST = 2  # voices of each sex and bands of each style that a part needs
TRACK = (12.0, 24.0)  # seconds, shortest and longest piece of music
INSTANCE = (5.0, 11.0)  # seconds, shortest and longest noise


@dataclass(frozen=True)
class _Seeded:
    """So many seconds of sound from a seed."""

    seconds: float
    seed: tuple[int, int]

    @property
    def name(self) -> str:
        """A name that no other task of the corpus has."""
        return f"{self.seed[1]:08x}"


@dataclass(frozen=True)
class SpeechTask(_Seeded):
    """Utterances of one voice."""

    voice: Voice

    @property
    def group(self) -> str:
        """The voice."""
        return f"espeak/{self.voice.name}"


@dataclass(frozen=True)
class MusicTask(_Seeded):
    """A piece of a style, played by a band."""

    style_name: str
    band: Band

    @property
    def group(self) -> str:
        """The style and its instruments."""
        return f"{self.style_name}/{self.band.name}"


@dataclass(frozen=True)
class NoiseTask(_Seeded):
    """An instance of a kind of noise."""

    kind: str

    @property
    def group(self) -> str:
        """The kind and the instance."""
        return f"{self.kind}/{self.name}"


Task = SpeechTask | MusicTask | NoiseTask


def plan_clips(
    minutes: Mapping[str, float], seed: int
) -> dict[str, list[Task]]:
    """What to synthesise for each part of a corpus.

    Arguments
    ---------
    minutes : Mapping[str, float]
        Minutes of programmes of each part.
    seed : int
        Decides who serves which part, and seeds each task.

    Returns
    -------
    dict[str, list[Task]]
        The tasks of each part: speech, then music, then noise.
    """
    rng = np.random.default_rng([seed, 0])
    women = share_out(FEMALE_VOICES, minutes, rng)
    men = share_out(MALE_VOICES, minutes, rng)
    bands = {
        name: share_out(possible_bands(style), minutes, rng)
        for name, style in STYLES.items()
    }
    return {
        part: [
            *_plan_speech(part, women[part] + men[part], minutes[part], seed),
            *_plan_music(
                part,
                {name: shares[part] for name, shares in bands.items()},
                minutes[part],
                seed,
            ),
            *_plan_noise(part, minutes[part], seed),
        ]
        for part in minutes
    }


def share_out(
    items: Sequence[Item],
    minutes: Mapping[str, float],
    rng: np.random.Generator,
) -> dict[str, list[Item]]:
    """Share items out between parts, each item to one part.

    Arguments
    ---------
    items : Sequence[Item]
        The items; at least two for each part.
    minutes : Mapping[str, float]
        Size of each part.
    rng : np.random.Generator
        Source of the order in which items are dealt.

    Returns
    -------
    dict[str, list[Item]]
        A share for each part about in proportion to its size, never fewer
        than two; the largest part has what is left.

    Example
    -------
    >>> sizes = {"train": 20.0, "dev1": 5.0, "test": 5.0}
    >>> shares = share_out(range(14), sizes, np.random.default_rng(0))
    >>> {part: len(share) for part, share in shares.items()}
    {'train': 10, 'dev1': 2, 'test': 2}
    """
    order = [items[i] for i in rng.permutation(len(items)).tolist()]
    largest = max(minutes, key=lambda part: minutes[part])
    total = sum(minutes.values())
    shares: dict[str, list[Item]] = {}
    for part in minutes:
        if part != largest:
            count = max(FEWEST, int(len(items) * minutes[part] / total))
            shares[part], order = order[:count], order[count:]
    return {part: shares.get(part, order) for part in minutes}


def _plan_speech(
    part: str, voices: Sequence[Voice], minutes: float, seed: int
) -> list[Task]:
    """All voices of a part, for equal times."""
    seconds = 60 * SPEECH_SHARE * minutes / len(voices)
    return [
        SpeechTask(seconds, _seed(seed, part, "speech", index), voice)
        for index, voice in enumerate(voices)
    ]


def _plan_music(
    part: str, bands: Mapping[str, Sequence[Band]], minutes: float, seed: int
) -> list[Task]:
    """Pieces of all styles in turn, each style's bands in turn."""
    rng = np.random.default_rng(_seed(seed, part, "music", -1))
    names = [list(bands)[i] for i in rng.permutation(len(bands)).tolist()]
    tasks: list[Task] = []
    planned = 0.0
    while planned < 60 * MUSIC_SHARE * minutes or len(tasks) < FEWEST:
        index = len(tasks)
        name, turn = names[index % len(names)], index // len(names)
        seconds = round(rng.uniform(*TRACK), 1)
        tasks.append(
            MusicTask(
                seconds,
                _seed(seed, part, "music", index),
                name,
                bands[name][turn % len(bands[name])],
            )
        )
        planned += seconds
    return tasks


def _plan_noise(part: str, minutes: float, seed: int) -> list[Task]:
    """Instances of all kinds in turn, at least one of each."""
    rng = np.random.default_rng(_seed(seed, part, "noise", -1))
    kinds = [list(NOISES)[i] for i in rng.permutation(len(NOISES)).tolist()]
    tasks: list[Task] = []
    planned = 0.0
    while planned < 60 * NOISE_SHARE * minutes or len(tasks) < len(kinds):
        index = len(tasks)
        seconds = round(rng.uniform(*INSTANCE), 1)
        tasks.append(
            NoiseTask(
                seconds,
                _seed(seed, part, "noise", index),
                kinds[index % len(kinds)],
            )
        )
        planned += seconds
    return tasks


def _seed(seed: int, part: str, label: str, index: int) -> tuple[int, int]:
    """Seed of one task, whatever other tasks there are."""
    return seed, zlib.crc32(f"{part}/{label}/{index}".encode())
