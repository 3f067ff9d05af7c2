"""MiniBroadcast: clips of all classes, and programmes of them."""

import hashlib
import json
import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import astuple, dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TypeVar

import numpy as np
from pyannote.core import Annotation, Segment

from explainable_seg.annotation import write_rttm
from explainable_seg.audio import write_audio
from explainable_seg.classes import SHORT_LABELS
from explainable_seg.composer.clips import Clip, write_clips
from explainable_seg.composer.composer import Composer, Programme
from explainable_seg.composer.engine import process_context
from explainable_seg.composer.music import Band, make_music, possible_bands
from explainable_seg.composer.music_styles import STYLES
from explainable_seg.composer.noise import NOISES, make_noise
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.signals import package_folder
from explainable_seg.composer.speech import (
    FEMALE_VOICES,
    MALE_VOICES,
    Voice,
    speak,
)
from explainable_seg.composer.style import Style
from explainable_seg.errors import CorpusError, ExplainableSegError
from explainable_seg.files import atomic_write_text
from explainable_seg.frames import SAMPLE_RATE, Span

logger = logging.getLogger(__name__)


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


ClipTask = SpeechTask | MusicTask | NoiseTask


def plan_clips(
    minutes: Mapping[str, float], seed: int
) -> dict[str, list[ClipTask]]:
    """What to synthesise for each part of a corpus.

    Arguments
    ---------
    minutes : Mapping[str, float]
        Minutes of programmes of each part.
    seed : int
        Decides who serves which part, and seeds each task.

    Returns
    -------
    dict[str, list[ClipTask]]
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
) -> list[ClipTask]:
    """All voices of a part, for equal times."""
    seconds = 60 * SPEECH_SHARE * minutes / len(voices)
    return [
        SpeechTask(seconds, _seed(seed, part, "speech", index), voice)
        for index, voice in enumerate(voices)
    ]


def _plan_music(
    part: str, bands: Mapping[str, Sequence[Band]], minutes: float, seed: int
) -> list[ClipTask]:
    """Pieces of all styles in turn, each style's bands in turn."""
    rng = np.random.default_rng(_seed(seed, part, "music", -1))
    names = [list(bands)[i] for i in rng.permutation(len(bands)).tolist()]
    tasks: list[ClipTask] = []
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


def _plan_noise(part: str, minutes: float, seed: int) -> list[ClipTask]:
    """Instances of all kinds in turn, at least one of each."""
    rng = np.random.default_rng(_seed(seed, part, "noise", -1))
    kinds = [list(NOISES)[i] for i in rng.permutation(len(NOISES)).tolist()]
    tasks: list[ClipTask] = []
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


PACKAGES = ("espeakng_loader", "symusic", "pretty_midi")


def synthesise_clips(
    folders: Mapping[str, str | os.PathLike[str]],
    minutes: Mapping[str, float],
    seed: int,
    processes: int = 2,
) -> dict[str, list[Clip]]:
    """Synthesise the clips of each part of a corpus.

    No voice, no band and no instance of a noise is in two parts. The same seed
    gives the same bytes, whatever the number of processes.

    Arguments
    ---------
    folders : Mapping[str, str or os.PathLike]
        For each part, where its clips and its ``clips.csv`` go.
    minutes : Mapping[str, float]
        For each part, the minutes of programmes that are to be made of it.
    seed : int
        Seed of all randomness.
    processes : int
        How many processes work at once.

    Returns
    -------
    dict[str, list[Clip]]
        The clips of each part.

    Raises
    ------
    ExplainableSegError
        If an optional package is missing or does not work, or if a process
        is killed.
    """
    for package in PACKAGES:
        package_folder(package)
    plan = plan_clips(minutes, seed)
    try:
        return _make_all(plan, folders, processes)
    except BrokenProcessPool:
        raise ExplainableSegError(
            "expected the synthesis to finish, got a process that was killed, "
            f"among {processes}; free some memory or use fewer processes"
        ) from None


def make_clips(task: ClipTask, folder: Path) -> list[Clip]:
    """Synthesise and write what one task asks for.

    Arguments
    ---------
    task : ClipTask
        What to synthesise.
    folder : Path
        Where the files go: ``speech/<voice>/``, ``music/<style>/<band>/`` or
        ``noise/<kind>/`` below it.

    Returns
    -------
    list[Clip]
        One clip for each file.
    """
    rng = np.random.default_rng(task.seed)
    if isinstance(task, SpeechTask):
        home = folder / "speech" / task.group
        return [
            _write_clip(
                home / f"{index:04d}.flac",
                utterance.audio,
                "speech",
                task.group,
                utterance.spans,
            )
            for index, utterance in enumerate(
                speak(task.voice, task.seconds, rng)
            )
        ]
    if isinstance(task, MusicTask):
        audio = make_music(task.style_name, task.band, task.seconds, rng)
        path = folder / "music" / task.group / f"{task.name}.flac"
        return [_write_clip(path, audio, "music", task.group)]
    audio = make_noise(task.kind, task.seconds, rng)
    path = folder / "noise" / f"{task.group}.flac"
    return [_write_clip(path, audio, "noise", task.group)]


