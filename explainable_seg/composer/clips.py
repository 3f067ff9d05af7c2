"""Clips of one class each: the raw material that programmes are made of.

A clip is a stretch of sound of one speaker, one piece of music or one noise.
Its group (the speaker, the track) says which clips must stay in the same part
of a corpus. A list of clips is a CSV file with the columns ``path, class,
group, duration, speech_spans``, with paths relative to the CSV file.
"""

import csv
import io
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from explainable_seg.audio import (
    POWER_RATE,
    Excerpt,
    frame_powers,
    gated_level,
    load_audio,
)
from explainable_seg.errors import CorpusError
from explainable_seg.files import atomic_write_text
from explainable_seg.frames import SAMPLE_RATE, Span

AUDIBLE_DB = 45.0  # below the level of a sound, this much is silence


@dataclass(frozen=True)
class Sound:
    """A decoded sound and what is measured on it once.

    Arguments
    ---------
    samples : np.ndarray [shape=(N,), dtype=int16]
        Mono at 16 kHz.
    powers : np.ndarray [shape=(N // 160,), dtype=float32]
        Mean square of each 10 ms frame.
    level : float
        dB re full scale, pauses left out.
    extent : tuple[float, float]
        The sound without silence before and after, seconds.
    """

    samples: np.ndarray
    powers: np.ndarray
    level: float
    extent: Span


def decode(path: str, start: float, duration: float) -> Sound:
    """Read a stretch of an audio file as 16 bit mono at 16 kHz.

    Arguments
    ---------
    path : str
        Audio file of any format.
    start : float
        Seconds from the start of the file.
    duration : float
        Seconds; what the file lacks is left out.

    Returns
    -------
    Sound
        Samples, powers and extent.

    Raises
    ------
    AudioError
        If the file is missing or cannot be read.
    """
    audio = load_audio(path, Excerpt(start=start, end=start + duration))
    samples = np.rint(np.clip(audio, -1, 1) * 32767).astype(np.int16)
    powers = frame_powers(audio)
    return Sound(samples, powers, gated_level(powers), audible_extent(powers))


def audible_extent(powers: np.ndarray) -> Span:
    """From the first to the last frame within 45 dB of the level, in seconds.

    Arguments
    ---------
    powers : np.ndarray [shape=(T,)]
        Mean square of each 10 ms frame.

    Returns
    -------
    tuple[float, float]
        Start and end; both 0 for silence.

    Example
    -------
    >>> audible_extent(np.array([0.0, 0.1, 0.1, 1e-7]))
    (0.01, 0.03)
    """
    floor = 10 ** ((gated_level(powers) - AUDIBLE_DB) / 10)
    loud = np.flatnonzero((powers > floor) & (powers > 0))
    if len(loud) == 0:
        return 0.0, 0.0
    return float(loud[0] / POWER_RATE), float((loud[-1] + 1) / POWER_RATE)


CLIP_LABELS: tuple[str, ...] = ("speech", "music", "noise")
COLUMNS = ("path", "class", "group", "duration", "speech_spans")
PartName = TypeVar("PartName", bound=str)


@dataclass(frozen=True)
class Clip:
    """A stretch of sound of one class.

    Arguments
    ---------
    path : str
        The audio file.
    label : str
        ``speech``, ``music`` or ``noise``.
    group : str
        Who or what sounds (a speaker, a track): one group, one part.
    duration : float
        Seconds.
    spans : tuple[tuple[float, float], ...]
        Where the clip is active, seconds from its start.
    start : float
        Where the clip starts in its file, seconds.
    """

    path: str
    label: str
    group: str
    duration: float
    spans: tuple[Span, ...]
    start: float = 0.0

    def __post_init__(self) -> None:
        if self.label not in CLIP_LABELS:
            raise CorpusError(
                f"expected a label among {' '.join(CLIP_LABELS)}, got "
                f"'{self.label}', in {self.path}; correct it"
            )
        ends = [0.0, *(t for span in self.spans for t in span)]
        if not self.spans or ends != sorted(ends):
            raise CorpusError(
                "expected sorted spans after the start of the clip, got "
                f"{list(self.spans)}, in {self.path}; correct them"
            )


