"""Join prepared corpora into the mix that the paper trains on.

Each corpus is prepared on its own first, in a folder that bears its name:

  python data_prep/combined_prepare.py --output_folder prepared/combined \\
      --corpora prepared/albayzin prepared/openbmat prepared/allies \\
          prepared/dihard3 --student albayzin dihard3

``train.csv``, ``dev.csv`` and ``test.csv`` hold the rows of all corpora,
``train_student.csv`` those that train the student; IDs become
``<corpus>/<ID>``, from which training balances the corpora. A class that a
corpus does not annotate stays unknown there. One that nobody labelled
(``custom_prepare.py --scores``) has a ``train.csv`` alone.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from explainable_seg.corpora import (
    PARTS,
    PreparationParser,
    Region,
    read_manifest,
    write_manifest,
)
from explainable_seg.errors import CorpusError
from explainable_seg.files import atomic_write_json, check_writable

logger = logging.getLogger(__name__)

STUDENT = ("albayzin", "dihard3")  # in the paper; the teacher takes all


def prepare_combined(
    corpora: Sequence[str | os.PathLike[str]],
    output_folder: str | os.PathLike[str],
    student: Sequence[str] = STUDENT,
    skip_prep: bool = False,
) -> None:
    """Write the joined manifests and their summary.

    Arguments
    ---------
    corpora : Sequence[str or os.PathLike]
        Folders of their preparations; the name of a folder, or of a link to
        it, is the corpus'.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``train_student.csv``, ``dev.csv``,
        ``test.csv`` and ``summary.json``.
    student : Sequence[str]
        Corpora that train the student; those that are not here are left out.
    skip_prep : bool
        Whether to do nothing, because it is done already.

    Raises
    ------
    CorpusError
        If there is no corpus, or none for the student, or two of them have
        the same name or share a uri.
    ManifestError
        If a corpus is not prepared.
    """
    if skip_prep:
        return
    folders = _by_name(corpora)
    chosen = [name for name in student if name in folders]
    absent = [name for name in student if name not in folders]
    if absent:
        logger.warning("%s: not here to train the student", " ".join(absent))
    if not chosen:
        raise CorpusError(
            f"expected one of {' '.join(student)} to train the student, got "
            f"{' '.join(folders) or 'no corpus'}, in the options; prepare one"
        )
    rows = {
        part: {
            name: _read_rows(name, Path(folder) / f"{part}.csv")
            for name, folder in folders.items()
            if part == "train" or not _trains_alone(folder)
        }
        for part in PARTS
    }
    rows["train_student"] = {name: rows["train"][name] for name in chosen}
    _check_uris(rows)
    folder = Path(output_folder).resolve()
    for name in ("summary.json", *(f"{part}.csv" for part in rows)):
        check_writable(folder / name)
        (folder / name).unlink(missing_ok=True)
    for part, by_corpus in rows.items():
        regions = [row for found in by_corpus.values() for row in found]
        write_manifest(folder / f"{part}.csv", regions)
    summary = {
        part: {name: _summarise(found) for name, found in by_corpus.items()}
        for part, by_corpus in rows.items()
    }
    atomic_write_json(folder / "summary.json", {"parts": summary})
    logger.info("joined %s in %s", " ".join(folders), folder)


def _by_name(
    corpora: Sequence[str | os.PathLike[str]],
) -> dict[str, Path]:
    """Folder of each corpus."""
    folders: dict[str, Path] = {}
    for folder in map(Path, corpora):
        # As given: a link has the name of the corpus, its target may not.
        name = Path(os.path.abspath(folder)).name
        if name in folders:
            raise CorpusError(
                f"expected folders of different names, got {folders[name]} "
                f"and {folder}, in the corpora; rename one"
            )
        folders[name] = folder
    return folders


def _trains_alone(folder: Path) -> bool:
    """Whether a corpus has no part to judge by: nobody labelled it."""
    there = [(folder / f"{part}.csv").is_file() for part in PARTS]
    return there == [part == "train" for part in PARTS]


def _read_rows(corpus: str, path: Path) -> list[Region]:
    """Rows of a corpus, whose IDs name it."""
    return [
        replace(region, id=f"{corpus}/{region.id}")
        for region in read_manifest(path)
    ]


def _check_uris(rows: Mapping[str, Mapping[str, Sequence[Region]]]) -> None:
    """Raise if two corpora share a uri: annotations are found by it."""
    owner: dict[str, str] = {}
    for part in PARTS:
        for corpus, regions in rows[part].items():
            for region in regions:
                if owner.setdefault(region.recording, corpus) != corpus:
                    raise CorpusError(
                        f"expected each recording in one corpus, got "
                        f"{region.recording} in {owner[region.recording]} and "
                        f"{corpus}, in {part}; leave one of them out"
                    )


def _summarise(regions: Sequence[Region]) -> dict[str, float]:
    """Files and hours of a corpus in a part."""
    seconds = sum(region.duration for region in regions)
    return {
        "files": len({region.recording for region in regions}),
        "hours": round(seconds / 3600, 4),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__, folders=False)
    parser.add_argument(
        "--corpora",
        required=True,
        nargs="+",
        metavar="FOLDER",
        help="prepared corpora; the names of the folders are theirs",
    )
    parser.add_argument(
        "--student",
        nargs="+",
        default=STUDENT,
        metavar="NAME",
        help="corpora that train the student (default: %(default)s)",
    )
    parser.run(prepare_combined, arguments)


if __name__ == "__main__":
    main()