def _make_all(
    plan: Mapping[str, Sequence[ClipTask]],
    folders: Mapping[str, str | os.PathLike[str]],
    processes: int,
) -> dict[str, list[Clip]]:
    """Carry out all tasks; a list of clips is written when it is complete."""
    clips: dict[str, list[Clip]] = {}
    with ProcessPoolExecutor(processes, process_context()) as executor:
        pending = {
            part: executor.map(make_clips, tasks, repeat(Path(folders[part])))
            for part, tasks in plan.items()
        }
        for part, results in pending.items():
            clips[part] = [clip for made in results for clip in made]
            write_clips(Path(folders[part]) / "clips.csv", clips[part])
    return clips


def _write_clip(
    path: Path,
    audio: np.ndarray,
    label: str,
    group: str,
    spans: tuple[Span, ...] | None = None,
) -> Clip:
    """Write one file and describe it; without spans all of it is active."""
    write_audio(path, audio)
    duration = len(audio) / SAMPLE_RATE
    return Clip(str(path), label, group, duration, spans or ((0.0, duration),))


STAMP = "composed.json"  # says from what a corpus was made; written last


def write_programmes(
    folder: str | os.PathLike[str],
    parts: Mapping[str, Sequence[Clip]],
    minutes: Mapping[str, float],
    seed: int,
    style: Style = Style(),
    programme_duration: float = 180.0,
    name: str = "AragonRadio",
    workers: int = 2,
) -> None:
    """Compose and write a corpus; the same seed gives the same bytes.

    If the folder holds the corpus of these very settings, nothing is done.

    Arguments
    ---------
    folder : str or os.PathLike
        Where to write.
    parts : Mapping[str, Sequence[Clip]]
        Clips of each part, for instance of ``train``, ``dev1`` and ``test``.
    minutes : Mapping[str, float]
        Minutes of programmes of each part.
    seed : int
        Seed of all randomness.
    style : Style
        How programmes are made.
    programme_duration : float
        Seconds of a programme, about: the programmes of a part are equally
        long, to a tenth of a second.
    name : str
        Name of the corpus in the layout.
    workers : int
        Threads; decoding, filtering and encoding run beside each other.

    Raises
    ------
    CorpusError
        If parts and minutes differ, or a group has clips in two parts.
    """
    folder = Path(folder)
    _check_parts(parts, minutes)
    shape = {
        part: _programme_shape(minutes[part] * 60, programme_duration)
        for part in parts
    }
    settings = _settings(parts, shape, seed, style, name)
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == settings:
        logger.info("the corpus in %s is complete: nothing to do", folder)
        return
    stamp.unlink(missing_ok=True)
    for part, clips in parts.items():
        count, seconds = shape[part]
        write = partial(
            _compose_file,
            composer=Composer(ClipPool(clips), style),
            seconds=seconds,
            seed=seed,
            folder=folder,
            name=name,
        )
        programmes = [f"{part}_{number:03d}" for number in range(count)]
        with ThreadPoolExecutor(workers) as executor:
            list(executor.map(write, programmes))
        atomic_write_text(
            folder / "lists" / name / f"{part}.txt",
            "".join(f"{programme}\n" for programme in programmes),
        )
    atomic_write_text(stamp, settings)


def _check_parts(
    parts: Mapping[str, Sequence[Clip]], minutes: Mapping[str, float]
) -> None:
    """Raise unless each part has minutes, and groups of its own."""
    if set(parts) != set(minutes):
        raise CorpusError(
            f"expected minutes for the parts {' '.join(sorted(parts))}, got "
            f"{' '.join(sorted(minutes))}; name the same parts in both"
        )
    home: dict[tuple[str, str], str] = {}
    for part, clips in parts.items():
        for clip in clips:
            other = home.setdefault((clip.label, clip.group), part)
            if other != part:
                raise CorpusError(
                    f"expected each group in one part, got '{clip.group}' in "
                    f"{other} and {part}; split the clips by group"
                )


def _programme_shape(seconds: float, wanted: float) -> tuple[int, float]:
    """Number of programmes and seconds of each that make up a part."""
    count = max(1, round(seconds / wanted))
    return count, round(seconds / count, 1)


def _settings(
    parts: Mapping[str, Sequence[Clip]],
    shape: Mapping[str, tuple[int, float]],
    seed: int,
    style: Style,
    name: str,
) -> str:
    """All that a corpus depends on, as JSON; the clips as a checksum."""
    clips = {
        part: hashlib.sha256(
            repr([astuple(c)[1:] for c in members]).encode()
        ).hexdigest()
        for part, members in parts.items()
    }
    return json.dumps(
        {
            "name": name,
            "seed": seed,
            "programmes": shape,
            "clips": clips,
            "style": repr(style),
        },
        indent=1,
    )


def _compose_file(
    programme: str,
    composer: Composer,
    seconds: float,
    seed: int,
    folder: Path,
    name: str,
) -> None:
    """Compose one programme and write its audio and its annotation."""
    rng = np.random.default_rng([seed, zlib.crc32(programme.encode())])
    composed = composer.compose(seconds, rng)
    write_audio(folder / "audio" / name / f"{programme}.flac", composed.audio)
    write_rttm(
        folder / "rttms_segmentation" / name / f"{programme}.rttm",
        _annotation(programme, composed),
    )


def _annotation(uri: str, programme: Programme) -> Annotation:
    """The truth of a programme with two-letter labels."""
    annotation = Annotation(uri=uri)
    for label, class_name in SHORT_LABELS.items():
        for start, end in programme.spans[class_name]:
            annotation[Segment(start, end), label] = label
    return annotation
