"""Prepare the audio segmentation corpora of the Albayzin campaigns.

How the organisers' folders look is not published, so files are searched at all
depths of the data folder (or of the folders that the options name):

  <show>.wav (.flac, .sph)         audio
  <show>.rttm (.lab, .txt)         labels; one RTTM may hold several shows
  {train,trn}.{txt,lst}            shows that train, one a line
  {dev,dev1}.{txt,lst}             shows that tune; else a share of train
  {test,tst}.{txt,lst}             shows that test

Labels are those of one campaign: ``sp mu no``, which may overlap (2012,
2014), or ``sp mu sm sn ot``, of which exactly one holds (2010). There, whether
there is noise is unknown under ``sm`` and ``ot``. With ``--kind diarization``
labels are speakers (2016) and music and noise are unknown. Overlap is unknown
everywhere: it is hidden in ``sn``, or mostly rounding.

Example:

  python data_prep/albayzin_prepare.py \\
      --data_folder Albayzin2010 --output_folder prepared/albayzin
"""

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation import (
    ClassMapping,
    blanks_replaced,
    class_spans,
    composed,
    read_lab,
    read_list,
    read_rttm,
    time_without,
)
from explainable_seg.audio import read_header
from explainable_seg.corpora import (
    CORPUS_SUFFIXES,
    PreparationParser,
    Recording,
    check_apart,
    check_classes,
    check_disjoint,
    clip_turns,
    find_files,
    find_lists,
    hold_out,
    make_recording,
    match_files,
    read_parts,
    speaker_spans,
    with_dev,
    without_zeros,
    write_corpus,
)
from explainable_seg.errors import AnnotationError, CorpusError

logger = logging.getLogger(__name__)

ANNOTATION_SUFFIXES = (".rttm", ".lab", ".txt")
PRESENCE: ClassMapping = {
    **dict.fromkeys(("sp", "speech"), ("speech",)),
    **dict.fromkeys(("mu", "music"), ("music",)),
    **dict.fromkeys(("no", "noise"), ("noise",)),
}
EXCLUSIVE: ClassMapping = {
    **dict.fromkeys(("sp", "speech"), ("speech",)),
    **dict.fromkeys(("mu", "music"), ("music",)),
    "sm": ("speech", "music"),
    "sn": ("speech", "noise"),
    **dict.fromkeys(("ot", "other"), ()),
}
NOISE_UNKNOWN = ("sm", "ot", "other")
KINDS = ("segmentation", "diarization")


class Show(NamedTuple):
    """A show, its audio, and its labelled turns with their file."""

    name: str
    wav: Path
    turns: Annotation
    where: str


def prepare_albayzin(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    audio_folder: str | os.PathLike[str] | None = None,
    annotation_folder: str | os.PathLike[str] | None = None,
    kind: str = "segmentation",
    noise_in_sn: bool = True,
    dev_share: float = 0.1,
    seed: int = 0,
    convert: bool = False,
    processes: int = 1,
    skip_prep: bool = False,
) -> None:
    """Write manifests and normalised annotations of an Albayzin corpus.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The corpus; the head of this file shows what is searched.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``dev.csv``, ``test.csv``, ``rttm/``, ``uem/``
        and ``summary.json``.
    audio_folder : str or os.PathLike, optional
        Where audio is searched; by default the data folder.
    annotation_folder : str or os.PathLike, optional
        Where annotations are searched; by default the data folder.
    kind : str
        ``segmentation``, or ``diarization`` if labels are speakers.
    noise_in_sn : bool
        Whether ``sn`` says that there is noise. It also stands for speech
        outside a studio and for several voices at once. Without this, no
        label of 2010 says that there is noise: it is unknown everywhere.
    dev_share : float
        Without a list, the share of the training shows that tune.
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
        If a list or file is missing or matches twice, a class never occurs in
        a part, or labels of two campaigns are mixed.
    AnnotationError
        If an annotation breaks its format, holds an unknown label, or does
        not fit its audio.
    AudioError
        If an audio file cannot be read.
    """
    if skip_prep:
        return
    if kind not in KINDS:
        raise CorpusError(
            f"expected the kind {' or '.join(KINDS)}, got '{kind}', in the "
            "options"
        )
    data = Path(data_folder)
    check_apart(data, output_folder)
    names, lists = _read_lists(data, dev_share, seed)
    shows = [name for part in names.values() for name in part]
    folder = Path(audio_folder or data)
    wavs = find_files(folder, CORPUS_SUFFIXES)
    audio = match_files(shows, wavs, "audio", folder, without_zeros)
    folder = Path(annotation_folder or data)
    files, skipped = _annotation_files(folder, lists)
    turns, needless = _find_turns(shows, files, folder)
    parts = read_parts(
        {
            part: [Show(name, audio[name], *turns[name]) for name in members]
            for part, members in names.items()
        },
        _reader(kind, noise_in_sn, turns),
        processes,
        Path(output_folder) / "audio" if convert else None,
    )
    check_classes(with_dev(parts))
    used = set(audio.values())
    unlisted = {wav.name: "in no list" for wav in wavs if wav not in used}
    write_corpus(
        "albayzin",
        output_folder,
        parts,
        skipped | needless | unlisted,
        data_root=audio_folder or data,
    )


