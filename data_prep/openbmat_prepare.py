"""Prepare OpenBMAT: minutes of television with music annotated.

Expected layout of the data folder, or of one folder in it (Zenodo 3381249):

  audio/<name>.wav
  annotations/tsv/{original,MD_mapping,MRLE_mapping}/<annotator>/<name>.tsv
  annotations/json/{original,MD_mapping,MRLE_mapping}.json
  annotations/bat/<annotator>.csv
  splits/splits.csv                             file_name,split: ten folds

The first of tsv, json and bat that is there is read (json also directly in
``annotations/``). Music is what most of the annotators hear; where they are
tied, or have left a gap, it is unknown. Speech, noise and overlap are unknown
everywhere. There is no official test part: the last fold tests, the one before
it tunes, the others train.

Example:

  python data_prep/openbmat_prepare.py \\
      --data_folder OpenBMAT --output_folder prepared/openbmat
"""

import csv
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation import (
    BMAT_LABELS,
    blanks_replaced,
    class_spans,
    composed,
    read_bmat_csv,
    read_bmat_json,
    read_bmat_tsv,
    time_without,
    vote,
)
from explainable_seg.audio import read_header
from explainable_seg.corpora import (
    PARTS,
    PreparationParser,
    Recording,
    check_classes,
    clip_turns,
    find_files,
    make_recording,
    match_files,
    read_parts,
    write_corpus,
)
from explainable_seg.errors import CorpusError

logger = logging.getLogger(__name__)

MAPPINGS = ("original", "MD_mapping", "MRLE_mapping", "RMLE_mapping")
N_FILES = 1647
N_ANNOTATORS = 3
GAP = 0.05  # seconds without annotation that rounding may leave


class Opinion(NamedTuple):
    """What an annotator says of an excerpt; None if it is yet to be read."""

    spans: Annotation | None
    where: str


class Excerpt(NamedTuple):
    """An excerpt, with what each annotator says of it."""

    name: str
    wav: Path
    opinions: dict[str, Opinion]


def prepare_openbmat(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    dev_folds: Sequence[int] | None = None,
    test_folds: Sequence[int] | None = None,
    mask_disagreement: bool = False,
    convert: bool = False,
    processes: int = 1,
    skip_prep: bool = False,
) -> None:
    """Write manifests and normalised annotations of OpenBMAT.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The corpus; the head of this file shows the layout.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``dev.csv``, ``test.csv``, ``rttm/``, ``uem/``
        and ``summary.json``.
    dev_folds : Sequence[int], optional
        Folds that tune; by default the last but one.
    test_folds : Sequence[int], optional
        Folds that test; by default the last one.
    mask_disagreement : bool
        Whether music is unknown wherever the annotators do not all agree.
    convert : bool
        Whether to copy the audio as 16 kHz mono; else it is read in place.
    processes : int
        How many read at once.
    skip_prep : bool
        Whether to do nothing, because it is done already.

    Raises
    ------
    CorpusError
        If a folder or file is missing, or a part gets no fold.
    AnnotationError
        If an annotation breaks its format, holds an unknown label, or does
        not fit its audio.
    AudioError
        If an audio file cannot be read.
    """
    if skip_prep:
        return
    root = _find_root(Path(data_folder))
    folds = _read_folds(root / "splits" / "splits.csv")
    wavs = find_files(root / "audio", [".wav", ".flac"])
    audio = match_files(folds, wavs, "audio", root / "audio")
    opinions = _read_opinions(root / "annotations", folds)
    parts = read_parts(
        {
            part: [
                Excerpt(
                    name,
                    audio[name],
                    {who: said[name] for who, said in opinions.items()},
                )
                for name in names
            ]
            for part, names in _parts(folds, dev_folds, test_folds).items()
        },
        partial(_read_excerpt, mask_disagreement=mask_disagreement),
        processes,
        Path(output_folder) / "audio" if convert else None,
    )
    check_classes({"all": [r for part in parts.values() for r in part]})
    skipped = {
        w.name: "in no fold" for w in wavs if composed(w.stem) not in folds
    }
    write_corpus(
        "openbmat",
        output_folder,
        parts,
        skipped,
        _notes(folds, opinions, list(skipped)),
        data_root=root,
    )


def _find_root(data: Path) -> Path:
    """The folder that holds ``audio``: the one given, or one inside it."""
    if (data / "audio").is_dir():
        return data
    roots = [p for p in sorted(data.glob("*")) if (p / "audio").is_dir()]
    if len(roots) != 1:
        got = " and ".join(map(str, roots)) or "none"
        raise CorpusError(
            f"expected one folder with audio/, got {got}, in {data}; give the "
            "folder of the unpacked corpus"
        )
    return roots[0]


