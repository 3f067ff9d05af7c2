"""Lists of recordings: one name a line."""

import os
from collections import Counter
from collections.abc import Sequence

from explainable_seg.annotation.fields import composed, read_text
from explainable_seg.errors import AnnotationError, CorpusError
from explainable_seg.files import atomic_write_text


def read_list(path: str | os.PathLike[str]) -> list[str]:
    """Read a list file.

    Arguments
    ---------
    path : str or os.PathLike
        The file; UTF-8, any line ends, the last one may be missing.

    Returns
    -------
    list[str]
        The names in their order, without blanks around them and with
        composed accents. A name is kept as it stands otherwise, with the
        suffix of an audio file if it has one.

    Raises
    ------
    CorpusError
        If the file cannot be read, is empty, or names something twice.
    """
    try:
        text = read_text(path)
    except AnnotationError as error:
        raise CorpusError(
            f"expected a list of names, got no readable text file: {error}"
        ) from None
    return _names(composed(text), path)


def _names(text: str, path: str | os.PathLike[str]) -> list[str]:
    """Names in the text of a list file, checked."""
    names = [line.strip() for line in text.split("\n") if line.strip()]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice or not names:
        shown = " ".join(twice[:9])
        got = f"{shown} again" if twice else "an empty list"
        raise CorpusError(
            f"expected each name once, got {got}, in {path}; correct the list"
        )
    return names


def write_list(path: str | os.PathLike[str], names: Sequence[str]) -> None:
    """Write a list file, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    names : Sequence[str]
        The names in their order.

    Raises
    ------
    CorpusError
        If there are none, or one stands twice or does not fit in a line.
    """
    text = "".join(f"{name}\n" for name in names)
    if _names(text.replace("\r", "\n"), path) != list(names):
        raise CorpusError(
            f"expected names of one line without blanks around them, got "
            f"others, in {path}; correct the names"
        )
    atomic_write_text(path, text)
