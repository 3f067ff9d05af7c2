"""Steps that the preparations of all corpora share.

A preparation first reads and checks everything, and only then writes: the
normalised annotations, then the manifests, then ``summary.json``. What it
writes depends on the corpus and the options alone, so a second run writes the
same bytes.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.classes import class_annotation
from explainable_seg.annotation.rttm import write_rttm
from explainable_seg.annotation.uem import write_uem
from explainable_seg.classes import CLASSES
from explainable_seg.data.manifest import Region, write_manifest
from explainable_seg.data.summary import summarise
from explainable_seg.errors import AnnotationError, AudioError, CorpusError
from explainable_seg.files import atomic_write_text, check_writable

logger = logging.getLogger(__name__)

AUDIO_SUFFIXES = (".wav", ".flac")
LOWEST_RATE = 8000  # Hz
EXCESS = 0.05  # seconds that rounding may put a turn outside its recording


@dataclass(frozen=True)
class Recording:
    """A whole recording, read and checked, before anything is written.

    Arguments
    ---------
    uri : str
        Its identifier.
    wav : Path
        The audio file.
    sample_rate : int
        Hz.
    n_samples : int
        Length at that rate.
    spans : dict[str, Timeline]
        For each annotated class its time, seconds.
    """

    uri: str
    wav: Path
    sample_rate: int
    n_samples: int
    spans: dict[str, Timeline]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.n_samples / self.sample_rate


def read_list(path: Path) -> list[str]:
    """Names in a list file, one a line.

    Raises
    ------
    CorpusError
        If the file cannot be read, is empty, or names something twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CorpusError(
            f"expected a list of names, got no readable text file, in {path}; "
            "check the data folder and the name of the list"
        ) from None
    names = [line.strip() for line in lines if line.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        got = f"{' '.join(twice)} again" if twice else "an empty list"
        raise CorpusError(
            f"expected each name once, got {got}, in {path}; correct the list"
        )
    return names


def check_disjoint(parts: Mapping[str, Sequence[str]]) -> None:
    """Raise if two parts share a recording: scores would be worth nothing.

    Arguments
    ---------
    parts : Mapping[str, Sequence[str]]
        For each part the names of its recordings.
    """
    owner: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            if owner.setdefault(name, part) != part:
                raise CorpusError(
                    f"expected each recording in one part, got '{name}' in "
                    f"{owner[name]} and {part}; correct the lists"
                )


def match_files(
    names: Iterable[str], folder: Path, suffixes: Sequence[str]
) -> dict[str, Path]:
    """The one file of each name.

    Arguments
    ---------
    names : Iterable[str]
        Stems of the files.
    folder : Path
        Where they lie.
    suffixes : Sequence[str]
        Endings that are accepted.

    Returns
    -------
    dict[str, Path]
        For each name its file.

    Raises
    ------
    CorpusError
        If a name has no file, or several; all such names are listed.
    """
    matches = {
        name: [
            folder / (name + suffix)
            for suffix in suffixes
            if (folder / (name + suffix)).is_file()
        ]
        for name in names
    }
    wrong = [name for name, files in matches.items() if len(files) != 1]
    if wrong:
        counts = ", ".join(f"{name}: {len(matches[name])}" for name in wrong)
        raise CorpusError(
            f"expected one {' or '.join(suffixes)} file a recording, got "
            f"{counts}, in {folder}; complete the folder or correct the lists"
        )
    return {name: files[0] for name, files in matches.items()}


def read_header(path: Path) -> tuple[int, int]:
    """Sample rate in Hz and number of samples, from the header of a file.

    Raises
    ------
    AudioError
        If the file is no audio, holds no samples, or has a rate below 8 kHz.
    """
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError):
        raise AudioError(
            f"expected an audio file, got something else, in {path}; "
            "copy the file again"
        ) from None
    if info.frames < 1 or info.samplerate < LOWEST_RATE:
        raise AudioError(
            f"expected samples at {LOWEST_RATE} Hz or more, got {info.frames} "
            f"samples at {info.samplerate} Hz, in {path}; copy the file again"
        )
    return info.samplerate, info.frames


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
    clipped = Annotation(uri=annotation.uri)
    cut = 0
    for segment, line, label in annotation.itertracks(yield_label=True):
        excess = max(-segment.start, segment.end - duration)
        if excess > EXCESS:
            raise AnnotationError(
                f"expected turns within 0 to {duration:.3f} s, got "
                f"{segment.start:.3f} to {segment.end:.3f} s, in {where}:"
                f"{line}; check that audio and annotation belong together"
            )
        cut += excess > 0
        inside = Segment(max(0.0, segment.start), min(duration, segment.end))
        clipped[inside, line] = label
    if cut:
        logger.warning("%s: cut %d turns to 0 .. %.3f s", where, cut, duration)
    return clipped