def _read_folds(path: Path) -> dict[str, int]:
    """Fold of each excerpt."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        folds = {composed(row["file_name"]): int(row["split"]) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error):
        raise CorpusError(
            f"expected the table of folds, got no readable CSV file, in "
            f"{path}; complete the corpus"
        ) from None
    except (KeyError, TypeError, ValueError):
        raise CorpusError(
            f"expected the columns file_name and split with whole numbers, got "
            f"others, in {path}; copy the file again"
        ) from None
    if len(folds) != len(rows) or not folds:
        raise CorpusError(
            f"expected each file name once, got {len(rows)} rows for "
            f"{len(folds)} names, in {path}; copy the file again"
        )
    return folds


def _parts(
    folds: Mapping[str, int],
    dev_folds: Sequence[int] | None,
    test_folds: Sequence[int] | None,
) -> dict[str, list[str]]:
    """Names of each part, sorted."""
    known = sorted(set(folds.values()))
    test = set(test_folds or known[-1:])
    dev = set(dev_folds or [f for f in known if f not in test][-1:])
    if dev & test:
        raise CorpusError(
            f"expected dev and test folds that differ, got {sorted(dev)} and "
            f"{sorted(test)}, in the options"
        )
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for name in sorted(folds):
        fold = folds[name]
        part = "test" if fold in test else "dev" if fold in dev else "train"
        parts[part].append(name)
    if not all(parts.values()) or not dev | test <= set(known):
        raise CorpusError(
            f"expected folds for train, dev and test, got {sorted(dev)} for "
            f"dev and {sorted(test)} for test of {known}, in the options"
        )
    return parts


Opinions = dict[str, dict[str, Opinion]]


def _read_opinions(folder: Path, names: Mapping[str, int]) -> Opinions:
    """What each annotator says of each excerpt, and in which file."""
    tsv = _first(folder / "tsv" / mapping for mapping in MAPPINGS)
    json = _first(
        path / f"{mapping}.json"
        for path in (folder / "json", folder)
        for mapping in MAPPINGS
    )
    if tsv is not None:
        opinions = _find_tsvs(tsv, names)
    elif json is not None:
        opinions = {
            who: {
                name: Opinion(spans, f"{json}, {who}/{name}")
                for name, spans in said.items()
            }
            for who, said in read_bmat_json(json).items()
        }
    elif (folder / "bat").is_dir():
        opinions = {
            path.stem: {
                name: Opinion(spans, str(path))
                for name, spans in read_bmat_csv(path).items()
            }
            for path in find_files(folder / "bat", [".csv"])
        }
    else:
        opinions = {}
    if not opinions:
        raise CorpusError(
            f"expected tsv/, json/ or bat/ with annotations, got none, in "
            f"{folder}; complete the corpus"
        )
    for who, said in opinions.items():
        missing = sorted(set(names) - set(said))
        if missing:
            raise CorpusError(
                f"expected {who} to annotate each excerpt, got nothing for "
                f"{' '.join(missing[:20])} ({len(missing)} in all), in "
                f"{folder}; complete the corpus"
            )
    return opinions


def _first(paths: Iterable[Path]) -> Path | None:
    """The first path that is there."""
    return next((path for path in paths if path.exists()), None)


def _find_tsvs(folder: Path, names: Mapping[str, int]) -> Opinions:
    """Annotations in a folder an annotator, a file an excerpt."""
    opinions: Opinions = {}
    for annotator in sorted(p for p in folder.iterdir() if p.is_dir()):
        files = find_files(annotator, [".tsv"])
        if files:
            found = match_files(names, files, "annotation", annotator)
            opinions[annotator.name] = {
                name: Opinion(None, str(path)) for name, path in found.items()
            }
    return opinions


def _read_excerpt(excerpt: Excerpt, mask_disagreement: bool) -> Recording:
    """Header of an excerpt, and the outcome of the vote."""
    header = read_header(excerpt.wav)
    whole = Timeline([Segment(0.0, header.duration)])
    heard, unknown = [], Timeline()
    for who, (spans, where) in excerpt.opinions.items():
        if spans is None:
            spans = read_bmat_tsv(where, header.duration)
        said = clip_turns(spans, header.duration, where)
        heard.append(class_spans(said, BMAT_LABELS, where)["music"])
        for gap in time_without(whole, said.get_timeline()):
            if gap.duration > GAP:
                logger.warning(
                    "%s: %s annotated nothing from %.2f to %.2f s",
                    excerpt.name,
                    who,
                    *gap,
                )
                unknown.add(gap)
    outcome = vote(heard)
    unknown.update(outcome.tied)
    if mask_disagreement:
        unknown.update(outcome.disagreement)
    annotated = time_without(whole, unknown)
    return make_recording(
        blanks_replaced(excerpt.name),
        excerpt.wav,
        header,
        {"music": outcome.majority},
        annotated,
    )


def _notes(
    folds: Mapping[str, int], opinions: Opinions, in_no_fold: Sequence[str]
) -> list[str]:
    """Where the corpus is not as published; logged too."""
    notes = []
    if len(folds) != N_FILES:
        notes.append(f"{len(folds)} excerpts, published are {N_FILES}")
    if len(opinions) != N_ANNOTATORS:
        notes.append(f"{len(opinions)} annotators, published are 3")
    if in_no_fold:
        notes.append(f"audio in no fold: {' '.join(in_no_fold)}")
    for note in notes:
        logger.warning("%s", note)
    return notes


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__)
    for part, which in (("dev", "last but one"), ("test", "last")):
        parser.add_argument(
            f"--{part}_folds",
            type=int,
            nargs="+",
            metavar="FOLD",
            help=f"folds of the {part} part (default: the {which})",
        )
    parser.add_argument(
        "--mask_disagreement",
        action="store_true",
        help="music is unknown where not all annotators agree",
    )
    parser.add_convert()
    parser.run(prepare_openbmat, arguments)


if __name__ == "__main__":
    main()
