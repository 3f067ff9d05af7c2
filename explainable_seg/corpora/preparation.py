"""Steps that the preparations of all corpora share.

A preparation first reads and checks everything, and only then writes: the
normalised annotations, then the manifests, then ``summary.json``. What it
writes depends on the corpus and the options alone, so a second run writes the
same bytes.
"""

import argparse
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pyannote.core import Timeline
from tqdm import tqdm

from explainable_seg.annotation import class_annotation, write_rttm, write_uem
from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import Region, write_manifest
from explainable_seg.corpora.recording import (
    SUMMARY,
    Recording,
    convert,
    data_roots,
    summarise,
)
from explainable_seg.errors import CorpusError, ExplainableSegError
from explainable_seg.files import atomic_write_json, check_writable

logger = logging.getLogger(__name__)

PARTS = ("train", "dev", "test")
"""Parts of a corpus, in the order in which they are written."""
CHUNK = 16  # recordings that a process is given at once
Item = TypeVar("Item")
Parts = dict[str, list[Recording]]
"""For each part of a corpus its recordings."""


def read_parts(
    items: Mapping[str, Sequence[Item]],
    read: Callable[[Item], Recording],
    processes: int = 1,
    convert_to: Path | None = None,
) -> Parts:
    """Read every recording of every part, in several processes.

    Arguments
    ---------
    items : Mapping[str, Sequence]
        For each part what its recordings are read from.
    read : callable
        Gives the recording of an item; a function of a module, or a
        ``functools.partial`` of one.
    processes : int
        How many read at once; most of the time goes to the disk.
    convert_to : Path, optional
        Folder of 16 kHz mono copies, which take the place of the audio; by
        default audio stays where it is.

    Returns
    -------
    dict[str, list[Recording]]
        For each part its recordings, in the order of the items.
    """
    jobs = [item for part in items.values() for item in part]
    with ExitStack() as stack:
        mapped: Any = map
        if processes > 1 and len(jobs) > CHUNK:
            pool = stack.enter_context(ProcessPoolExecutor(processes))
            mapped = lambda *a: pool.map(*a, chunksize=CHUNK)  # noqa: E731
        read_one = _Reader(read, convert_to)
        bar = tqdm(
            mapped(read_one, jobs),
            total=len(jobs),
            desc="recordings",
            disable=None,
        )
        found = iter(list(bar))
    return {part: [next(found) for _ in items[part]] for part in items}


class _Reader:
    """Reads an item, and converts it if asked; travels to other processes."""

    def __init__(
        self, read: Callable[[Any], Recording], convert_to: Path | None
    ) -> None:
        self.read = read
        self.convert_to = convert_to

    def __call__(self, item: Any) -> Recording:
        """The recording of an item."""
        recording = self.read(item)
        if self.convert_to is None:
            return recording
        return convert(recording, self.convert_to)


def check_classes(parts: Mapping[str, Sequence[Recording]]) -> None:
    """Raise if a class that is annotated in a part never occurs there.

    What is nowhere was most likely not annotated: zeros would teach and score
    what nobody listened for.

    Arguments
    ---------
    parts : Mapping[str, Sequence[Recording]]
        For each part its recordings, as the owner of the corpus made them;
        a share that was drawn at random may lack a rare class.

    Raises
    ------
    CorpusError
        If one does not.
    """
    for part, recordings in parts.items():
        for name in CLASSES:
            known = [r.spans[name] for r in recordings if name in r.spans]
            if known and not any(known):
                raise CorpusError(
                    f"expected some {name} where it is annotated, got none in "
                    f"{len(known)} recordings, in part {part}; leave {name} "
                    "out if it is not annotated, or allow it to be absent"
                )


def with_dev(parts: Parts) -> Parts:
    """Parts as the owner made them, where dev was drawn from training.

    Arguments
    ---------
    parts : dict[str, list[Recording]]
        The recordings of ``train``, ``dev`` and ``test``.

    Returns
    -------
    dict[str, list[Recording]]
        Those of ``train``, with dev, and ``test``.
    """
    return {
        "train": [*parts["train"], *parts["dev"]],
        "test": parts["test"],
    }


def published_count_notes(
    published: Mapping[str, int], found: Mapping[str, int]
) -> list[str]:
    """Where the number of recordings is not the published one.

    Arguments
    ---------
    published : Mapping[str, int]
        For each part the published number.
    found : Mapping[str, int]
        For each part the number that was found.

    Returns
    -------
    list[str]
        One note a part; each is logged too.

    Example
    -------
    >>> published_count_notes({"dev": 254}, {"dev": 12})
    ['dev: 12 recordings, published are 254']
    """
    notes = [
        f"{part}: {found.get(part, 0)} recordings, published are {count}"
        for part, count in published.items()
        if found.get(part, 0) != count
    ]
    for note in notes:
        logger.warning("%s", note)
    return notes


