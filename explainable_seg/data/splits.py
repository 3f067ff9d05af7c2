"""Parts of a corpus: which recordings train, tune and test."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from explainable_seg.data.matching import find_files
from explainable_seg.errors import CorpusError

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
