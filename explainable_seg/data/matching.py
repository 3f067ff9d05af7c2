"""Which file of a corpus belongs to which recording."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from explainable_seg.annotation.fields import composed
from explainable_seg.errors import CorpusError

CORPUS_SUFFIXES = (".wav", ".flac", ".sph")
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
