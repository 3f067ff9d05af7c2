"""Prepare your own data: a folder of audio and RTTM files.

Expected layout of the data folder; files are searched at all depths:

  <show>.wav (.flac, .sph)        audio
  <show>.rttm                     labels; one RTTM may hold several shows
  <show>.uem                      optional: the time that is annotated
  {train,dev,test}.txt            optional: shows of each part, one a line

A show belongs to the uri of its RTTM lines (blanks in its name become ``_``).
Labels are ``sp mu no ov`` (or speech, music, noise, overlap): say with
``--labels`` which of them were annotated; the others are unknown, not absent,
whatever lines they have.
With ``--speakers`` labels are names of speakers, which give speech and
overlap. Without lists, seeded shares of the shows tune and test.

With ``--scores FOLDER`` a show may lack labels, if another system's scores of
it are in that folder, in a file of its name (docs/black_boxes.md). Nothing is
known of it; without lists it is for training, and where no show has labels
only ``train.csv`` is written.

Example:

  python data_prep/custom_prepare.py --labels sp,mu \\
      --data_folder recordings --output_folder prepared/recordings
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from pyannote.core import Annotation, Timeline

from explainable_seg.annotation import (
    ClassMapping,
    blanks_replaced,
    label_mapping,
    read_list,
    read_rttm,
    read_uem,
    uri_of,
    without_audio_suffix,
)
from explainable_seg.audio import read_header
from explainable_seg.corpora import (
    PARTS,
    PreparationParser,
    Recording,
    check_apart,
    check_classes,
    check_disjoint,
    check_extent,
    clip_turns,
    find_files,
    find_lists,
    hold_out,
    listed_spans,
    make_recording,
    read_parts,
    scored_recordings,
    speaker_spans,
    write_corpus,
)
from explainable_seg.errors import CorpusError
from explainable_seg.files import AUDIO_EXTENSIONS

Entry = TypeVar("Entry")


class Show(NamedTuple):
    """A show, with its turns and its annotated time, each with their file.

    One without turns has scores of another system.
    """

    uri: str
    wav: Path
    turns: Annotation | None = None
    rttm: Path | None = None
    annotated: Timeline | None = None
    uem: Path | None = None


def prepare_custom(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    labels: str | Sequence[str] = ("sp", "mu", "no", "ov"),
    speakers: bool = False,
    dev_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    scores: str | os.PathLike[str] | None = None,
    allow_absent: bool = False,
    convert: bool = False,
    processes: int = 1,
    skip_prep: bool = False,
) -> None:
    """Write manifests and normalised annotations of a folder.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The folder; the head of this file shows the layout.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``dev.csv``, ``test.csv``, ``rttm/``, ``uem/``
        and ``summary.json``; of shows without labels alone no dev and test.
    labels : str or Sequence[str]
        Classes that were annotated, as a sequence or separated by commas.
    speakers : bool
        Whether labels are names of speakers; then speech and overlap are
        known, whatever ``labels`` says.
    dev_share : float
        Without lists, the share of the shows that tune.
    test_share : float
        Without lists, the share of the shows that test.
    seed : int
        Seed of that choice.
    scores : str or os.PathLike, optional
        Folder of other systems' scores, outside of the data folder; shows that
        have some need no labels.
    allow_absent : bool
        Whether a class that is annotated may occur in no show of a part.
    convert : bool
        Whether to copy the audio as 16 kHz mono; else it is read in place.
    processes : int
        How many read at once.
    skip_prep : bool
        Whether to do nothing, because it is done already.

    Raises
    ------
    CorpusError
        If a show has no annotation (and no scores) or an annotation no show,
        or lists name others.
    AnnotationError
        If an annotation breaks its format, holds an unknown label, or does
        not fit its audio.
    AudioError
        If an audio file cannot be read.
    """
    if skip_prep:
        return
    data = Path(data_folder)
    check_apart(data, output_folder)
    shows = _find_shows(data, scores)
    names = _part_names(data, shows, dev_share, test_share, seed)
    parts = read_parts(
        {part: [shows[name] for name in names[part]] for part in names},
        partial(
            _read_show, mapping=None if speakers else label_mapping(labels)
        ),
        processes,
        Path(output_folder) / "audio" if convert else None,
    )
    if not allow_absent:
        check_classes({"all": [r for part in parts.values() for r in part]})
    used = {name for part in names.values() for name in part}
    write_corpus(
        "custom",
        output_folder,
        parts,
        {
            show.wav.name: "in no list"
            for u, show in shows.items()
            if u not in used
        },
        data_root=data,
    )


def _find_shows(
    data: Path, scores: str | os.PathLike[str] | None
) -> dict[str, Show]:
    """Every show of the folder by its uri, sorted."""
    wavs: dict[str, Path] = {}
    for path in find_files(data, sorted(AUDIO_EXTENSIONS)):
        first = wavs.setdefault(uri_of(path), path)
        if first != path:
            raise CorpusError(
                f"expected a name for each show, got {uri_of(path)} for two, "
                f"in {first} and {path}; rename one"
            )
    turns = _by_uri(find_files(data, [".rttm"]), _read_turns)
    scored = set() if scores is None else _scored(data, scores)
    apart = sorted((set(wavs) ^ set(turns)) - (scored & set(wavs)))
    if apart or not wavs:
        missing = "no RTTM" if scores is None else "no RTTM and no scores"
        got = ", ".join(
            f"{uri}: {missing if uri in wavs else 'no audio'}"
            for uri in apart[:20]
        )
        raise CorpusError(
            f"expected audio and RTTM of each show, got {got or 'nothing'} "
            f"({len(apart)} in all), in {data}; complete the folder"
        )
    uems = _by_uri(find_files(data, [".uem"]), read_uem)
    for uri, (_, path) in uems.items():
        if uri not in wavs:
            raise CorpusError(
                f"expected annotated time of shows that are there, got {uri}, "
                f"in {path}; correct the uri in column 1"
            )
    return {
        uri: Show(
            uri, wavs[uri], *turns.get(uri, (None, None)), *uems.get(uri, ())
        )
        for uri in sorted(wavs)
    }


def _scored(data: Path, scores: str | os.PathLike[str]) -> set[str]:
    """Shows with scores, whose files are no labels of the data folder."""
    if Path(scores).resolve().is_relative_to(data.resolve()):
        raise CorpusError(
            f"expected scores outside of {data}, where RTTM files are labels, "
            f"got {scores}; name a data folder beside the scores"
        )
    return scored_recordings(scores)


def _by_uri(
    files: Iterable[Path], read: Callable[[Path], dict[str, Entry]]
) -> dict[str, tuple[Entry, Path]]:
    """What the files say of each show, and which of them says it."""
    entries: dict[str, tuple[Entry, Path]] = {}
    for path in files:
        for uri, entry in read(path).items():
            if uri in entries:
                raise CorpusError(
                    f"expected {uri} in one {path.suffix} file, got two, in "
                    f"{entries[uri][1]} and {path}; join them"
                )
            entries[uri] = (entry, path)
    return entries


def _read_turns(path: Path) -> dict[str, Annotation]:
    """Turns of each show; in an empty file, of the show it is named after."""
    return read_rttm(path) or {uri_of(path): Annotation(uri=uri_of(path))}


def _part_names(
    data: Path,
    shows: Mapping[str, Show],
    dev_share: float,
    test_share: float,
    seed: int,
) -> dict[str, list[str]]:
    """Shows of each part: from lists, or else by seeded shares."""
    lists = find_lists(data)
    if not lists:
        labelled = [uri for uri, show in shows.items() if show.rttm]
        others = [uri for uri in shows if uri not in labelled]
        if not labelled:
            return {"train": others}
        rest, test = hold_out(labelled, test_share, seed)
        train, dev = hold_out(rest, dev_share / (1 - test_share), seed)
        return {"train": [*train, *others], "dev": dev, "test": test}
    missing = [part for part in PARTS if part not in lists]
    if missing:
        raise CorpusError(
            f"expected lists of train, dev and test, got none of "
            f"{' and '.join(missing)}, in {data}; write all three or none"
        )
    names = {
        part: [
            blanks_replaced(without_audio_suffix(name))
            for name in read_list(lists[part])
        ]
        for part in PARTS
    }
    check_disjoint(names)
    strange = sorted({n for part in names.values() for n in part} - set(shows))
    if strange:
        raise CorpusError(
            f"expected shows that are there, got {' '.join(strange[:20])} "
            f"({len(strange)} in all), in the lists of {data}; correct them"
        )
    return names


def _read_show(show: Show, mapping: ClassMapping | None) -> Recording:
    """Header and annotation of a show, checked; no mapping for speakers."""
    header = read_header(show.wav)
    if show.turns is None:
        return make_recording(show.uri, show.wav, header, {})
    turns = clip_turns(show.turns, header.duration, str(show.rttm))
    if mapping is None:
        spans = speaker_spans(turns, str(show.rttm))
    else:
        spans = listed_spans(turns, mapping, str(show.rttm))
    if show.annotated is not None:
        check_extent(
            ((span, None) for span in show.annotated),
            header.duration,
            str(show.uem),
        )
    return make_recording(show.uri, show.wav, header, spans, show.annotated)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__, "audio and RTTM files")
    parser.add_argument(
        "--labels",
        default="sp,mu,no,ov",
        help="classes that were annotated (default: %(default)s)",
    )
    parser.add_argument(
        "--speakers", action="store_true", help="labels are speakers"
    )
    for part in ("dev", "test"):
        parser.add_argument(
            f"--{part}_share",
            type=float,
            default=0.1,
            help=f"without lists, share of shows for {part} (default: 0.1)",
        )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--scores",
        metavar="FOLDER",
        help="other systems' scores of shows that lack labels",
    )
    parser.add_argument(
        "--allow_absent",
        action="store_true",
        help="go on if a class that is annotated never occurs",
    )
    parser.add_convert()
    parser.run(prepare_custom, arguments)


if __name__ == "__main__":
    main()
