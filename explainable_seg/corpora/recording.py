"""A recording as a preparation reads it, checked, before anything is written."""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation import (
    ClassMapping,
    class_spans,
    common_time,
    composed,
    overlap_timeline,
    time_without,
)
from explainable_seg.audio import AudioHeader, copy_at_16k, read_header
from explainable_seg.classes import CLASSES, KNOWN_LABELS
from explainable_seg.errors import AnnotationError, AudioError, CorpusError
from explainable_seg.frames import SAMPLE_RATE

logger = logging.getLogger(__name__)


SUMMARY = "summary.json"


def summarise(recordings: Sequence["Recording"]) -> dict:
    """Amounts of a part.

    Arguments
    ---------
    recordings : Sequence["Recording"]
        Its recordings.

    Returns
    -------
    dict
        ``files``, ``seconds``, ``hours`` and, for each class, ``seconds``,
        ``annotated_seconds``, ``unknown_seconds`` and ``positive_rate`` (of
        the annotated time); None for a class that is annotated nowhere.
    """
    seconds = sum(recording.header.duration for recording in recordings)
    return {
        "files": len(recordings),
        "seconds": round(seconds, 3),
        "hours": round(seconds / 3600, 4),
        "classes": {
            name: _amounts(name, recordings, seconds) for name in CLASSES
        },
    }


def _amounts(
    name: str, recordings: Iterable["Recording"], seconds: float
) -> dict[str, float] | None:
    """Seconds and rate of a class where it is annotated."""
    known = [r for r in recordings if name in r.annotated]
    annotated = float(sum(r.annotated[name].duration() for r in known))
    if annotated == 0:
        return None
    heard = float(sum(r.spans[name].duration() for r in known))
    return {
        "seconds": round(heard, 3),
        "annotated_seconds": round(annotated, 3),
        "unknown_seconds": round(seconds - annotated, 3),
        "positive_rate": round(heard / annotated, 4),
    }


def data_roots(
    folder: str | os.PathLike[str], data_root: str | os.PathLike[str]
) -> list[str]:
    """Where ``$data_root`` is, for the summary beside a manifest.

    Arguments
    ---------
    folder : str or os.PathLike
        Of the manifest.
    data_root : str or os.PathLike
        Of the audio.

    Returns
    -------
    list[str]
        Its path from the folder, and its absolute path.
    """
    apart = os.path.relpath(Path(data_root).resolve(), Path(folder).resolve())
    return [Path(apart).as_posix(), os.path.abspath(data_root)]


def recorded_root(manifest: str | os.PathLike[str]) -> Path | None:
    """Where the summary beside a manifest says that ``$data_root`` is.

    Arguments
    ---------
    manifest : str or os.PathLike
        The manifest.

    Returns
    -------
    pathlib.Path or None
        The first of the recorded folders that is there, else the last of
        them, for the message; None if none is recorded.
    """
    folder = Path(manifest).resolve().parent
    try:
        roots = json.loads((folder / SUMMARY).read_text("utf-8"))["data_root"]
        candidates = [Path(os.path.normpath(folder / root)) for root in roots]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    there = [root for root in candidates if root.is_dir()]
    return next(iter([*there, *candidates[-1:]]), None)


Entry = TypeVar("Entry")

EXCESS = 0.05  # seconds that rounding may put a turn outside its recording


@dataclass(frozen=True)
class Recording:
    """A recording: its audio, and what is known of it.

    Arguments
    ---------
    uri : str
        Its identifier.
    wav : Path
        The audio file.
    header : AudioHeader
        Rate and length of the file.
    spans : dict[str, Timeline]
        For each annotated class its time inside ``annotated``, seconds.
    annotated : dict[str, Timeline]
        For each annotated class the time in which it is annotated; a class
        that is missing here is unknown from start to end.

    Raises
    ------
    ValueError
        If a class is heard where it is not annotated: a preparation is wrong.
    """

    uri: str
    wav: Path
    header: AudioHeader
    spans: dict[str, Timeline]
    annotated: dict[str, Timeline]

    def __post_init__(self) -> None:
        """Refuse what would be written as known, but is not."""
        for name, heard in self.spans.items():
            known = self.annotated.get(name)
            if known is None or time_without(heard, known):
                raise ValueError(f"{self.uri}: {name} outside its known time")
        if set(self.annotated) != set(self.spans):
            raise ValueError(f"{self.uri}: a known class without its time")


