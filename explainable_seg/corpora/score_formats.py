"""Readers of what other systems write of a recording.

A reader takes the file, the uri and the seconds of the recording, and the
labels of the columns of arrays; it gives values on the frame grid.
"""

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyannote.core import Segment

from explainable_seg.annotation import read_rttm
from explainable_seg.corpora.recording import check_extent, only_entry
from explainable_seg.errors import AnnotationError, CorpusError, first_line
from explainable_seg.frames import SAMPLE_RATE, frame_targets, num_frames

ANY, SEVERAL = "any", "several"  # labels: whichever, and two at once
TOLERANCE = 1  # frames: what resampling adds or takes
# What NumPy raises for a file that is broken, or holds one array alone.
BROKEN = (
    AttributeError,
    EOFError,
    OSError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)

Turns = list[tuple[float, float, str]]
"""Start and end in seconds, label."""


@dataclass(frozen=True)
class Said:
    """What a file says of its recording.

    Arguments
    ---------
    path : pathlib.Path
        The file.
    values : Mapping[str, np.ndarray]
        For each label its values [T] in [0, 1].
    n_frames : int
        Number of frames T.
    is_hard : bool
        Whether it holds decisions: a label that was never found is not named.
    """

    path: Path
    values: Mapping[str, np.ndarray]
    n_frames: int
    is_hard: bool

    def of(self, label: str) -> tuple[np.ndarray, bool]:
        """Values of a label.

        Arguments
        ---------
        label : str
            As the file has it; of an array ``NAME/COLUMN``.

        Returns
        -------
        tuple[np.ndarray, bool]
            Values [T], and whether the file names the label.

        Raises
        ------
        CorpusError
            If a file of probabilities has none of it.
        """
        if label in self.values:
            return self.values[label], True
        if self.is_hard:
            return np.zeros(self.n_frames), False
        known = " ".join(self.values) or "none"
        raise CorpusError(
            f"expected scores of {label}, got {known}, in {self.path}; correct "
            "the classes of the setting 'scores', or name the columns of an "
            "array by 'columns'"
        )


def _checked(
    values: np.ndarray, path: Path, name: str, duration: float
) -> np.ndarray:
    """Scores [T, n], or an error for what is none."""
    n_frames = num_frames(round(duration * SAMPLE_RATE))
    if abs(len(values) - n_frames) > TOLERANCE or not len(values):
        raise CorpusError(
            f"expected {n_frames} frames of scores (50 a second), got "
            f"{len(values)} of {name}, in {path}; check that recording and "
            "scores belong together"
        )
    if values.dtype.kind not in "fiub":
        raise CorpusError(
            f"expected numbers, got {values.dtype} of {name}, in {path}; write "
            "the scores again"
        )
    inside = (values >= 0) & (values <= 1)  # false of no number
    if not inside.all():
        row = int(np.argmin(inside.reshape(len(values), -1).all(axis=1)))
        raise CorpusError(
            f"expected scores from 0 to 1, got {values[row].tolist()} of "
            f"{name} in frame {row}, in {path}; write probabilities, not logits"
        )
    # The last frame stands for one more, or for none.
    padded = np.pad(values, ((0, TOLERANCE), (0, 0)), mode="edge")
    return padded[:n_frames].astype(np.float32)


def _read_npz(
    path: Path, uri: str, duration: float, columns: Mapping[str, Sequence[str]]
) -> Said:
    """Arrays [T], or [T, n] whose columns are named."""
    values: dict[str, np.ndarray] = {}
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except BROKEN as error:
        raise CorpusError(
            f"expected arrays of NumPy, got '{first_line(error)}', in {path}; "
            "write the scores again"
        ) from None
    for name, array in arrays.items():
        labels = columns.get(name)
        if labels is None and array.ndim == 1:
            values[name] = _checked(array[:, None], path, name, duration)[:, 0]
        elif labels is not None:
            if array.ndim != 2 or array.shape[1] != len(labels):
                raise CorpusError(
                    f"expected an array [T, {len(labels)}] of "
                    f"{', '.join(labels)}, got {list(array.shape)}, for {name} "
                    f"in {path}; correct 'columns' of the setting 'scores'"
                )
            checked = _checked(array, path, name, duration)
            for label, column in zip(labels, checked.T):
                values[f"{name}/{label}"] = column
    return Said(path, values, num_frames(round(duration * SAMPLE_RATE)), False)