def _read_lists(
    data: Path, dev_share: float, seed: int
) -> tuple[dict[str, list[str]], set[Path]]:
    """Shows of each part, and the files that list them."""
    lists = find_lists(data)
    missing = [part for part in ("train", "test") if part not in lists]
    if missing:
        raise CorpusError(
            f"expected a list {missing[0]}.txt of shows, got none, in {data}; "
            "write one show a line"
        )
    names = {part: read_list(path) for part, path in lists.items()}
    if "dev" not in names:
        names["train"], names["dev"] = hold_out(names["train"], dev_share, seed)
    check_disjoint(names)
    ordered = {part: names[part] for part in ("train", "dev", "test")}
    return ordered, set(lists.values())


def _annotation_files(
    folder: Path, lists: set[Path]
) -> tuple[list[Path], dict[str, str]]:
    """Files that may be annotations; and those whose name says that they err."""
    files = [
        path
        for path in find_files(folder, ANNOTATION_SUFFIXES)
        if path not in lists
    ]
    wrong = {
        path.name: "marked WRONG" for path in files if "WRONG" in path.stem
    }
    for name in wrong:
        logger.warning("%s is left out: its name says WRONG", name)
    return [path for path in files if path.name not in wrong], wrong


def _find_turns(
    shows: Sequence[str], files: Sequence[Path], folder: Path
) -> tuple[dict[str, tuple[Annotation, str]], dict[str, str]]:
    """Turns of each show and the file they are in; and files without use.

    The uri inside an RTTM decides, the name of another file; both are compared
    without leading zeros. Files that hold several shows count only for a show
    that has no file of its own.
    """
    keys = {without_zeros(show) for show in shows}
    single: dict[str, list[tuple[Annotation, str]]] = {}
    merged: dict[str, list[tuple[Annotation, str]]] = {}
    for path in files:
        if (
            not _is_rttm(path)
            and without_zeros(composed(path.stem)) not in keys
        ):
            continue  # a README, another list
        turns = _read_turns(path)
        entries = single if len(turns) == 1 else merged
        for uri, annotation in turns.items():
            entries.setdefault(without_zeros(uri), []).append(
                (annotation, str(path))
            )
    found = {
        show: single.get(key) or merged.get(key) or []
        for show, key in ((show, without_zeros(show)) for show in shows)
    }
    wrong = {show: where for show, where in found.items() if len(where) != 1}
    if wrong:
        got = ", ".join(
            f"{show}: {' and '.join(path for _, path in where) or 'none'}"
            for show, where in wrong.items()
        )
        raise CorpusError(
            f"expected one {', '.join(ANNOTATION_SUFFIXES)} annotation a "
            f"show, got {got}, in {folder}; complete the folder or correct "
            "the lists"
        )
    for uri in sorted(set(merged) & set(single) & keys):
        logger.warning(
            "%s: %s is left out, which has a file of its own",
            " and ".join(path for _, path in merged[uri]),
            uri,
        )
    chosen = {show: where[0] for show, where in found.items()}
    used = {path for _, path in chosen.values()}
    several = {path for where in merged.values() for _, path in where}
    needless = dict.fromkeys(
        (Path(path).name for path in sorted(several - used)),
        "its shows have files of their own or are in no list",
    )
    # A misspelt uri looks like a show that nobody asked for.
    for uri in sorted({*single, *merged} - keys):
        for _, file in (single | merged)[uri]:
            if file in used:
                needless[f"{uri} in {Path(file).name}"] = "in no list"
                logger.warning("%s: %s is in no list, left out", file, uri)
    return chosen, needless