def make_recording(
    uri: str,
    wav: Path,
    header: AudioHeader,
    spans: Mapping[str, Timeline],
    annotated: Timeline | Mapping[str, Timeline] | None = None,
) -> Recording:
    """A recording whose classes are known inside the given time only.

    Arguments
    ---------
    uri : str
        Its identifier.
    wav : Path
        The audio file.
    header : AudioHeader
        Rate and length of the file.
    spans : Mapping[str, Timeline]
        For each annotated class its time, seconds.
    annotated : Timeline or Mapping[str, Timeline], optional
        Where all of them, or each of them, are annotated; by default from the
        start of the audio to its end.

    Returns
    -------
    Recording
    """
    whole = Timeline([Segment(0.0, header.duration)], uri=uri)
    if annotated is None:
        annotated = whole
    if isinstance(annotated, Timeline):
        annotated = dict.fromkeys(spans, annotated)
    cropped = {
        name: common_time(annotated[name], whole)
        for name in CLASSES
        if name in spans
    }
    known = {name: time for name, time in cropped.items() if time}
    inside = {name: common_time(spans[name], known[name]) for name in known}
    return Recording(uri, wav, header, inside, known)


def speaker_spans(turns: Annotation, where: str) -> dict[str, Timeline]:
    """Speech and overlapped speech of turns labelled with speakers.

    Arguments
    ---------
    turns : Annotation
        Turns, whose labels are speakers.
    where : str
        The annotation file, for the message.

    Returns
    -------
    dict[str, Timeline]
        Time of ``speech`` and of ``overlap``, seconds.

    Raises
    ------
    AnnotationError
        If a label is one of our classes: such a file says what is heard, not
        who speaks, and its music would become speech.

    Example
    -------
    >>> turns = Annotation(uri="show")
    >>> turns[Segment(0.0, 2.0), 1] = "Anna"
    >>> speaker_spans(turns, "show.rttm")["speech"].duration()
    2.0
    """
    labels = {str(label).lower() for label in turns.labels()}
    classes = sorted(labels & set(KNOWN_LABELS))
    if classes:
        raise AnnotationError(
            f"expected labels that are speakers, got '{classes[0]}', in "
            f"{where}; these are annotations of classes, not of speakers"
        )
    return {
        "speech": turns.get_timeline(copy=False).support(),
        "overlap": overlap_timeline(turns),
    }


def listed_spans(
    turns: Annotation, mapping: ClassMapping, where: str
) -> dict[str, Timeline]:
    """Time of the classes that a user listed; the log counts other turns.

    Arguments
    ---------
    turns : Annotation
        Turns, whose labels are classes.
    mapping : Mapping[str, tuple[str, ...]]
        From :func:`~explainable_seg.annotation.turns.label_mapping`.
    where : str
        The annotation file, for the message.

    Returns
    -------
    dict[str, Timeline]
        As :func:`~explainable_seg.annotation.turns.class_spans`.

    Raises
    ------
    AnnotationError
        If a label is no class.
    """
    spans = class_spans(turns, mapping, where)
    for label in turns.labels():
        if not mapping[str(label).lower()]:
            logger.info(
                "%s: %d turns of '%s', which is not among the labels, are "
                "passed over",
                where,
                len(turns.label_timeline(label)),
                label,
            )
    return spans


def only_entry(
    entries: Mapping[str, Entry],
    uri: str,
    path: str | os.PathLike[str],
    what: str = "turns",
) -> Entry:
    """What a file says of its recording; it is to speak of no other.

    Lines of a misspelt uri would be lost, and their time count as silence.

    Arguments
    ---------
    entries : Mapping[str, Entry]
        For each uri of the file its entry.
    uri : str
        The recording.
    path : str or os.PathLike
        The file, for the message.
    what : str
        What entries are, for the message.

    Returns
    -------
    Entry

    Raises
    ------
    CorpusError
        If the file says nothing of the recording, or something of another.
    """
    if set(entries) != {uri}:
        others = [other for other in entries if other != uri]
        raise CorpusError(
            f"expected {what} of {uri} alone, got "
            f"{' '.join(others[:9]) or 'none'}, in {path}; correct the uri"
        )
    return entries[uri]


def clip_turns(
    annotation: Annotation, duration: float, where: str
) -> Annotation:
    """Turns cut to ``[0, duration]``.

    Arguments
    ---------
    annotation : Annotation
        Turns, whose tracks are line numbers.
    duration : float
        Duration of the recording, seconds.
    where : str
        The annotation file, for the message.

    Returns
    -------
    Annotation
        The same turns inside the recording. Up to 0.05 s of excess, which
        rounding causes, is cut off and logged.

    Raises
    ------
    AnnotationError
        If a turn reaches further out.
    """
    check_extent(annotation.itertracks(), duration, where)
    clipped = Annotation(uri=annotation.uri)
    cut = 0
    for segment, line, label in annotation.itertracks(yield_label=True):
        inside = Segment(max(0.0, segment.start), min(duration, segment.end))
        cut += inside != segment
        clipped[inside, line] = label
    if cut:
        logger.warning("%s: cut %d turns to 0 .. %.3f s", where, cut, duration)
    return clipped


