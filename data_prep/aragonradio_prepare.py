"""Prepare AragonRadio: broadcasts with speech, music and noise annotated.

Expected layout of the data folder:

  lists/AragonRadio/{train,dev1,test}.txt       one show a line, no suffix
  audio/AragonRadio/<show>.wav                  or .flac
  rttms_segmentation/AragonRadio/<show>.rttm    labels sp, mu, no (and ov)

Example:

  python data_prep/aragonradio_prepare.py \\
      --data_folder Albayzin --output_folder prepared/aragonradio
"""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from explainable_seg.annotation import (
    ClassMapping,
    blanks_replaced,
    label_mapping,
    read_list,
    read_rttm,
)
from explainable_seg.audio import read_header
from explainable_seg.corpora import (
    CORPUS_SUFFIXES,
    PreparationParser,
    Recording,
    check_classes,
    check_disjoint,
    clip_turns,
    find_files,
    listed_spans,
    make_recording,
    match_files,
    only_entry,
    published_count_notes,
    read_parts,
    write_corpus,
)

NAME = "AragonRadio"  # of the folder in lists, audio and annotations
# Of the diarization campaign of 2016; those of the segmentation are unknown.
PUBLISHED = {"dev": 32, "test": 72}


class Show(NamedTuple):
    """Name and files of a show."""

    name: str
    wav: Path
    rttm: Path


def prepare_aragonradio(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    labels: str | Sequence[str] = ("sp", "mu", "no"),
    train_list: str = "train.txt",
    dev_list: str = "dev1.txt",
    test_list: str = "test.txt",
    allow_absent: bool = False,
    convert: bool = False,
    processes: int = 1,
    skip_prep: bool = False,
) -> None:
    """Write manifests and normalised annotations of AragonRadio.

    Each show is one region, annotated from its start to its end.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The corpus; the head of this file shows the layout.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``dev.csv``, ``test.csv``, ``rttm/``, ``uem/``
        and ``summary.json``.
    labels : str or Sequence[str]
        Labels that the annotators used, as a sequence or separated by commas.
        A class without its label here is unknown, not absent. Add ``ov`` if
        overlapped speech is annotated.
    train_list : str
        Name of the list of training shows.
    dev_list : str
        Name of the list of development shows.
    test_list : str
        Name of the list of test shows.
    allow_absent : bool
        Whether a part may lack a class that is annotated.
    convert : bool
        Whether to copy the audio as 16 kHz mono; else it is read in place.
    processes : int
        How many read at once.
    skip_prep : bool
        Whether to do nothing, because it is done already.

    Raises
    ------
    CorpusError
        If a file is missing or matches twice, a show is in two lists, or a
        label never occurs in a part.
    AnnotationError
        If an annotation breaks its format, holds a label that is not in
        ``labels``, or does not fit its audio.
    AudioError
        If an audio file cannot be read.
    """
    if skip_prep:
        return
    data = Path(data_folder)
    lists = {"train": train_list, "dev": dev_list, "test": test_list}
    names = {
        part: read_list(data / "lists" / NAME / file)
        for part, file in lists.items()
    }
    check_disjoint(names)
    shows = [show for part in names.values() for show in part]
    folder = data / "audio" / NAME
    wavs = find_files(folder, CORPUS_SUFFIXES)
    audio = match_files(shows, wavs, "audio", folder)
    folder = data / "rttms_segmentation" / NAME
    rttms = match_files(
        shows, find_files(folder, [".rttm"]), "annotation", folder
    )
    mapping = label_mapping(labels)
    parts = read_parts(
        {
            part: [Show(name, audio[name], rttms[name]) for name in names[part]]
            for part in names
        },
        partial(_read_show, mapping=mapping),
        processes,
        Path(output_folder) / "audio" if convert else None,
    )
    used = set(audio.values())
    if not allow_absent:
        check_classes(parts)
    write_corpus(
        # Corpora that annotate overlap share the layout only.
        "custom" if mapping["overlap"] else "aragonradio",
        output_folder,
        parts,
        skipped={w.name: "in no list" for w in wavs if w not in used},
        notes=_notes(mapping, names),
        data_root=data,
    )


def _notes(
    mapping: ClassMapping, names: Mapping[str, Sequence[str]]
) -> list[str]:
    """Parts of another size than published; corpora with ``ov`` are others."""
    if mapping["overlap"]:
        return []
    counts = {part: len(names[part]) for part in PUBLISHED}
    return published_count_notes(PUBLISHED, counts)


def _read_show(show: Show, mapping: ClassMapping) -> Recording:
    """Header and annotation of a show, checked."""
    header = read_header(show.wav)
    uri = blanks_replaced(show.name)
    where = str(show.rttm)
    annotation = only_entry(read_rttm(show.rttm), uri, where)
    turns = clip_turns(annotation, header.duration, where)
    spans = listed_spans(turns, mapping, where)
    return make_recording(uri, show.wav, header, spans)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__)
    parser.add_argument(
        "--labels",
        default="sp,mu,no",
        help="labels of the annotation; add ov if overlap is annotated",
    )
    parser.add_argument("--train_list", default="train.txt")
    parser.add_argument("--dev_list", default="dev1.txt")
    parser.add_argument("--test_list", default="test.txt")
    parser.add_argument(
        "--allow_absent",
        action="store_true",
        help="go on if a part lacks a class that is annotated",
    )
    parser.add_convert()
    parser.run(prepare_aragonradio, arguments)


if __name__ == "__main__":
    main()
