"""Prepare ALLIES: French television and radio, transcribed.

Expected layout of the data folder, either a folder a part

  <part>/**/<show>.{wav,trs}

or flat folders with a list a part, of shows with or without suffix:

  wav/<show>.wav  trs/<show>.trs (or mdtm/<show>.mdtm)  uem/<show>.uem
  <part>.{lst,txt,list}

Parts are Train, DiarTest-SeenShows, DiarTest-UnseenShows, FullTest-CleanAnnot;
case, ``-`` and ``_`` do not matter. A seeded share of Train tunes; the other
three test, together in ``test.csv`` and each in ``test_<part>.csv``.

Speech and overlap are the turns of speakers. Music and noise are annotated in
FullTest-CleanAnnot only and unknown elsewhere. Untranscribed sections
(``nontrans``), time outside the turns and outside a UEM are unknown.

Example:

  python data_prep/allies_prepare.py \\
      --data_folder ALLIES --output_folder prepared/allies
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pyannote.core import Timeline

from explainable_seg.annotation import (
    blanks_replaced,
    common_time,
    composed,
    read_list,
    read_mdtm,
    read_trs,
    read_uem,
    transcription_spans,
    uri_of,
)
from explainable_seg.audio import read_header
from explainable_seg.corpora import (
    CORPUS_SUFFIXES,
    Parts,
    PreparationParser,
    Recording,
    check_classes,
    check_disjoint,
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
    with_dev,
    write_corpus,
)
from explainable_seg.errors import CorpusError

TRAIN = "train"
CLEAN = "fulltestcleanannot"
TESTS = ("diartestseenshows", "diartestunseenshows", CLEAN)
PUBLISHED = {TRAIN: 673, TESTS[0]: 181, TESTS[1]: 286, CLEAN: 35}
LIST_SUFFIXES = (".lst", ".txt", ".list")
LEAST_OVERLAP = 0.01  # share of the overlap that UEMs must leave


class Show(NamedTuple):
    """Files of a show, and whether its music and noise are annotated."""

    wav: Path
    annotation: Path
    uem: Path | None
    with_background: bool


def prepare_allies(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    background_parts: str | Sequence[str] = (CLEAN,),
    dev_share: float = 0.1,
    seed: int = 0,
    convert: bool = False,
    processes: int = 1,
    skip_prep: bool = False,
) -> None:
    """Write manifests and normalised annotations of ALLIES.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The corpus; the head of this file shows the layout.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``dev.csv``, ``test.csv``, ``test_<part>.csv``,
        ``rttm/``, ``uem/`` and ``summary.json``.
    background_parts : str or Sequence[str]
        Parts whose annotation of music and noise is trusted, as a sequence or
        separated by commas.
    dev_share : float
        Share of the training shows that tune.
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
        If a part or a file is missing, music or noise never occur where they
        are annotated, or the UEMs remove all overlap.
    AnnotationError
        If an annotation breaks its format or does not fit its audio.
    AudioError
        If an audio file cannot be read.
    """
    if skip_prep:
        return
    trusted = _part_names(background_parts)
    found = _find_parts(Path(data_folder), trusted)
    check_disjoint(found)
    shows = _split(found, dev_share, seed)
    whole = read_parts(
        shows,
        _read_show,
        processes,
        Path(output_folder) / "audio" if convert else None,
    )
    parts = _inside_uems(
        whole, [show for members in shows.values() for show in members]
    )
    check_classes(with_dev(parts))
    write_corpus(
        "allies",
        output_folder,
        parts,
        notes=published_count_notes(
            PUBLISHED, {part: len(found.get(part, ())) for part in PUBLISHED}
        ),
        subsets=_test_parts(parts["test"], found),
        data_root=data_folder,
    )


def _split(
    found: Mapping[str, Mapping[str, Show]], dev_share: float, seed: int
) -> dict[str, list[Show]]:
    """Shows that train, that tune and that test."""
    train, dev = hold_out(list(found[TRAIN]), dev_share, seed)
    return {
        "train": [found[TRAIN][name] for name in train],
        "dev": [found[TRAIN][name] for name in dev],
        "test": [
            show for part in TESTS for show in found.get(part, {}).values()
        ],
    }


def _test_parts(
    recordings: Sequence[Recording], found: Mapping[str, Mapping[str, Show]]
) -> dict[str, list[Recording]]:
    """Recordings of each part that tests, for manifests of their own."""
    owner = {blanks_replaced(n): part for part in found for n in found[part]}
    return {
        f"test_{part}": [r for r in recordings if owner[r.uri] == part]
        for part in TESTS
        if part in found
    }


def _normalised(name: str) -> str:
    """Name of a part without case, ``-`` and ``_``."""
    return re.sub(r"[-_ ]", "", name).lower()


def _part_names(parts: str | Sequence[str]) -> set[str]:
    """Normalised names of known parts."""
    names = parts.split(",") if isinstance(parts, str) else parts
    chosen = {_normalised(name) for name in names}
    strange = sorted(chosen - set(PUBLISHED))
    if strange:
        raise CorpusError(
            f"expected parts among {' '.join(PUBLISHED)}, got "
            f"{' '.join(strange)}, in the options"
        )
    return chosen


def _find_parts(data: Path, trusted: set[str]) -> dict[str, dict[str, Show]]:
    """Shows of each part, by name."""
    if not data.is_dir():
        raise CorpusError(
            f"expected the corpus, got no folder, in {data}; check the path"
        )
    if (data / "wav").is_dir():
        parts = _parts_by_list(data)
    else:
        folders = {p: p.name for p in sorted(data.iterdir()) if p.is_dir()}
        parts = {
            part: _parts_by_folder(folder)
            for part, folder in _by_part(folders).items()
        }
    if TRAIN not in parts or not any(part in parts for part in TESTS):
        raise CorpusError(
            f"expected a folder or a list for {TRAIN} and for one of "
            f"{' '.join(TESTS)}, got {' '.join(parts) or 'none'}, in {data}; "
            "name them as the corpus does"
        )
    return {
        part: {
            name: Show(*files, part in trusted)
            for name, files in parts[part].items()
        }
        for part in PUBLISHED
        if part in parts
    }


def _by_part(names: Mapping[Path, str]) -> dict[str, Path]:
    """The one folder or list of each part."""
    parts: dict[str, Path] = {}
    for path, name in names.items():
        part = _normalised(name)
        if part in PUBLISHED and parts.setdefault(part, path) != path:
            raise CorpusError(
                f"expected one folder or list of {part}, got two, in "
                f"{parts[part]} and {path}; remove one"
            )
    return parts


Files = dict[str, tuple[Path, Path, Path | None]]


def _parts_by_folder(folder: Path) -> Files:
    """Files of each show of a part in a folder of its own, by stem."""
    wavs = find_files(folder, CORPUS_SUFFIXES)
    marks = find_files(folder, [".trs"])
    return _match(
        sorted({composed(path.stem) for path in (*wavs, *marks)}),
        wavs,
        marks,
        find_files(folder, [".uem"]),
        folder,
    )


def _parts_by_list(data: Path) -> dict[str, Files]:
    """Files of each show of the parts that lists name, in flat folders."""
    annotations = data / ("trs" if (data / "trs").is_dir() else "mdtm")
    wavs = find_files(data / "wav", CORPUS_SUFFIXES)
    marks = find_files(annotations, [f".{annotations.name}"])
    uems = find_files(data / "uem", [".uem"]) if (data / "uem").is_dir() else []
    lists = {path: path.stem for path in find_files(data, LIST_SUFFIXES)}
    return {
        part: _match(
            [_without_suffix(name) for name in read_list(path)],
            wavs,
            marks,
            uems,
            data,
        )
        for part, path in _by_part(lists).items()
    }


def _without_suffix(name: str) -> str:
    """A show as a list names it, without the suffix that it may carry."""
    return re.sub(r"(?i)\.(wav|flac|sph|trs|mdtm)$", "", name)


def _match(
    names: Sequence[str],
    wavs: Sequence[Path],
    marks: Sequence[Path],
    uems: Sequence[Path],
    folder: Path,
) -> Files:
    """Audio, annotation and, where there is one, UEM of each show."""
    audio = match_files(names, wavs, "audio", folder)
    annotation = match_files(names, marks, "annotation", folder)
    with_uem = {composed(path.stem) for path in uems}
    uem = match_files(
        [name for name in names if name in with_uem], uems, "UEM", folder
    )
    return {
        name: (audio[name], annotation[name], uem.get(name)) for name in names
    }


def _read_show(show: Show) -> Recording:
    """Header and annotation of a show, checked; its UEM comes later."""
    header = read_header(show.wav)
    where = str(show.annotation)
    uri = uri_of(show.wav)
    if show.annotation.suffix.lower() == ".trs":
        transcription = read_trs(show.annotation)
        for track in (transcription.turns, transcription.backgrounds):
            check_extent(track.itertracks(), header.duration, where)
        spans, annotated = transcription_spans(
            transcription, show.with_background, where=where
        )
    else:
        found = only_entry(read_mdtm(show.annotation), uri, where)
        turns = clip_turns(found, header.duration, where)
        spans = speaker_spans(turns, where)
        extent = Timeline([turns.get_timeline().extent()])
        annotated = dict.fromkeys(spans, extent)
    return make_recording(uri, show.wav, header, spans, annotated)


def _inside_uems(whole: Parts, shows: Sequence[Show]) -> Parts:
    """Recordings, known inside their UEMs only, which leave some overlap."""
    uems = {uri_of(show.wav): show.uem for show in shows if show.uem}
    parts = {
        part: [_inside_uem(r, uems.get(r.uri)) for r in recordings]
        for part, recordings in whole.items()
    }
    before, after = with_dev(whole), with_dev(parts)
    for part in before:
        _check_overlap(before[part], after[part], uems)
    return parts


def _inside_uem(recording: Recording, path: Path | None) -> Recording:
    """The recording, known inside its UEM only, if it has one."""
    if path is None:
        return recording
    uri, header, spans = recording.uri, recording.header, recording.spans
    scored = only_entry(read_uem(path), uri, path, "annotated time")
    if not scored:
        raise CorpusError(
            f"expected annotated time of {uri}, got none, in {path}; correct "
            "the uri in column 1, or take the file away"
        )
    check_extent(((s, None) for s in scored), header.duration, str(path))
    annotated = {
        n: common_time(t, scored) for n, t in recording.annotated.items()
    }
    return make_recording(uri, recording.wav, header, spans, annotated)


def _check_overlap(
    whole: Sequence[Recording],
    inside: Sequence[Recording],
    uems: Mapping[str, Path],
) -> None:
    """Raise if UEMs remove all overlap, or nearly all of it.

    Those of the diarization evaluation leave out where several speak at once:
    every positive would be lost, and every score of overlap with it.
    """
    before, after = (
        sum(
            recording.spans["overlap"].duration()
            for recording in recordings
            if recording.uri in uems and "overlap" in recording.spans
        )
        for recordings in (whole, inside)
    )
    if after < LEAST_OVERLAP * before:
        first = next(uems[r.uri] for r in whole if r.uri in uems)
        raise CorpusError(
            f"expected overlap inside the annotated time, got {before:.1f} s "
            f"of which the UEMs leave {after:.1f} s, in {first} and others; "
            "take the UEMs away to train or score overlap"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__)
    parser.add_argument(
        "--background_parts",
        default=CLEAN,
        help="parts whose music and noise are trusted (default: %(default)s)",
    )
    parser.add_argument(
        "--dev_share",
        type=float,
        default=0.1,
        help="share of the training shows that tune (default: 0.1)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_convert()
    parser.run(prepare_allies, arguments)


if __name__ == "__main__":
    main()