def check_extent(
    tracks: Iterable[tuple[Segment, object]], duration: float, where: str
) -> None:
    """Raise if a segment reaches more than 0.05 s out of its recording.

    Arguments
    ---------
    tracks : Iterable[tuple[Segment, object]]
        Segments in seconds, each with the number of its line.
    duration : float
        Duration of the recording, seconds.
    where : str
        The annotation file, for the message.

    Raises
    ------
    AnnotationError
        If one does.
    """
    for segment, line in tracks:
        if max(-segment.start, segment.end - duration) > EXCESS:
            place = f"{where}:{line}" if isinstance(line, int) else where
            raise AnnotationError(
                f"expected times within 0 to {duration:.3f} s, got "
                f"{segment.start:.3f} to {segment.end:.3f} s, in {place}; "
                "check that audio and annotation belong together"
            )


def convert(recording: Recording, folder: Path) -> Recording:
    """The recording with a 16 kHz mono FLAC copy as its audio.

    A copy that is there already, with the right length, is kept; so an
    interrupted preparation goes on where it stopped.

    Arguments
    ---------
    recording : Recording
        Channels are averaged.
    folder : Path
        Receives ``<uri>.flac``.

    Returns
    -------
    Recording
        The same, with the copy in place of the file.

    Raises
    ------
    AudioError
        If the audio cannot be decoded.
    """
    target = folder / f"{recording.uri}.flac"
    if not _is_whole(target, recording.header.duration):
        copy_at_16k(recording.wav, target, recording.header.duration)
    return replace(recording, wav=target, header=read_header(target))


def _is_whole(path: Path, duration: float) -> bool:
    """Whether a copy of that many seconds is there."""
    try:
        header = read_header(path)
    except AudioError:
        return False
    return (
        header.sample_rate == SAMPLE_RATE
        and abs(header.duration - duration) < 2 / SAMPLE_RATE
    )


CORPUS_SUFFIXES = (".wav", ".flac", ".sph")
"""Endings of the audio files that corpora are published with."""
Files = dict[str, list[Path]]