def _read_turns(path: Path) -> dict[str, Annotation]:
    """Labelled turns of each show in a file."""
    return (
        read_rttm(path)
        if _is_rttm(path)
        else {composed(path.stem): read_lab(path)}
    )


def _is_rttm(path: Path) -> bool:
    """Whether a file says itself of which shows it speaks."""
    return path.suffix.lower() == ".rttm"


def _reader(
    kind: str,
    noise_in_sn: bool,
    turns: Mapping[str, tuple[Annotation, str]],
) -> partial[Recording]:
    """What reads a show, once the labels have shown which campaign it is."""
    labels = {
        str(label).lower(): where
        for annotation, where in turns.values()
        for label in annotation.labels()
    }
    if kind == "diarization":
        classes = sorted(set(labels) & {*EXCLUSIVE, *PRESENCE})
        if classes:
            raise AnnotationError(
                f"expected labels that are speakers, got '{classes[0]}', in "
                f"{labels[classes[0]]}; leave --kind diarization away"
            )
        return partial(_read_show, mapping=None, noise_unknown=())
    exclusive = sorted(set(labels) & (set(EXCLUSIVE) - set(PRESENCE)))
    presence = sorted(set(labels) & (set(PRESENCE) - set(EXCLUSIVE)))
    if exclusive and presence:
        raise AnnotationError(
            f"expected labels of one campaign, got '{exclusive[0]}' of 2010 "
            f"and, in {labels[exclusive[0]]} and {labels[presence[0]]}, "
            f"'{presence[0]}' of 2012; prepare them one by one"
        )
    if not exclusive:
        return partial(_read_show, mapping=PRESENCE, noise_unknown=())
    mapping = EXCLUSIVE if noise_in_sn else {**EXCLUSIVE, "sn": ("speech",)}
    return partial(_read_show, mapping=mapping, noise_unknown=NOISE_UNKNOWN)


def _read_show(
    show: Show, mapping: ClassMapping | None, noise_unknown: Sequence[str]
) -> Recording:
    """Header and annotation of a show, checked."""
    uri, header = blanks_replaced(show.name), read_header(show.wav)
    turns = clip_turns(show.turns, header.duration, show.where)
    if mapping is None:
        speech = speaker_spans(turns, show.where)["speech"]
        return make_recording(uri, show.wav, header, {"speech": speech})
    _refuse_speakers(turns, mapping, show.where)
    spans = class_spans(turns, mapping, show.where)
    whole = Timeline([Segment(0.0, header.duration)])
    if not noise_unknown:
        return make_recording(uri, show.wav, header, spans)
    # Exactly one label holds at a time: where there is none, all is unknown.
    labelled = turns.get_timeline().support()
    unknown = time_without(whole, labelled)
    for segment, _, label in turns.itertracks(yield_label=True):
        if str(label).lower() in noise_unknown:
            unknown.add(segment)
    annotated = dict.fromkeys(spans, labelled)
    if "noise" in spans:
        annotated["noise"] = time_without(whole, unknown)
    return make_recording(uri, show.wav, header, spans, annotated)


def _refuse_speakers(
    turns: Annotation, mapping: ClassMapping, where: str
) -> None:
    """Raise if no label is a class: the file says who speaks."""
    labels = {str(label).lower() for label in turns.labels()}
    if labels and not labels & set(mapping):
        _, line, label = next(turns.itertracks(yield_label=True))
        raise AnnotationError(
            f"expected labels among {' '.join(mapping)}, got '{label}', in "
            f"{where}:{line}; if labels are speakers, use --kind diarization"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__)
    parser.add_argument("--audio_folder", help="where audio is searched")
    parser.add_argument(
        "--annotation_folder", help="where annotations are searched"
    )
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument(
        "--noise_unknown_in_sn",
        dest="noise_in_sn",
        action="store_false",
        help="sn does not say whether there is noise: it is unknown",
    )
    parser.add_argument(
        "--dev_share",
        type=float,
        default=0.1,
        help="without a list, share of the training shows (default: 0.1)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_convert()
    parser.run(prepare_albayzin, arguments)


if __name__ == "__main__":
    main()
