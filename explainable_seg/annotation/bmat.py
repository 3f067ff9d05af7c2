"""The labels of OpenBMAT: relative loudness of music.

Three annotators labelled one-minute excerpts of television. What they said
lies on disk three times: as the export of their tool (``bat``), and, made from
it, as one TSV file an excerpt and as one JSON file; the latter two with the
original classes and with two coarser sets (MRLE, MD). A spelling means the
same wherever it stands.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pyannote.core import Annotation

from explainable_seg.annotation.fields import (
    composed,
    parse_span,
    quoted,
    read_fields,
    read_text,
    uri_of,
    without_audio_suffix,
)
from explainable_seg.annotation.turns import (
    ClassMapping,
    Turn,
    annotation_of,
    annotations_of,
    rounded_turns,
    turns_by_uri,
)
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_json, atomic_write_text

BMAT_LABELS: ClassMapping = {
    "1_music": ("music",),
    "2_fgmusic": ("music",),
    "3_similar": ("music",),
    "4_bgmusic": ("music",),
    "5_bgmusicvl": ("music",),
    "6_nomusic": (),
    "music": ("music",),
    "fg-music": ("music",),
    "similar": ("music",),
    "bg-music": ("music",),
    "bgvl-music": ("music",),
    "no-music": (),
}
"""What each label of OpenBMAT says of music.

