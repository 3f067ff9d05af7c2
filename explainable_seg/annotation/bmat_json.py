"""OpenBMAT's JSON: all annotators and all excerpts in one file.

``{"annotations": {<annotator>: {<name>: {"0": {"start": <s>, "end": <s>,
"class": <class>}, "1": ...}}}}``, times in seconds. A second member,
``agreement``, is ignored: it has lost the classes.
"""

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
    read_text,
)
from explainable_seg.annotation.turns import annotation_of, rounded_turns
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_json

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
