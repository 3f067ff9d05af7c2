"""Scores of other systems: how likely they hold a class, frame by frame.

An archive has a system that runs, or several of them, whose files lie in a
folder, one for each recording and named after it. Which of their labels is
which class stands in the settings. Scores are opinions, not truth: they are
targets of a training, never a reference to score by.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import numpy as np

from explainable_seg.annotation import uri_of
from explainable_seg.audio import read_header
from explainable_seg.classes import CLASSES, KNOWN_LABELS, class_order
from explainable_seg.corpora.manifest import Region
from explainable_seg.corpora.recording import find_files
from explainable_seg.corpora.score_formats import READERS
from explainable_seg.errors import CorpusError, SettingsError
from explainable_seg.frames import (
    FRAME_STEP,
    SAMPLE_RATE,
    UNKNOWN,
    Span,
    frame_spans,
    num_frames,
)

# Between a score and a label, which is 0 or 1. Both ends are exact enough in
# 16 bits, and have finite logits.
LEAST = 0.001
SETTINGS = ("folder", "classes", "columns", "corpora")
SHAPE = "{folder: FOLDER, classes: {speech: pyannote/speech}}"


@dataclass(frozen=True)
class ScoreSource:
    """Where scores are, and which of them is which class.

    A name is ``SYSTEM/LABEL`` or ``LABEL``. A system is a folder in the folder,
    or else an array in the ``.npz`` of a recording, whose columns the settings
    name. Of several names of a class the highest score counts.

    Arguments
    ---------
    folder : pathlib.Path
        Searched at all depths.
    classes : Mapping[str, Sequence[str]]
        For each class that is scored the names of what stands for it.
    columns : Mapping[str, Sequence[str]]
        For each array of two dimensions the labels of its columns.
    corpora : Sequence[str], optional
        Corpora whose recordings have scores; by default all have.
    """

    folder: Path
    classes: Mapping[str, Sequence[str]]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    corpora: Optional[Sequence[str]] = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "ScoreSource":
        """A source as the key ``scores`` of a recipe has it.

        Arguments
        ---------
        settings : Mapping[str, Any]
            With ``folder`` and ``classes``, a name or a list of them a class;
            maybe ``columns`` and ``corpora``.

        Returns
        -------
        ScoreSource

        Raises
        ------
        SettingsError
            If a key is missing or unknown, or has no such value.

        Example
        -------
        >>> names = {"ov": "pyannote/several", "music": ["ina/music"]}
        >>> source = ScoreSource.of({"folder": "scores", "classes": names})
        >>> source.classes["overlap"], source.classes["music"]
        (('pyannote/several',), ('ina/music',))
        """
        given = settings if isinstance(settings, Mapping) else {}
        strange = [str(key) for key in given if key not in SETTINGS]
        if strange or not {"folder", "classes"} <= given.keys():
            raise SettingsError(
                f"expected a folder and classes, got "
                f"{', '.join(strange) or settings}, in the setting 'scores'; "
                f"write it as {SHAPE}"
            )
        classes = {
            KNOWN_LABELS.get(str(name), str(name)): names
            for name, names in _lists(given, "classes").items()
        }
        try:
            order = class_order(classes)
        except ValueError as error:
            raise SettingsError(
                f"{error}, in the classes of the setting 'scores'; correct it"
            ) from None
        corpora = given.get("corpora")
        return cls(
            Path(str(given["folder"])),
            {name: classes[name] for name in order},
            _lists(given, "columns"),
            None if corpora is None else _names(corpora, "corpora"),
        )

    def covers(self, region: Region) -> bool:
        """Whether the recording of a region has scores."""
        return self.corpora is None or region.corpus in self.corpora

    def find(self) -> Callable[[str], dict[str, tuple[Path, str]]]:
        """Look the folder through, once.

        Returns
        -------
        callable
            Takes the uri of a recording; gives for each name of the classes
            the file, and the name within. It raises a CorpusError if there is
            no file, or more than one.

        Raises
        ------
        CorpusError
            If there is no such folder.
        """
        if not self.folder.is_dir():
            raise CorpusError(
                f"expected a folder of scores, got none, in {self.folder}; "
                "correct the setting 'scores'"
            )
        roots: dict[str, tuple[Path, str]] = {}
        for name in (n for names in self.classes.values() for n in names):
            system, slash, label = name.partition("/")
            own = bool(slash) and (self.folder / system).is_dir()
            root = self.folder / system if own else self.folder
            roots[name] = (root, label if own else name)
        files = {root: _by_uri(root) for root, _ in roots.values()}

        def of_recording(uri: str) -> dict[str, tuple[Path, str]]:
            return {
                name: (_only(files[root].get(uri, []), uri, root), within)
                for name, (root, within) in roots.items()
            }

        return of_recording


def _lists(settings: Mapping[str, Any], key: str) -> dict[str, tuple[str, ...]]:
    """Keys with one name or several, as keys with several."""
    given = settings.get(key) or {}
    if not isinstance(given, Mapping):
        raise SettingsError(
            f"expected names by their keys, got '{given}', in {key} of the "
            f"setting 'scores'; write it as {SHAPE}"
        )
    return {str(name): _names(value, key) for name, value in given.items()}


def _names(value: Any, key: str) -> tuple[str, ...]:
    """One name or several, as several."""
    names = [value] if isinstance(value, str) else value
    if not (
        isinstance(names, (list, tuple))
        and names
        and all(isinstance(name, str) and name for name in names)
    ):
        raise SettingsError(
            f"expected a name or a list of names, got '{value}', in {key} of "
            "the setting 'scores'; correct it"
        )
    return tuple(names)


def _by_uri(root: Path) -> dict[str, list[Path]]:
    """Files of scores in a folder, by the recordings they are named after."""
    files: dict[str, list[Path]] = {}
    for path in find_files(root, list(READERS)):
        files.setdefault(uri_of(path), []).append(path)
    return files


def _only(files: Sequence[Path], uri: str, root: Path) -> Path:
    """The one file of a recording."""
    if len(files) != 1:
        found = " and ".join(map(str, files)) or "none"
        raise CorpusError(
            f"expected one file of scores of {uri} ({' '.join(READERS)}), got "
            f"{found}, in {root}; name one after each recording, or say "
            "by 'corpora' which recordings have scores"
        )
    return files[0]


class Scores:
    """Scores of recordings, read and checked, on the frame grid.

    They are kept in memory: 0.36 MB an hour and class.

    Arguments
    ---------
    source : ScoreSource
        Where they are.
    regions : Iterable[Region]
        Rows of a manifest; each that the source covers must have scores.

    Raises
    ------
    CorpusError
        If scores are missing, of another length, or not in [0, 1]; or if a
        label occurs in no file.
    AnnotationError
        If a file breaks its format.
    """

    def __init__(self, source: ScoreSource, regions: Iterable[Region]):
        self.source = source
        self.columns = [CLASSES.index(name) for name in source.classes]
        self._scores: dict[str, np.ndarray] = {}
        self._seen: set[str] = set()  # names that were found somewhere
        covered = [region for region in regions if source.covers(region)]
        if not covered:
            raise CorpusError(
                f"expected recordings with scores, got none, of the corpora "
                f"{', '.join(source.corpora or ())}; correct 'corpora' of the "
                "setting 'scores'"
            )
        find = source.find()
        for region in covered:
            if region.recording not in self._scores:
                self._scores[region.recording] = self._read(region, find)
        names = {n for names in source.classes.values() for n in names}
        missing = sorted(names - self._seen)
        if missing:
            raise CorpusError(
                f"expected each label somewhere, got {', '.join(missing)} in "
                f"none of {len(self._scores)} recordings, in {source.folder}; "
                "correct the classes of the setting 'scores'"
            )

    def over(
        self, targets: np.ndarray, region: Region, start_s: float = 0.0
    ) -> np.ndarray:
        """Targets, with scores in place of them where there are scores.

        Arguments
        ---------
        targets : np.ndarray [shape=(T, 4)]
            1, 0 or -1 (unknown) of a stretch of a region.
        region : Region
            A row of the manifest.
        start_s : float
            Where the stretch starts in the region, seconds.

        Returns
        -------
        np.ndarray [shape=(T, 4), dtype=float16]
            Scores lie between 0 and 1, and are never equal to one of them.
        """
        laid = targets.astype(np.float16)
        if self.source.covers(region):
            first = round((region.start_s + start_s) / FRAME_STEP)
            rows = self._scores[region.recording][first : first + len(laid)]
            laid[: len(rows), self.columns] = rows
        return laid

    def spans(self, region: Region, name: str) -> Optional[list[Span]]:
        """Where a class is more likely than not.

        Arguments
        ---------
        region : Region
            A row of the manifest.
        name : str
            The class.

        Returns
        -------
        list[tuple[float, float]] or None
            In seconds of the region; None if it has no score of the class.
        """
        if name not in self.source.classes or not self.source.covers(region):
            return None
        n_frames = num_frames(round(region.duration * SAMPLE_RATE))
        unknown = np.full((n_frames, len(CLASSES)), UNKNOWN)
        likely = self.over(unknown, region)[:, CLASSES.index(name)] > 0.5
        return frame_spans(likely, region.duration)

    def _read(
        self,
        region: Region,
        find: Callable[[str], dict[str, tuple[Path, str]]],
    ) -> np.ndarray:
        """Scores [T, S] of a recording."""
        files = find(region.recording)
        duration = read_header(region.wav).duration
        said = {
            path: READERS[path.suffix.lower()](
                path, region.recording, duration, self.source.columns
            )
            for path in {path for path, _ in files.values()}
        }
        found: dict[str, np.ndarray] = {}
        for name, (path, label) in files.items():
            found[name], there = said[path].of(label)
            if there:
                self._seen.add(name)
        scores = [
            np.max([found[name] for name in names], axis=0)
            for names in self.source.classes.values()
        ]
        return np.clip(np.stack(scores, axis=1), LEAST, 1 - LEAST).astype(
            np.float16
        )


def score_files(
    source: ScoreSource, regions: Iterable[Region]
) -> dict[str, list[str]]:
    """Files that scores are read from, by recording.

    Arguments
    ---------
    source : ScoreSource
        Where they are.
    regions : Iterable[Region]
        Rows of a manifest.

    Returns
    -------
    dict[str, list]
        Of those that the source covers; paths in the order of the names.

    Raises
    ------
    CorpusError
        If a recording has no file, or more than one.
    """
    find = source.find()
    covered = (r.recording for r in regions if source.covers(r))
    return {
        uri: [str(path) for path, _ in find(uri).values()]
        for uri in dict.fromkeys(covered)
    }


def scored_recordings(folder: str | os.PathLike[str]) -> set[str]:
    """Recordings that a folder of scores has files of.

    Arguments
    ---------
    folder : str or os.PathLike
        Searched at all depths.

    Returns
    -------
    set[str]
        Their uris, after which the files are named.

    Raises
    ------
    CorpusError
        If there is no such folder.
    """
    return set(_by_uri(Path(folder)))