def check_classes(parts: Mapping[str, Sequence[Recording]]) -> None:
    """Raise if an annotated class never occurs; warn if a part lacks it.

    A class that is nowhere was not annotated: zeros would teach and score
    what nobody listened for.

    Arguments
    ---------
    parts : Mapping[str, Sequence[Recording]]
        For each part its recordings.
    """
    first = next(iter(parts.values()))[0]
    for name in first.spans:
        lacking = [
            part
            for part, recordings in parts.items()
            if not any(recording.spans[name] for recording in recordings)
        ]
        if len(lacking) == len(parts):
            raise CorpusError(
                f"expected some {name}, got none in {' '.join(lacking)}; "
                f"leave {name} out of the labels if it is not annotated"
            )
        if lacking:
            logger.warning("no %s in %s", name, " ".join(lacking))


def write_corpus(
    output_folder: str | os.PathLike[str],
    parts: Mapping[str, Sequence[Recording]],
    skipped: Mapping[str, str],
) -> None:
    """Write annotations, manifests and summary of a checked corpus.

    ``rttm/<uri>.rttm``, ``uem/<uri>.uem``, ``<part>.csv``, ``summary.json``.
    Old manifests go first: a manifest never stands beside annotations that it
    was not made with.

    Arguments
    ---------
    output_folder : str or os.PathLike
        Where to write.
    parts : Mapping[str, Sequence[Recording]]
        For each part its recordings.
    skipped : Mapping[str, str]
        For each file that is left out, why.
    """
    folder = Path(output_folder).resolve()
    check_writable(folder / "summary.json")
    for part in parts:
        (folder / f"{part}.csv").unlink(missing_ok=True)
    regions = {
        part: [_write_recording(folder, recording) for recording in recordings]
        for part, recordings in parts.items()
    }
    summary = {
        "parts": {part: summarise(rows) for part, rows in regions.items()},
        "skipped": dict(skipped),
    }
    for part, rows in regions.items():
        write_manifest(folder / f"{part}.csv", rows)
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    atomic_write_text(folder / "summary.json", text)
    logger.info("prepared %s: %s", folder, json.dumps(summary["parts"]))


def _write_recording(folder: Path, recording: Recording) -> Region:
    """Write the annotation of a recording that is annotated from end to end."""
    rttm = folder / "rttm" / f"{recording.uri}.rttm"
    uem = folder / "uem" / f"{recording.uri}.uem"
    write_rttm(rttm, class_annotation(recording.spans, recording.uri))
    whole = Segment(0.0, recording.duration)
    write_uem(uem, Timeline([whole], uri=recording.uri))
    return Region(
        id=recording.uri,
        duration=recording.duration,
        wav=str(recording.wav.resolve()),
        start=0,
        stop=recording.n_samples,
        sample_rate=recording.sample_rate,
        recording=recording.uri,
        rttm=str(rttm),
        uems={
            name: str(uem) if name in recording.spans else None
            for name in CLASSES
        },
    )