def find_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files with one of the endings, at all depths, in the order of paths.

    Hidden files and folders are passed over: archives made on a Mac hold a
    ``._show.wav`` beside each ``show.wav``.

    Arguments
    ---------
    folder : Path
        Where to search.
    suffixes : Sequence[str]
        Endings in lower case, with their dot.

    Returns
    -------
    list[Path]

    Raises
    ------
    CorpusError
        If the folder is not there.
    """
    if not folder.is_dir():
        raise CorpusError(
            f"expected a folder, got none, in {folder}; check the data folder"
        )
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        )
        and path.is_file()
    )


def check_apart(
    data: str | os.PathLike[str], output: str | os.PathLike[str]
) -> None:
    """Raise if the output is to lie in a folder that is searched throughout.

    A second run would find what the first one wrote.

    Arguments
    ---------
    data : str or os.PathLike
        The data folder.
    output : str or os.PathLike
        The output folder.

    Raises
    ------
    CorpusError
        If the output folder is the data folder or lies in it.
    """
    if Path(output).resolve().is_relative_to(Path(data).resolve()):
        raise CorpusError(
            f"expected an output folder outside the data folder {data}, got "
            f"one inside, in {output}; choose another output folder"
        )


def match_files(
    names: Iterable[str],
    files: Iterable[Path],
    what: str,
    folder: Path,
    key: Callable[[str], str] = str,
) -> dict[str, Path]:
    """The one file of each name.

    Arguments
    ---------
    names : Iterable[str]
        Names of recordings.
    files : Iterable[Path]
        Files, from :func:`find_files`.
    what : str
        What they are, for the message: ``audio`` or ``annotation``.
    folder : Path
        Where they were searched, for the message.
    key : callable
        What of a name or of the stem of a file is compared, accents
        composed.

    Returns
    -------
    dict[str, Path]
        For each name its file.

    Raises
    ------
    CorpusError
        If a name has no file, or several; all such names are listed.
    """
    by_key: Files = {}
    for path in files:
        by_key.setdefault(key(composed(path.stem)), []).append(path)
    matches = {name: by_key.get(key(composed(name)), []) for name in names}
    wrong = {name: found for name, found in matches.items() if len(found) != 1}
    if wrong:
        raise CorpusError(
            f"expected one {what} file a recording, got {_listed(wrong)}, in "
            f"{folder}; complete the folder or correct the lists"
        )
    return {name: found[0] for name, found in matches.items()}


def _listed(wrong: Mapping[str, Sequence[Path]], most: int = 20) -> str:
    """Names with what was found for them, the first ones in full."""
    shown = [
        f"{name}: {' and '.join(map(str, found)) or 'none'}"
        for name, found in list(wrong.items())[:most]
    ]
    more = len(wrong) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def without_zeros(name: str) -> str:
    """A name whose numbers carry no leading zeros.

    The files of the 3/24 TV sessions and the uris inside them disagree.

    Example
    -------
    >>> without_zeros("session01")
    'session1'
    """
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)


LIST_NAMES = {
    "train": ("train", "trn"),
    "dev": ("dev", "dev1"),
    "test": ("test", "tst"),
}
LIST_SUFFIXES = (".txt", ".lst")


def find_lists(data: Path) -> dict[str, Path]:
    """The list of each part, at any depth: ``train.txt``, ``tst.lst``...

    Arguments
    ---------
    data : Path
        Folder of a corpus.

    Returns
    -------
    dict[str, Path]
        For each part that has a list, in the order train, dev, test.

    Raises
    ------
    CorpusError
        If a part has several lists.
    """
    files = find_files(data, LIST_SUFFIXES)
    lists: dict[str, Path] = {}
    for part, spellings in LIST_NAMES.items():
        found = [path for path in files if path.stem.lower() in spellings]
        if len(found) > 1:
            raise CorpusError(
                f"expected one list of the recordings of {part}, got "
                f"{' and '.join(map(str, found))}, in {data}; remove one"
            )
        if found:
            lists[part] = found[0]
    return lists


def check_disjoint(parts: Mapping[str, Iterable[str]]) -> None:
    """Raise if two parts share a recording: scores would be worth nothing.

    Arguments
    ---------
    parts : Mapping[str, Iterable[str]]
        For each part the names of its recordings.

    Raises
    ------
    CorpusError
        If a name is in two parts.
    """
    owner: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            if owner.setdefault(name, part) != part:
                raise CorpusError(
                    f"expected each recording in one part, got '{name}' in "
                    f"{owner[name]} and {part}; correct the lists"
                )


def hold_out(
    names: Sequence[str],
    share: float,
    seed: int,
    stratum: Callable[[str], str] = lambda name: "",
) -> tuple[list[str], list[str]]:
    """Recordings that are kept, and a seeded share that is held out.

    Each stratum gives its share, rounded; at least one recording is held out
    and at least one is kept.

    Arguments
    ---------
    names : Sequence[str]
        Names of recordings; their order does not matter.
    share : float
        Share to hold out, in (0, 1).
    seed : int
        Seed of the choice.
    stratum : callable
        Group of a name, for instance its domain.

    Returns
    -------
    tuple[list[str], list[str]]
        Kept and held-out names, each sorted.

    Raises
    ------
    CorpusError
        If there are fewer than two names, the share is not in (0, 1) or the
        seed is negative.

    Example
    -------
    >>> kept, held_out = hold_out(list("abcdefgh"), share=0.25, seed=0)
    >>> len(kept), len(held_out)
    (6, 2)
    """
    if len(names) < 2 or not 0 < share < 1:
        raise CorpusError(
            f"expected at least 2 recordings and a share between 0 and 1 to "
            f"hold out, got {len(names)} and {share}, in the training part; "
            "give a list of development recordings"
        )
    if seed < 0:
        raise CorpusError(f"expected a seed from 0, got {seed}, in the options")
    rng = np.random.default_rng(seed)
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(stratum(name), []).append(name)
    chosen: list[str] = []
    for group in sorted(groups):
        members = groups[group]
        drawn = rng.permutation(len(members))[: round(share * len(members))]
        chosen += [members[index] for index in drawn]
    if not chosen:
        chosen = [sorted(names)[rng.integers(len(names))]]
    held_out = set(chosen[: len(names) - 1])
    return sorted(set(names) - held_out), sorted(held_out)


def split_by_lists(
    names: Sequence[str], chosen: Sequence[str], where: str
) -> tuple[list[str], list[str]]:
    """Recordings that are kept, and those that a list names.

    Arguments
    ---------
    names : Sequence[str]
        Names of recordings.
    chosen : Sequence[str]
        Those to hold out.
    where : str
        The list, for the message.

    Returns
    -------
    tuple[list[str], list[str]]
        Kept and held-out names, in the order of ``names``.

    Raises
    ------
    CorpusError
        If the list names what is not there, or everything.
    """
    strange = sorted(set(chosen) - set(names))
    if strange or len(set(chosen)) == len(names):
        got = f"{' '.join(strange)} besides" if strange else "all of them"
        raise CorpusError(
            f"expected some of the {len(names)} training recordings, got "
            f"{got}, in {where}; correct the list"
        )
    held_out = set(chosen)
    return (
        [name for name in names if name not in held_out],
        [name for name in names if name in held_out],
    )
