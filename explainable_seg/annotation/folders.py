"""Annotation files as users keep them: one for all, or a folder of many."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from explainable_seg.errors import AnnotationError

Entry = TypeVar("Entry")


def read_folder(
    path: str | os.PathLike[str],
    suffix: str,
    read: Callable[[Path], dict[str, Entry]],
) -> dict[str, Entry]:
    """What a file says of each recording, or all files of a folder together.

    Arguments
    ---------
    path : str or os.PathLike
        A file, or a folder that is searched at all depths; hidden files are
        passed over.
    suffix : str
        Ending of the files of the folder, for instance ``.rttm``; capitals
        or not.
    read : Callable
        Reader of one file, which gives an entry for each uri.

    Returns
    -------
    dict[str, Entry]
        For each uri its entry, files in the order of their paths.

    Raises
    ------
    AnnotationError
        If the folder holds no such file, or two files speak of one recording.
    """
    folder = Path(path)
    if not folder.is_dir():
        return read(folder)
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() == suffix
        and not file.name.startswith(".")
        and file.is_file()
    )
    if not files:
        raise AnnotationError(
            f"expected {suffix} files, got none, in {path}; check the folder"
        )
    entries: dict[str, Entry] = {}
    owners: dict[str, Path] = {}
    for file in files:
        for uri, entry in read(file).items():
            if uri in entries:
                raise AnnotationError(
                    f"expected each recording in one file, got {uri} in "
                    f"{owners[uri]} and again, in {file}; remove one of them"
                )
            entries[uri], owners[uri] = entry, file
    return entries
