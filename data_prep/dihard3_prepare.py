"""Prepare DIHARD III: speech and overlapped speech in eleven domains.

Expected layout of the data folder, at most two folders deep, for the
development set (LDC2020E12, LDC2022S12) and the evaluation set (LDC2021E02,
LDC2022S14):

  <any>/data/flac/<id>.flac
  <any>/data/rttm/<id>.rttm        turns of speakers
  <any>/data/uem/<id>.uem          what is annotated; may have holes
  <any>/data/sad/<id>.lab          optional: checked against the turns
  <any>/data/uem_scoring/{core,full}/{all,<domain>}.uem    optional
  <any>/docs/recordings.tbl        domain of each recording, core or not

There is no training set: the development set trains, but for a list that you
name, or else a seeded share of each domain; the evaluation set tests. Music
and noise are unknown everywhere, and so is all time outside the UEM.

Example:

  python data_prep/dihard3_prepare.py \\
      --data_folder DIHARD3 --output_folder prepared/dihard3
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyannote.core import Timeline

from explainable_seg.annotation import (
    common_time,
    read_lab,
    read_list,
    read_rttm,
    read_uem,
)
from explainable_seg.audio import read_header
from explainable_seg.corpora import (
    PreparationParser,
    Recording,
    check_classes,
    check_extent,
    clip_turns,
    find_files,
    hold_out,
    make_recording,
    match_files,
    only_entry,
    published_count_notes,
    read_parts,
    speaker_spans,
    split_by_lists,
    with_dev,
    write_corpus,
)
from explainable_seg.errors import CorpusError

logger = logging.getLogger(__name__)

PREFIXES = {"dev": "DH_DEV_", "eval": "DH_EVAL_"}
PUBLISHED = {
    "full": {"dev": 254, "eval": 259},
    "core": {"dev": 181, "eval": 184},
}
YES = ("true", "1", "yes")
LAB_TOLERANCE = 0.1  # seconds between .lab and turns before a warning


@dataclass(frozen=True)
class Excerpt:
    """Files of a recording, and what the tables say of it."""

    uri: str
    flac: Path
    rttm: Path
    uem: Path
    lab: Path
    in_core: bool
    domain: str


def prepare_dihard3(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    subset: str = "full",
    dev_list: str | os.PathLike[str] | None = None,
    dev_share: float = 0.25,
    seed: int = 0,
    convert: bool = False,
    processes: int = 1,
    skip_prep: bool = False,
) -> None:
    """Write manifests and normalised annotations of DIHARD III.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The corpus; the head of this file shows the layout.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``dev.csv``, ``test.csv``, ``test_core.csv``,
        ``rttm/``, ``uem/`` and ``summary.json``.
    subset : str
        ``full``, or ``core``: the recordings balanced over domains.
    dev_list : str or os.PathLike, optional
        List of the recordings of the development set that tune instead of
        training.
    dev_share : float
        Without a list, the share of each domain that tunes.
    seed : int
        Seed of that choice.
    convert : bool
        Whether to copy the audio as 16 kHz mono; else it is read in place.
    processes : int
        How many read at once.
    skip_prep : bool
        Whether to do nothing, because it is done already.

    Raises
    ------
    CorpusError
        If a set or a file is missing, or core and domain of a recording are
        told nowhere.
    AnnotationError
        If an annotation breaks its format or does not fit its audio.
    AudioError
        If an audio file cannot be read.
    """
    if skip_prep:
        return
    if subset not in PUBLISHED:
        raise CorpusError(
            f"expected the subset full or core, got '{subset}', in the options"
        )
    sets, notes = _find_sets(Path(data_folder), subset)
    development, evaluation = sets["dev"], sets["eval"]
    train, dev = _split(development, dev_list, dev_share, seed)
    parts = read_parts(
        {
            "train": [development[uri] for uri in train],
            "dev": [development[uri] for uri in dev],
            "test": list(evaluation.values()),
        },
        _read_excerpt,
        processes,
        Path(output_folder) / "audio" if convert else None,
    )
    check_classes(with_dev(parts))
    core = [r for r in parts["test"] if evaluation[r.uri].in_core]
    write_corpus(
        "dihard3",
        output_folder,
        parts,
        notes=notes,
        data_root=data_folder,
        subsets={"test_core": core} if core else {},
    )


def _find_sets(
    data: Path, subset: str
) -> tuple[dict[str, dict[str, Excerpt]], list[str]]:
    """Excerpts of each set by uri, and where sets are not as published."""
    full = {
        name: _find_excerpts(root, name)
        for name, root in _find_roots(data).items()
    }
    core = {
        name: {uri: e for uri, e in found.items() if e.in_core}
        for name, found in full.items()
    }
    notes = _count_notes(PUBLISHED["core"], core, "core ")
    if subset == "core":
        return core, notes
    return full, notes + _count_notes(PUBLISHED["full"], full)


def _split(
    excerpts: Mapping[str, Excerpt],
    dev_list: str | os.PathLike[str] | None,
    dev_share: float,
    seed: int,
) -> tuple[list[str], list[str]]:
    """Names of those that train and of those that tune."""
    names = list(excerpts)
    if dev_list is None:
        return hold_out(
            names, dev_share, seed, lambda uri: excerpts[uri].domain
        )
    return split_by_lists(names, read_list(Path(dev_list)), str(dev_list))


def _count_notes(
    published: Mapping[str, int],
    sets: Mapping[str, Mapping[str, Excerpt]],
    prefix: str = "",
) -> list[str]:
    """Where a set is not as large as published."""
    return published_count_notes(
        {prefix + name: count for name, count in published.items()},
        {prefix + name: len(found) for name, found in sets.items()},
    )


def _find_roots(data: Path) -> dict[str, Path]:
    """Folder of each set: the one that holds ``data/flac``."""
    roots: dict[str, Path] = {}
    found = [
        flac.parent.parent
        for pattern in ("data/flac", "*/data/flac", "*/*/data/flac")
        for flac in sorted(data.glob(pattern))
    ]
    for root in found:
        for name, prefix in PREFIXES.items():
            if not any(root.glob(f"data/flac/{prefix}*.flac")):
                continue
            if name in roots:
                raise CorpusError(
                    f"expected one folder of the {name} set, got two, in "
                    f"{roots[name]} and {root}; give the folder of one release"
                )
            roots[name] = root
    missing = [name for name in PREFIXES if name not in roots]
    if missing:
        raise CorpusError(
            f"expected data/flac/{PREFIXES[missing[0]]}*.flac at most two "
            f"folders deep, got none, in {data}; unpack the {missing[0]} set "
            "there"
        )
    return roots


def _find_excerpts(root: Path, name: str) -> dict[str, Excerpt]:
    """Files and description of each recording of a set."""
    data = root / "data"
    flacs = [
        path
        for path in find_files(data / "flac", [".flac"])
        if path.stem.startswith(PREFIXES[name])
    ]
    uris = [path.stem for path in flacs]
    rttms, uems = (
        match_files(uris, find_files(data / kind, [f".{kind}"]), kind, data)
        for kind in ("rttm", "uem")
    )
    table = _read_table(root)
    return {
        flac.stem: Excerpt(
            uri=flac.stem,
            flac=flac,
            rttm=rttms[flac.stem],
            uem=uems[flac.stem],
            lab=data / "sad" / f"{flac.stem}.lab",
            in_core=_described(table, flac.stem, root)[0],
            domain=_described(table, flac.stem, root)[1],
        )
        for flac in flacs
    }


def _described(
    table: Mapping[str, tuple[bool, str]], uri: str, root: Path
) -> tuple[bool, str]:
    """Whether a recording is in core, and its domain."""
    if uri not in table:
        raise CorpusError(
            f"expected core and domain of {uri}, got no such row, in "
            f"{root}/docs/recordings.tbl or {root}/data/uem_scoring; "
            "complete the release"
        )
    return table[uri]


def _read_table(root: Path) -> dict[str, tuple[bool, str]]:
    """Core flag and domain of each recording, from wherever they are told.

    Older copies of the evaluation set lack the table, or a column of it; the
    scoring UEMs tell the same.
    """
    scoring = root / "data" / "uem_scoring"
    path = root / "docs" / "recordings.tbl"
    flags, domains = _read_columns(path) if path.is_file() else ({}, {})
    for path in sorted((scoring / "full").glob("[!.]*.uem")):
        if path.stem != "all":
            for uri in read_uem(path):
                domains.setdefault(uri, path.stem)
    if (scoring / "core" / "all.uem").is_file():
        core = read_uem(scoring / "core" / "all.uem")
        flags = {**{uri: uri in core for uri in domains}, **flags}
    return {uri: (flags[uri], domains[uri]) for uri in domains if uri in flags}


def _read_columns(path: Path) -> tuple[dict[str, bool], dict[str, str]]:
    """Core flags and domains of a table, whose columns have names."""
    names, *rows = _table_rows(path)
    names = [name.strip().lower() for name in names]
    flags = [name for name in names if "core" in name]
    core: dict[str, bool] = {}
    domains: dict[str, str] = {}
    for row in rows:
        fields = dict(zip(names, map(str.strip, row)))
        uri = fields.get("uri", "")
        if flags and flags[0] in fields:
            core[uri] = fields[flags[0]].lower() in YES
        if "domain" in fields:
            domains[uri] = fields["domain"]
    return core, domains


def _table_rows(path: Path) -> list[list[str]]:
    """Fields of each line: split at tabs, or at blanks where there are none."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = [line for line in text.lstrip("# ").splitlines() if line.strip()]
    rows = [line.split("\t" if "\t" in line else None) for line in lines]
    return rows or [[]]


