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
from collections.abc import Sequence
from pathlib import Path

from explainable_seg.annotation.classes import CLASS_LABELS, class_spans
from explainable_seg.annotation.fields import blanks_replaced
from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.classes import parse_class
from explainable_seg.data.command_line import PreparationParser
from explainable_seg.data.preparation import (
    AUDIO_SUFFIXES,
    Recording,
    check_classes,
    check_disjoint,
    clip_turns,
    match_files,
    read_header,
    read_list,
    write_corpus,
)
from explainable_seg.errors import CorpusError

NAME = "AragonRadio"  # of the folder in lists, audio and annotations


def prepare_aragonradio(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    labels: str | Sequence[str] = ("sp", "mu", "no"),
    train_list: str = "train.txt",
    dev_list: str = "dev1.txt",
    test_list: str = "test.txt",
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
    skip_prep : bool
        Whether to do nothing, because it is done already.

    Raises
    ------
    CorpusError
        If a file is missing or matches twice, a show is in two lists, or a
        label never occurs.
    AnnotationError
        If an annotation breaks its format, holds a label that is not in
        ``labels``, or does not fit its audio.
    AudioError
        If an audio file cannot be read.
    """
    if skip_prep:
        return
    data = Path(data_folder)
    names = {
        part: read_list(data / "lists" / NAME / file)
        for part, file in (
            ("train", train_list),
            ("dev", dev_list),
            ("test", test_list),
        )
    }
    check_disjoint(names)
    shows = [show for part in names.values() for show in part]
    audio = match_files(shows, data / "audio" / NAME, AUDIO_SUFFIXES)
    rttms = match_files(shows, data / "rttms_segmentation" / NAME, [".rttm"])
    mapping = _label_mapping(labels)
    parts = {
        part: [
            _read_show(show, audio[show], rttms[show], mapping)
            for show in names[part]
        ]
        for part in names
    }
    check_classes(parts)
    write_corpus(output_folder, parts, _unlisted(data / "audio" / NAME, shows))


def _label_mapping(labels: str | Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Both spellings of the chosen labels, with their class."""
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",")]
    chosen = {parse_class(label, "the labels") for label in labels}
    return {
        label: classes
        for label, classes in CLASS_LABELS.items()
        if classes[0] in chosen
    }


def _read_show(
    show: str, wav: Path, rttm: Path, mapping: dict[str, tuple[str, ...]]
) -> Recording:
    """Header and annotation of a show, checked."""
    sample_rate, n_samples = read_header(wav)
    uri = blanks_replaced(show)
    annotations = read_rttm(rttm)
    if uri not in annotations:
        found = " ".join(annotations) or "no turn at all"
        raise CorpusError(
            f"expected turns of {uri}, got {found}, in {rttm}; "
            "correct column 2, or take the show out of its list"
        )
    turns = clip_turns(annotations[uri], n_samples / sample_rate, str(rttm))
    return Recording(
        uri=uri,
        wav=wav,
        sample_rate=sample_rate,
        n_samples=n_samples,
        spans=class_spans(turns, mapping, str(rttm)),
    )


def _unlisted(folder: Path, shows: list[str]) -> dict[str, str]:
    """Audio files that no list names."""
    return {
        path.name: "in no list"
        for path in sorted(folder.iterdir())
        if path.suffix in AUDIO_SUFFIXES and path.stem not in set(shows)
    }


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
    parser.run(prepare_aragonradio, arguments)


if __name__ == "__main__":
    main()