def read_clips(csv_path: str | Path) -> list[Clip]:
    """Read a list of clips.

    Arguments
    ---------
    csv_path : str | Path
        CSV file with at least the columns ``path``, ``class``, ``group``,
        ``duration`` (seconds) and ``speech_spans`` (``0.10-1.25;1.60-2.00``,
        empty when the whole clip is active); ``start`` (seconds) may be there.

    Returns
    -------
    list[Clip]
        The clips in the order of the file, their paths below its folder.

    Raises
    ------
    CorpusError
        If the file is missing, lacks a column or holds a bad value.
    """
    csv_path = Path(csv_path)
    if not csv_path.is_file():
        raise CorpusError(
            f"expected a list of clips, got no file, in {csv_path}; "
            "check the path"
        )
    with open(csv_path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or [])]
        if missing:
            raise CorpusError(
                f"expected the columns {' '.join(COLUMNS)}, got no "
                f"{' '.join(missing)}, in {csv_path}:1; add them"
            )
        return [_parse_clip(row, csv_path, reader.line_num) for row in reader]


def write_clips(csv_path: str | Path, clips: Iterable[Clip]) -> None:
    """Write a list of clips, readable by :func:`read_clips`.

    Arguments
    ---------
    csv_path : str | Path
        The file to write; paths of clips below its folder become relative.
    clips : Iterable[Clip]
        The clips, written in their order.
    """
    csv_path = Path(csv_path)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "start"])
    for clip in clips:
        writer.writerow(
            [
                _portable_path(clip.path, csv_path.parent),
                clip.label,
                clip.group,
                f"{clip.duration:.4f}",
                ";".join(f"{s:.3f}-{e:.3f}" for s, e in clip.spans)
                if clip.spans != ((0.0, clip.duration),)
                else "",
                f"{clip.start:.4f}",
            ]
        )
    atomic_write_text(csv_path, text.getvalue())


def split_groups(
    clips: Sequence[Clip], fractions: Mapping[PartName, float], seed: int
) -> dict[PartName, list[Clip]]:
    """Split clips into parts that share no group.

    The groups of each label are shuffled, then each goes to the part that is
    furthest below its share of the label's duration.

    Arguments
    ---------
    clips : Sequence[Clip]
        The clips to split.
    fractions : Mapping[str, float]
        Share of the duration that each part should get, for instance
        ``{"train": 0.7, "dev": 0.15, "test": 0.15}``.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    dict[str, list[Clip]]
        The clips of each part, in the order of ``clips``.
    """
    rng = np.random.default_rng(seed)
    part_of: dict[tuple[str, str], PartName] = {}
    for label in CLIP_LABELS:
        seconds: dict[str, float] = defaultdict(float)
        for clip in clips:
            if clip.label == label:
                seconds[clip.group] += clip.duration
        filled = dict.fromkeys(fractions, 0.0)
        for group in rng.permutation(sorted(seconds)).tolist():
            part = min(fractions, key=lambda p: _share(filled[p], fractions[p]))
            part_of[label, group] = part
            filled[part] += seconds[group]
    return {
        part: [c for c in clips if part_of[c.label, c.group] == part]
        for part in fractions
    }