def _of_turns(turns: Turns, path: Path, duration: float) -> Said:
    """Hard decisions, on the frame grid."""
    check_extent(
        ((Segment(start, end), None) for start, end, _ in turns),
        duration,
        str(path),
    )
    n_frames = num_frames(round(duration * SAMPLE_RATE))
    values = {
        label: frame_targets(
            [(start, end) for start, end, own in turns if own == label],
            n_frames,
        )
        for label in dict.fromkeys(label for _, _, label in turns)
    }
    if values:
        at_once = np.sum(np.stack([*values.values()]), axis=0)
        values.setdefault(ANY, np.greater_equal(at_once, 1))
        values.setdefault(SEVERAL, np.greater_equal(at_once, 2))
    return Said(path, values, n_frames, True)


def _read_rttm(path: Path, uri: str, duration: float, _: object) -> Said:
    """Turns of an RTTM file; one without lines says that there is nothing."""
    entries = read_rttm(path)
    tracks = (
        only_entry(entries, uri, path).itertracks(yield_label=True)
        if entries
        else ()
    )
    turns = [(s.start, s.end, str(label)) for s, _, label in tracks]
    return _of_turns(turns, path, duration)


def _read_table(path: Path, uri: str, duration: float, _: object) -> Said:
    """Segments of inaSpeechSegmenter, or of ``segment --format csv``."""
    text = _text(path)
    head = text.partition("\n")[0]
    rows = csv.DictReader(
        io.StringIO(text), delimiter="\t" if "\t" in head else ","
    )
    return _of_turns([_turn(row, path) for row in rows], path, duration)


def _read_json(path: Path, uri: str, duration: float, _: object) -> Said:
    """Of ``segment --format json``, or what pyannote writes."""
    try:
        content = json.loads(_text(path))
    except ValueError as error:
        raise _no_scores(path, first_line(error)) from None
    if not isinstance(content, dict):
        raise _no_scores(path, type(content).__name__)
    probabilities = content.get("probabilities")
    if probabilities:
        return _of_probabilities(content, path, duration)
    for key in ("segments", "content", "diarization"):
        if isinstance(content.get(key), list):
            turns = [_turn(entry, path) for entry in content[key]]
            return _of_turns(turns, path, duration)
    raise _no_scores(path, ", ".join(content) or "nothing")


def _of_probabilities(
    content: Mapping[str, Any], path: Path, duration: float
) -> Said:
    """Probabilities of our own models."""
    try:
        values = np.array(content["probabilities"], dtype=np.float32)
        labels = [str(name) for name in content["classes"]]
        fits = values.shape == (len(values), len(labels))
    except (KeyError, TypeError, ValueError) as error:
        raise _no_scores(path, first_line(error)) from None
    if not fits or content.get("start", 0):
        raise _no_scores(path, "part of a recording, or other columns")
    columns = _checked(values, path, "probabilities", duration).T
    return Said(path, dict(zip(labels, columns)), columns.shape[1], False)


def _turn(row: Any, path: Path) -> tuple[float, float, str]:
    """Start, end and label of a segment, by any of their names."""
    try:
        whole = {str(name): value for name, value in dict(row).items()}
        whole |= whole.get("segment") or {}
        start, end = (
            float(next(whole[name] for name in names if name in whole))
            for names in (("start",), ("end", "stop"))
        )
        if not 0 <= end - start < np.inf:
            raise ValueError(f"{start} to {end} s")
    except (TypeError, ValueError, StopIteration, RuntimeError) as error:
        raise _no_scores(path, first_line(error)) from None
    labels = [whole.get(name) for name in ("label", "labels", "speaker")]
    return start, end, str(next((x for x in labels if x is not None), ANY))


def _text(path: Path) -> str:
    """Content of a text file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _no_scores(path, first_line(error)) from None


def _no_scores(path: Path, got: str) -> AnnotationError:
    """Error for a file of another content."""
    return AnnotationError(
        f"expected segments with start, end and label, or probabilities of "
        f"classes, got '{got}', in {path}; write the scores again, or as RTTM"
    )


READERS: dict[str, Callable[[Path, str, float, Any], Said]] = {
    ".npz": _read_npz,
    ".rttm": _read_rttm,
    ".csv": _read_table,
    ".json": _read_json,
}