def write_corpus(
    corpus: str,
    output_folder: str | os.PathLike[str],
    parts: Mapping[str, Sequence[Recording]],
    skipped: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    subsets: Mapping[str, Sequence[Recording]] | None = None,
    data_root: str | os.PathLike[str] | None = None,
) -> None:
    """Write annotations, manifests and summary of a checked corpus.

    ``rttm/<uri>.rttm``, ``uem/<uri>.uem`` (and ``uem/<uri>.<class>.uem`` for a
    class that is annotated in other time), ``<part>.csv``, ``summary.json``.
    Old manifests go first: a manifest never stands beside annotations that it
    was not made with.

    Arguments
    ---------
    corpus : str
        Its name, for the summary.
    output_folder : str or os.PathLike
        Where to write.
    parts : Mapping[str, Sequence[Recording]]
        For each part its recordings.
    skipped : Mapping[str, str], optional
        For each file that is left out, why.
    notes : Sequence[str]
        What an owner should know, for the summary.
    subsets : Mapping[str, Sequence[Recording]], optional
        Further manifests, of recordings that are in a part already.
    data_root : str or os.PathLike, optional
        Folder of the audio, which manifests call ``$data_root``. If the audio
        lies in the output folder, that is it.
    """
    every = {**parts, **(subsets or {})}
    folder = Path(os.path.abspath(output_folder))
    wavs = [r.wav for recordings in parts.values() for r in recordings]
    if all(Path(os.path.abspath(w)).is_relative_to(folder) for w in wavs):
        data_root = folder
    _check_uris(parts)
    _remove_manifests(folder, every)
    regions = {
        recording.uri: _write_recording(folder, recording)
        for recordings in parts.values()
        for recording in recordings
    }
    rows = {
        part: [regions[recording.uri] for recording in recordings]
        for part, recordings in every.items()
    }
    summary = {
        "corpus": corpus,
        "parts": {part: summarise(every[part]) for part in every},
        "skipped": dict(skipped or {}),
        "notes": list(notes),
    }
    if data_root is not None:
        summary["data_root"] = data_roots(folder, data_root)
    for part in every:
        write_manifest(folder / f"{part}.csv", rows[part], data_root)
    atomic_write_json(folder / SUMMARY, summary, ensure_ascii=False)
    logger.info("prepared %s: %s", folder, json.dumps(summary["parts"]))


def _remove_manifests(folder: Path, parts: Iterable[str]) -> None:
    """Remove the manifests of an earlier run, those it alone wrote too."""
    summary = folder / SUMMARY
    try:
        named = json.loads(summary.read_text("utf-8"))["parts"]
        earlier = [part for part in named if part.startswith(PARTS)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        earlier = []
    old = [summary, *(folder / f"{part}.csv" for part in {*parts, *earlier})]
    for path in old:
        check_writable(path)
    for path in old:
        path.unlink(missing_ok=True)


def _check_uris(parts: Mapping[str, Sequence[Recording]]) -> None:
    """Raise if there is nothing, or if two recordings share a uri."""
    owner: dict[str, Path] = {}
    for part, recordings in parts.items():
        if not recordings:
            raise CorpusError(
                f"expected recordings in each part, got none in {part}; "
                "choose other parts or lists"
            )
        for recording in recordings:
            uri, wav = recording.uri, recording.wav
            if uri in owner:
                raise CorpusError(
                    f"expected a uri for each recording, got {uri} for two, "
                    f"in {owner[uri]} and {wav}; rename one"
                )
            owner[uri] = wav


def _write_recording(folder: Path, recording: Recording) -> Region:
    """Write what is known of a recording; its row of a manifest."""
    uri, header = recording.uri, recording.header
    rttm = folder / "rttm" / f"{uri}.rttm"
    write_rttm(rttm, class_annotation(recording.spans, uri))
    return Region(
        id=uri,
        duration=header.duration,
        wav=os.path.abspath(recording.wav),
        start=0,
        stop=header.n_samples,
        sample_rate=header.sample_rate,
        recording=uri,
        rttm=str(rttm),
        uems=_write_uems(folder / "uem", uri, recording.annotated),
    )


def _write_uems(
    folder: Path, uri: str, annotated: Mapping[str, Timeline]
) -> dict[str, str | None]:
    """UEM file of each class; classes annotated alike share one."""
    files: list[tuple[Timeline, Path]] = []
    uems: dict[str, str | None] = dict.fromkeys(CLASSES)
    for name, timeline in annotated.items():
        path = next((p for known, p in files if known == timeline), None)
        if path is None:
            path = folder / (f"{uri}.{name}.uem" if files else f"{uri}.uem")
            write_uem(path, Timeline(timeline, uri=uri))
            files.append((timeline, path))
        uems[name] = str(path)
    return uems


class PreparationParser(argparse.ArgumentParser):
    """Parser with the options of every preparation and one-line errors.

    Arguments
    ---------
    description : str
        What the preparation does.
    folder_help : str
        What the data folder is.
    folders : bool
        Whether the preparation reads one data folder and its audio.
    """

    def __init__(
        self,
        description: str | None,
        folder_help: str = "the corpus, as unpacked",
        folders: bool = True,
    ) -> None:
        super().__init__(
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if folders:
            self.add_argument("--data_folder", required=True, help=folder_help)
            self.add_argument(
                "--processes",
                type=int,
                default=min(8, os.cpu_count() or 1),
                help="how many work at once (default: %(default)s)",
            )
        self.add_argument(
            "--output_folder", required=True, help="where manifests go"
        )
        self.add_argument("--skip_prep", action="store_true", help="do nothing")

    def add_convert(self) -> None:
        """Offer ``--convert``, where audio is read from a corpus."""
        self.add_argument(
            "--convert",
            action="store_true",
            help="copy the audio as 16 kHz mono FLAC; else it stays in place",
        )

    def error(self, message: str) -> NoReturn:
        """One line and exit code 2, without the usage."""
        self.exit(2, f"{self.prog}: {message}; --help shows the options\n")

    def run(
        self,
        prepare: Callable[..., None],
        arguments: Sequence[str] | None = None,
    ) -> None:
        """Parse the arguments and call the preparation with them.

        Arguments
        ---------
        prepare : Callable
            Takes every option by its name.
        arguments : Sequence[str], optional
            By default those of the process.
        """
        options = vars(self.parse_args(arguments))
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        try:
            prepare(**options)
        except ExplainableSegError as error:
            self.exit(2, f"{self.prog}: {error}\n")