class ClipPool:
    """Clips in memory, as 16 bit mono at 16 kHz, ready to be drawn.

    A clip is decoded when it is first asked for and then kept. Call
    :meth:`preload` before data-loader workers fork, so that they share it.
    Groups are drawn with a probability that grows with the square root of
    their seconds: a long track is heard more often than a short one, yet no
    single speaker or track fills the programmes.

    Arguments
    ---------
    clips : Sequence[Clip]
        The clips; each label that is drawn needs at least one.
    """

    def __init__(self, clips: Sequence[Clip]):
        self.clips = list(clips)
        self._groups: dict[str, dict[str, list[Clip]]] = {}
        for clip in self.clips:
            groups = self._groups.setdefault(clip.label, {})
            groups.setdefault(clip.group, []).append(clip)
        self._names = {k: list(v) for k, v in self._groups.items()}
        self._odds = {
            label: _odds([sum(c.duration for c in g) for g in groups.values()])
            for label, groups in self._groups.items()
        }
        self._sounds: dict[tuple[str, float], Sound] = {}

    def preload(self, threads: int = 2) -> None:
        """Decode every clip now.

        Arguments
        ---------
        threads : int
            How many decode at once.

        Raises
        ------
        AudioError
            If a clip cannot be read.
        """
        with ThreadPoolExecutor(threads) as executor:
            for _ in executor.map(self._sound, self.clips):
                pass

    def draw(
        self,
        rng: np.random.Generator,
        label: str,
        exclude_groups: Collection[str] = (),
    ) -> Clip:
        """Draw a clip: a group first, then one of its clips.

        Arguments
        ---------
        rng : np.random.Generator
            Source of randomness.
        label : str
            ``speech``, ``music`` or ``noise``.
        exclude_groups : Collection[str]
            Groups that must not be drawn.

        Returns
        -------
        Clip
            A clip of the pool.

        Raises
        ------
        CorpusError
            If the pool has no clip of the label outside those groups.
        """
        names = self._names.get(label, [])
        if all(name in exclude_groups for name in names):
            raise CorpusError(
                f"expected clips of {label} in more than "
                f"{len(exclude_groups)} groups, got {len(names)}, in the pool "
                "of clips; add clips"
            )
        while True:
            index = np.searchsorted(self._odds[label], rng.random())
            if names[index] not in exclude_groups:
                members = self._groups[label][names[index]]
                return members[int(rng.integers(len(members)))]

    def members(self, clip: Clip) -> list[Clip]:
        """All clips of the clip's label and group, itself among them."""
        return self._groups[clip.label][clip.group]

    def labels(self) -> set[str]:
        """Labels of which the pool has clips."""
        return set(self._names)

    def audio(
        self, clip: Clip, start_s: float, duration_s: float
    ) -> np.ndarray:
        """Samples of a clip; silence beyond its ends.

        Arguments
        ---------
        clip : Clip
            A clip of the pool.
        start_s : float
            Seconds from the start of the clip; may be negative.
        duration_s : float
            Seconds.

        Returns
        -------
        np.ndarray [shape=(N,), dtype=float32]
            Mono audio at 16 kHz in [-1, 1].
        """
        samples = self._sound(clip).samples
        first = round(start_s * SAMPLE_RATE)
        length = round(duration_s * SAMPLE_RATE)
        audio = np.zeros(length, dtype=np.float32)
        low, high = max(0, first), min(len(samples), first + length)
        if high > low:
            np.multiply(
                samples[low:high],
                np.float32(1 / 32768),
                out=audio[low - first : high - first],
            )
        return audio

    def extent(self, clip: Clip) -> Span:
        """The clip without its leading and trailing silence, seconds.

        Silence is more than 45 dB below the level of the clip.
        """
        return self._sound(clip).extent

    def level(self, clip: Clip) -> float:
        """Level of a clip, dB re full scale, pauses left out."""
        return self._sound(clip).level

    def level_between(self, clip: Clip, start_s: float, end_s: float) -> float:
        """Level of a stretch of a clip, pauses left out.

        Arguments
        ---------
        clip : Clip
            A clip of the pool.
        start_s, end_s : float
            Seconds from the start of the clip.

        Returns
        -------
        float
            dB re full scale.
        """
        powers = self._sound(clip).powers
        first = max(0, int(start_s * POWER_RATE))
        return gated_level(powers[first : int(end_s * POWER_RATE) + 1])

    def _sound(self, clip: Clip) -> Sound:
        """Decoded clip, from memory when it was asked for before."""
        key = clip.path, clip.start
        if key not in self._sounds:
            self._sounds[key] = decode(clip.path, clip.start, clip.duration)
        return self._sounds[key]


def _odds(seconds: Sequence[float]) -> np.ndarray:
    """Cumulated probabilities that grow with the square root of seconds."""
    weights = np.cumsum(np.sqrt(np.maximum(seconds, 1e-3)))
    return weights / weights[-1]


def _portable_path(path: str, folder: Path) -> str:
    """Path relative to the folder when below it, else absolute."""
    absolute = Path(os.path.abspath(path))
    folder = Path(os.path.abspath(folder))
    if absolute.is_relative_to(folder):
        absolute = absolute.relative_to(folder)
    return absolute.as_posix()


def _share(filled: float, fraction: float) -> float:
    """How full a part is, relative to its share."""
    return filled / fraction if fraction > 0 else float("inf")


def _parse_clip(row: Mapping[str, str], csv_path: Path, line: int) -> Clip:
    """One row of the CSV file as a clip."""
    try:
        duration = float(row["duration"])
        spans = _parse_spans(row["speech_spans"] or "")
        start = float(row.get("start") or 0.0)
    except ValueError as error:
        raise CorpusError(
            f"expected seconds, got a bad number ({error}), in "
            f"{csv_path}:{line}; correct it"
        ) from None
    return Clip(
        path=str(csv_path.parent / row["path"]),
        label=row["class"],
        group=row["group"],
        duration=duration,
        spans=spans or ((0.0, duration),),
        start=start,
    )


def _parse_spans(text: str) -> tuple[Span, ...]:
    """Spans in seconds of ``0.10-1.25;1.60-2.00``."""
    pairs = [span.split("-") for span in text.split(";") if span]
    return tuple((float(start), float(end)) for start, end in pairs)