def _read_excerpt(excerpt: Excerpt) -> Recording:
    """Header, annotated time and turns of a recording, checked."""
    header = read_header(excerpt.flac)
    annotated = only_entry(
        read_uem(excerpt.uem), excerpt.uri, excerpt.uem, "annotated time"
    )
    if not annotated:
        raise CorpusError(
            f"expected annotated time of {excerpt.uri}, got none, in "
            f"{excerpt.uem}; complete the release"
        )
    check_extent(
        ((span, None) for span in annotated),
        header.duration,
        str(excerpt.uem),
    )
    where = str(excerpt.rttm)
    found = read_rttm(excerpt.rttm)
    if not found:  # nobody speaks inside the UEM
        spans = {"speech": Timeline(), "overlap": Timeline()}
    else:
        turns = clip_turns(
            only_entry(found, excerpt.uri, where), header.duration, where
        )
        spans = speaker_spans(turns, where)
    if excerpt.lab.is_file():
        _compare_with_lab(excerpt, spans["speech"], header.duration)
    return make_recording(excerpt.uri, excerpt.flac, header, spans, annotated)


def _compare_with_lab(
    excerpt: Excerpt, speech: Timeline, duration: float
) -> None:
    """Warn if the .lab file is not the union of the turns."""
    lab = read_lab(excerpt.lab, duration).get_timeline().support()
    both = common_time(speech, lab).duration()
    apart = speech.duration() + lab.duration() - 2 * both
    if apart > LAB_TOLERANCE:
        logger.warning(
            "%s: %.2f s are speech in one of %s and %s alone",
            excerpt.uri,
            apart,
            excerpt.lab,
            excerpt.rttm,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__)
    parser.add_argument("--subset", choices=tuple(PUBLISHED), default="full")
    parser.add_argument(
        "--dev_list", help="recordings of the dev set that tune, one a line"
    )
    parser.add_argument(
        "--dev_share",
        type=float,
        default=0.25,
        help="without a list, share of each domain (default: 0.25)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_convert()
    parser.run(prepare_dihard3, arguments)


if __name__ == "__main__":
    main()
