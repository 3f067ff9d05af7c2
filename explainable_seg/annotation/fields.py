"""What RTTM, UEM and the other blank-separated formats have in common."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from explainable_seg.errors import AnnotationError

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def uri_of(name: str | os.PathLike[str]) -> str:
    """Identifier of a recording: stem of its file, blanks replaced by ``_``.

    Example
    -------
    >>> uri_of("shows/late night.v2.wav")
    'late_night.v2'
    """
    return blanks_replaced(Path(name).stem)


def blanks_replaced(text: str) -> str:
    """Text that fits in one field: each run of blanks becomes ``_``.

    Example
    -------
    >>> blanks_replaced("Anna  Maria")
    'Anna_Maria'
    """
    return re.sub(r"\s+", "_", text.strip())


def read_fields(
    path: str | os.PathLike[str],
) -> Iterator[tuple[int, list[str]]]:
    """Lines of a text file, split at blanks, without comments and empty lines.

    Arguments
    ---------
    path : str or os.PathLike
        A UTF-8 text file; lines that start with ``;`` are comments.

    Yields
    ------
    tuple[int, list[str]]
        Line number, from 1, and the fields of the line.

    Raises
    ------
    AnnotationError
        If the file cannot be opened or is not UTF-8 text.
    """
    try:
        with open(path, encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                fields = line.split()
                if fields and not fields[0].startswith(";"):
                    yield number, fields
    except OSError as error:
        raise AnnotationError(
            f"expected a readable annotation file, got '{error.strerror}', "
            f"in {path}; check the path"
        ) from None
    except UnicodeDecodeError:
        raise AnnotationError(
            f"expected UTF-8 text, got other bytes, in {path}; "
            "check that it is an annotation file, or convert it to UTF-8"
        ) from None


def parse_seconds(text: str, name: str, where: str) -> float:
    """Finite number of seconds, with a decimal point.

    Arguments
    ---------
    text : str
        The field.
    name : str
        What the field is, for the message: ``onset``, ``end``...
    where : str
        File and line, for the message.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    AnnotationError
        If the field is not a plain decimal number: ``12,5``, ``nan``, ``1_0``.

    Example
    -------
    >>> parse_seconds("12.5", "onset", "show.rttm:3")
    12.5
    """
    if not NUMBER.fullmatch(text) or abs(float(text)) == float("inf"):
        raise AnnotationError(
            f"expected a number of seconds as {name}, got '{text}', "
            f"in {where}; write it with a decimal point"
        )
    return float(text)