Nothing is said of speech, noise and overlap: they are unknown in every
frame, even where a label is "no-music"."""


def read_bmat_csv(path: str | os.PathLike[str]) -> dict[str, Annotation]:
    """Read an export of OpenBMAT's annotation tool.

    Arguments
    ---------
    path : str or os.PathLike
        The file; seven columns.

    Returns
    -------
    dict[str, Annotation]
        For each uri, in order of appearance, its spans in seconds, with the
        class codes as text. The track of a span is its line number. Spans of
        no duration are left out, and counted in the log.

    Raises
    ------
    AnnotationError
        If the file cannot be read or is no CSV, or a line has another number
        of columns, a bad number, an end before its start, or no name or code.
    """
    reader = csv.reader(io.StringIO(read_text(path)), strict=True)
    turns = []
    try:
        for row in reader:
            if row:
                turns.append(_parse_csv_row(row, reader.line_num, path))
    except csv.Error as error:
        raise AnnotationError(
            f"expected comma-separated values, got '{error}', in {path}:"
            f"{reader.line_num}; check the quotes of the line"
        ) from None
    return annotations_of(path, turns)


def _parse_csv_row(
    row: list[str], line: int, path: str | os.PathLike[str]
) -> Turn:
    """One line, checked."""
    where = f"{path}:{line}"
    if len(row) != 7:
        raise AnnotationError(
            f"expected 7 columns, got {len(row)}, in {where}; "
            "take the file of the folder annotations/bat"
        )
    name, start, end, label = (
        composed(" ".join(cell.split())) for cell in row[1:5]
    )
    if not name or not label:
        raise AnnotationError(
            f"expected a file name and a class code in columns 2 and 5, got "
            f"{quoted(name)} and {quoted(label)}, in {where}; complete the line"
        )
    span = parse_span(start, end, where)
    return Turn(without_audio_suffix(name), "1", *span, label, line)


def write_bmat_csv(
    path: str | os.PathLike[str],
    annotations: Annotation | Mapping[str, Annotation],
) -> None:
    """Write spans as the annotation tool exports them, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write; times are rounded to 0.1 ms.
    annotations : Annotation or Mapping[str, Annotation]
        One recording, with its ``uri``, or several by uri. Blanks in uris and
        labels become ``_``. Column 1 is a running number, columns 6 and 7 are
        empty.

    Raises
    ------
    AnnotationError
        If a uri or a label is empty.
    """
    spans = [
        (f"{uri}.wav", f"{start:.4f}", f"{end:.4f}", label)
        for uri, turns in turns_by_uri(annotations, path)
        for start, end, label in turns
    ]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for number, span in enumerate(spans, start=1):
        writer.writerow((number, *span, "", ""))
    atomic_write_text(path, stream.getvalue())


MEMBERS = ("annotations", "agreement")
SPAN = ("start", "end", "class")


def read_bmat_json(
    path: str | os.PathLike[str],
) -> dict[str, dict[str, Annotation]]:
    """Read a JSON file of OpenBMAT.

    Arguments
    ---------
    path : str or os.PathLike
        The file.

    Returns
    -------
    dict[str, dict[str, Annotation]]
        For each annotator and uri, in the order of the file, the spans in
        seconds, with the classes as text. The track of a span is its number
        in the file. Spans of no duration are left out, and counted in the
        log.

    Raises
    ------
    AnnotationError
        If the file cannot be read, is no JSON, has another shape, names
        something twice, or a span has a bad number or an end before its
        start.
    """
    tree = _members(_load(path), f"{path}")
    if "annotations" not in tree:
        raise AnnotationError(
            f"expected a member 'annotations', got none, in {path}; "
            "check that it is an annotation file of OpenBMAT"
        )
    _check_known(tree, MEMBERS, f"{path}")
    return {
        annotator: {
            uri: _read_recording(path, uri, spans, f"{path}, {annotator}/{uri}")
            for uri, spans in _members(
                recordings, f"{path}, {annotator}"
            ).items()
        }
        for annotator, recordings in _members(
            tree["annotations"], f"{path}, annotations"
        ).items()
    }


def _load(path: str | os.PathLike[str]) -> Any:
    """Parsed file; a member that stands twice is an error, not an update."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = {composed(name): value for name, value in pairs}
        if len(members) < len(pairs):
            raise ValueError("a name that stands twice in one object")
        return members

    try:
        return json.loads(read_text(path), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(
            f"expected JSON, got '{error}', in {path}; copy the file again"
        ) from None


def _members(value: Any, where: str) -> dict[str, Any]:
    """A JSON object whose names can stand in a list, a path or a message."""
    if not isinstance(value, dict):
        raise AnnotationError(
            f"expected an object with names, got {_type(value)}, in "
            f"{where}; check the shape of the file"
        )
    for name in value:
        if not name.isprintable() or not name.strip():
            raise AnnotationError(
                f"expected a printable name, got {ascii(name)}, in {where}; "
                "correct the name"
            )
    return value


def _check_known(
    members: Mapping[str, Any], known: tuple[str, ...], where: str
) -> None:
    """Raise if an object has a member that we would not read."""
    for name in members:
        if name not in known:
            raise AnnotationError(
                f"expected members among {' '.join(known)}, got "
                f"{quoted(name)}, in {where}; correct the name, or remove it"
            )


def _read_recording(
    path: str | os.PathLike[str], uri: str, spans: Any, where: str
) -> Annotation:
    """Spans of one recording as one annotator saw it."""
    members = _members(spans, where)
    for key in members:
        if not re.fullmatch("[0-9]{1,9}", key):
            raise AnnotationError(
                f"expected running numbers, got {quoted(key)}, in {where}; "
                "number the spans 0, 1, 2..."
            )
    return annotation_of(path, uri, _parse_spans(members, where))


def _parse_spans(
    members: Mapping[str, Any], where: str
) -> Iterator[tuple[float, float, str, int]]:
    """Spans in the order of their numbers: ``"10"`` comes after ``"9"``."""
    for key in sorted(members, key=int):
        place = f"{where}/{key}"
        span = _members(members[key], place)
        _check_known(span, SPAN, place)
        start, end = (_number(span.get(name)) for name in ("start", "end"))
        label = span.get("class")
        if not isinstance(label, str) or not label.isprintable():
            got = ascii(label) if isinstance(label, str) else _type(label)
            raise AnnotationError(
                f"expected a class as text, got {got}, in {place}; "
                "correct the class"
            )
        yield *parse_span(start, end, place), label, int(key)


def _number(value: Any) -> str:
    """A JSON number as text; of anything else the name of its type."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return _type(value)


def _type(value: Any) -> str:
    """What a JSON value is, for the message."""
    return type(value).__name__


def write_bmat_json(
    path: str | os.PathLike[str],
    annotators: Mapping[str, Mapping[str, Annotation]],
) -> None:
    """Write a JSON file of OpenBMAT, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write; times are rounded to 0.1 ms.
    annotators : Mapping[str, Mapping[str, Annotation]]
        For each annotator and uri the spans. Blanks in labels become ``_``.

    Raises
    ------
    AnnotationError
        If a label is empty.
    """
    tree = {
        annotator: {
            uri: {
                str(number): {"start": start, "end": end, "class": label}
                for number, (start, end, label) in enumerate(
                    rounded_turns(annotation, path)
                )
            }
            for uri, annotation in recordings.items()
        }
        for annotator, recordings in annotators.items()
    }
    content = {"annotations": tree}
    atomic_write_json(path, content, indent=None, ensure_ascii=False)


def read_bmat_tsv(
    path: str | os.PathLike[str], duration: float | None = None
) -> Annotation:
    """Read a TSV file of OpenBMAT.

    Arguments
    ---------
    path : str or os.PathLike
        The file. It may hold nothing but the name of a class, which then
        stands for the whole recording.
    duration : float
        Duration of the recording, seconds; needed in that case only.

    Returns
    -------
    Annotation
        Spans in seconds, of the recording that the file is named after, with
        the classes as text. The track of a span is its line number. Spans of
        no duration are left out, and counted in the log.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has another number of fields, a
        bad number or an end before its start, or if the duration is needed
        and not given.
    """
    lines = list(read_fields(path))
    if len(lines) == 1 and len(lines[0][1]) == 1:
        ((line, (label,)),) = lines
        if duration is None:
            raise AnnotationError(
                f"expected 3 fields (start end class) or the duration, got "
                f"{quoted(label)} alone, in {path}:{line}; give the duration of the "
                "recording that the class stands for"
            )
        rows = [(0.0, duration, label, line)]
    else:
        rows = [_parse_tsv_row(row, line, path) for line, row in lines]
    return annotation_of(path, uri_of(path), rows)


def _parse_tsv_row(
    fields: list[str], line: int, path: str | os.PathLike[str]
) -> tuple[float, float, str, int]:
    """One line, checked."""
    where = f"{path}:{line}"
    if len(fields) != 3:
        raise AnnotationError(
            f"expected 3 fields (start end class), got {len(fields)}, in "
            f"{where}; correct the line"
        )
    return *parse_span(fields[0], fields[1], where), fields[2], line


def write_bmat_tsv(
    path: str | os.PathLike[str], annotation: Annotation
) -> None:
    """Write a TSV file of OpenBMAT, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write; times are rounded to 0.1 ms.
    annotation : Annotation
        The spans of one recording. Blanks in labels become ``_``.

    Raises
    ------
    AnnotationError
        If a label is empty.
    """
    lines = [
        f"{start:.4f}\t{end:.4f}\t{label}\n"
        for start, end, label in rounded_turns(annotation, path)
    ]
    atomic_write_text(path, "".join(lines))
