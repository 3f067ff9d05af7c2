"""Clips of one class each: the raw material that programmes are made of.

A clip is a stretch of sound of one speaker, one piece of music or one noise.
Its group (the speaker, the track) says which clips must stay in the same part
of a corpus. A list of clips is a CSV file with the columns ``path, class,
group, duration, speech_spans``, with paths relative to the CSV file; a column
``style`` may say what a clip is.
"""

import csv
import io
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from explainable_seg.classes import SOURCES
from explainable_seg.errors import CorpusError
from explainable_seg.files import atomic_write_text
from explainable_seg.frames import Span

SUNG = re.compile("with vocals|a cappella|sung", re.IGNORECASE)
# Sorts of clips that a scene may ask for, by label and by what `style` says.
SORTS = {
    "a cappella": ("music", re.compile("a cappella", re.IGNORECASE)),
    "song": ("music", re.compile("with vocals|jingle, sung", re.IGNORECASE)),
    "jingle": ("music", re.compile("jingle", re.IGNORECASE)),
    "crowd": (
        "noise",
        re.compile("applause|cr[ao]ud|crowd|cheer|pubblico", re.IGNORECASE),
    ),
}
INSTRUMENTAL = "instrumental"  # music in which nobody sings, as far as is known
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
    style : str
        What it is, as ``song with vocals`` or ``whisper``; may be empty.
    """

    path: str
    label: str
    group: str
    duration: float
    spans: tuple[Span, ...]
    start: float = 0.0
    style: str = ""

    @property
    def sung(self) -> bool:
        """Whether somebody sings in it, by its style."""
        return self.label == "music" and bool(SUNG.search(self.style))

    def sorts(self) -> list[str]:
        """The label, and the sorts of clips to which it belongs.

        Example
        -------
        >>> Clip("a", "music", "a", 1.0, ((0, 1),), style="Jingle").sorts()
        ['music', 'jingle', 'instrumental']
        """
        found = [
            sort
            for sort, (label, style) in SORTS.items()
            if label == self.label and style.search(self.style)
        ]
        if self.label == "music" and not self.sung:
            found.append(INSTRUMENTAL)
        return [self.label, *found]

    def __post_init__(self) -> None:
        if self.label not in SOURCES:
            raise CorpusError(
                f"expected a label among {' '.join(SOURCES)}, got "
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
        empty when the whole clip is active); ``start`` (seconds) and ``style``
        may be there.

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
    csv_path, clips = Path(csv_path), list(clips)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    with_style = any(clip.style for clip in clips)
    writer.writerow([*COLUMNS, "start", *["style"] * with_style])
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
                *[clip.style] * with_style,
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
    for label in SOURCES:
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
        style=row.get("style") or "",
    )


def _parse_spans(text: str) -> tuple[Span, ...]:
    """Spans in seconds of ``0.10-1.25;1.60-2.00``."""
    pairs = [span.split("-") for span in text.split(";") if span]
    return tuple((float(start), float(end)) for start, end in pairs)
