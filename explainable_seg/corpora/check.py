"""Every problem of a manifest, not only the first."""

import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pyannote.core import Segment, Timeline

from explainable_seg.annotation import common_time, time_without
from explainable_seg.audio import AudioHeader, decoded_length
from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import Region, parse_rows
from explainable_seg.corpora.recording import EXCESS
from explainable_seg.corpora.truth import Truth, load_truth
from explainable_seg.errors import AudioError, ExplainableSegError

# What the annotators of a corpus listened for; all else is unknown there.
ANNOTATED: dict[str, frozenset[str]] = {
    "albayzin": frozenset({"speech", "music", "noise"}),
    "aragonradio": frozenset({"speech", "music", "noise"}),
    "openbmat": frozenset({"music"}),
    "allies": frozenset(CLASSES),
    "dihard3": frozenset({"speech", "overlap"}),
}


class Problem(NamedTuple):
    """Where a manifest, or a file that it names, is wrong, and how."""

    where: str
    message: str
    is_note: bool = False  # worth a look, but may be right

    def __str__(self) -> str:
        return f"{self.where}: {'note: ' * self.is_note}{self.message}"


@dataclass
class Totals:
    """What manifests hold, summed while they are checked.

    Arguments
    ---------
    recordings : int
        How many recordings.
    seconds : float
        Of all regions.
    known : dict[str, float]
        For each class the seconds in which it is annotated.
    """

    recordings: int = 0
    seconds: float = 0.0
    known: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(CLASSES, 0.0)
    )


class CheckedRow(NamedTuple):
    """A row of a manifest and the place it stands in."""

    where: str
    region: Region


def check_manifest(
    path: str | os.PathLike[str],
    data_root: str | os.PathLike[str] | None = None,
    processes: int = 1,
    totals: Totals | None = None,
) -> Iterator[Problem]:
    """Problems of a manifest and of the files that it names.

    Rows that cannot be read, audio that is missing, cannot be decoded, or is
    not as long or as fast as the row says, rows that overlap, annotation
    outside the region, a class without a single positive, a class that its
    corpus does not annotate but that has a UEM. Where nobody overlaps, that
    is a note: in many recordings nobody does. So is what is to be said of a
    sound, such as what lies behind the end that its header names.

    Arguments
    ---------
    path : str or os.PathLike
        The manifest.
    data_root : str or os.PathLike, optional
        What ``$data_root`` at the start of a path stands for; by default what
        the ``summary.json`` beside the manifest says.
    processes : int
        How many decode audio at once.
    totals : Totals, optional
        Receives what the manifest holds.

    Yields
    ------
    Problem
        One after the other; none for a manifest that is right.
    """
    rows: list[CheckedRow] = []
    n_rows = 0
    try:
        for line, parsed in parse_rows(path, data_root):
            where = f"{path}:{line}"
            n_rows += 1
            if isinstance(parsed, ExplainableSegError):
                yield Problem(where, str(parsed))
            else:
                rows.append(CheckedRow(where, parsed))
    except ExplainableSegError as error:
        yield Problem(str(path), str(error))
        return
    if not n_rows:
        yield Problem(str(path), "expected at least one row, got none")
    yield from _check_ids(rows)
    yield from _check_overlaps(rows)
    yield from _check_audio(rows, processes)
    yield from _check_annotations(rows, str(path), totals or Totals())
    yield from _check_corpus(rows, Path(path))


def _check_ids(rows: Sequence[CheckedRow]) -> Iterator[Problem]:
    """IDs that occur twice."""
    first: dict[str, str] = {}
    for where, region in rows:
        if first.setdefault(region.id, where) != where:
            yield Problem(
                where,
                f"expected each ID once, got '{region.id}' also in "
                f"{first[region.id]}",
            )


def _check_overlaps(rows: Sequence[CheckedRow]) -> Iterator[Problem]:
    """Rows that hold the same audio: it would be scored twice."""
    by_wav: dict[str, list[CheckedRow]] = {}
    for row in rows:
        by_wav.setdefault(row.region.wav, []).append(row)
    for found in by_wav.values():
        found.sort(key=lambda row: (row.region.start, row.region.stop))
        for earlier, later in zip(found, found[1:]):
            if later.region.start < earlier.region.stop:
                yield Problem(
                    later.where,
                    f"expected rows that do not overlap, got samples "
                    f"{later.region.start} to {earlier.region.stop} of "
                    f"{later.region.wav} also in {earlier.where}",
                )


def _check_audio(
    rows: Sequence[CheckedRow], processes: int
) -> Iterator[Problem]:
    """Audio that is not what the rows say; each file is decoded once."""
    wavs = list(dict.fromkeys(row.region.wav for row in rows))
    if processes > 1 and len(wavs) > 1:
        with ProcessPoolExecutor(processes) as pool:
            found = dict(zip(wavs, pool.map(_decoded, wavs)))
    else:
        found = {wav: _decoded(wav) for wav in wavs}
    told: set[str] = set()
    for where, region in rows:
        decoded = found[region.wav]
        if isinstance(decoded, str):
            yield Problem(where, decoded)
            continue
        (rate, n_samples), notes = decoded
        if rate != region.sample_rate:
            yield Problem(
                where,
                f"expected a rate of {region.sample_rate} Hz, got {rate}, in "
                f"{region.wav}",
            )
        elif region.stop > n_samples:
            yield Problem(
                where,
                f"expected {region.stop} samples, got {n_samples} from the "
                f"decoder, in {region.wav}",
            )
        elif region.wav not in told:
            told.add(region.wav)
            for note in notes:
                yield Problem(where, f"{note}, in {region.wav}", is_note=True)


def _decoded(wav: str) -> tuple[AudioHeader, list[str]] | str:
    """Rate and samples that a file really has, and what is to be said of it.

    What is wrong, if it has none.
    """
    notes: list[str] = []
    try:
        return decoded_length(wav, notes), notes
    except AudioError as error:
        return str(error)


def _check_annotations(
    rows: Sequence[CheckedRow], path: str, totals: Totals
) -> Iterator[Problem]:
    """Annotation outside the regions, and classes that never occur."""
    regions: dict[str, list[CheckedRow]] = {}
    for row in rows:
        regions.setdefault(row.region.recording, []).append(row)
    known = dict.fromkeys(CLASSES, 0.0)
    heard = dict.fromkeys(CLASSES, 0.0)
    for found in regions.values():
        try:
            truth = _read_truth(found)
        except ExplainableSegError as error:
            yield Problem(found[0].where, str(error))
            continue
        extent = Timeline(
            [Segment(r.start_s - EXCESS, r.stop_s + EXCESS) for _, r in found]
        ).support()
        yield from _outside(found[0], extent, truth)
        for name in CLASSES:
            inside = common_time(truth.known(name), extent)
            known[name] += inside.duration()
            heard[name] += common_time(truth.heard(name), inside).duration()
    totals.recordings += len(regions)
    totals.seconds += sum(region.duration for _, region in rows)
    for name in CLASSES:
        totals.known[name] += known[name]
        if known[name] and not heard[name]:
            yield Problem(
                path,
                f"expected some {name} in {known[name]:.1f} annotated "
                "seconds, got none; was it annotated?",
                is_note=name == "overlap",
            )


def _read_truth(rows: Sequence[CheckedRow]) -> Truth:
    """Truth of the recording of some rows, as training reads it."""
    region = rows[0].region
    truth = load_truth(row.region for row in rows)[region.recording]
    for name, uem in region.uems.items():
        if uem and not truth.known(name):
            raise ExplainableSegError(
                f"expected annotated time of {region.recording}, got none, in "
                f"{uem}"
            )
    return truth


def _outside(
    row: CheckedRow, extent: Timeline, truth: Truth
) -> Iterator[Problem]:
    """Segments and annotated time that reach out of all regions."""
    region = row.region
    for name in CLASSES:
        for what, timeline, path in (
            (name, truth.heard(name), region.rttm),
            (f"annotated {name}", truth.known(name), region.uems[name]),
        ):
            outside = time_without(timeline, extent)
            ends = [part.end for part in outside]
            for segment in timeline if outside else ():
                after = bisect_right(ends, segment.start)
                if after < len(ends) and outside[after].start < segment.end:
                    yield Problem(
                        row.where,
                        f"expected {what} inside the region, got "
                        f"{segment.start:.3f} to {segment.end:.3f} s, in "
                        f"{path}",
                    )


def _check_corpus(rows: Sequence[CheckedRow], path: Path) -> Iterator[Problem]:
    """Classes with a UEM that the corpus of a row does not annotate."""
    prepared = _corpus_beside(path)
    for where, region in rows:
        corpus = region.corpus or prepared
        for name, uem in region.uems.items():
            if uem and name not in ANNOTATED.get(corpus or "", CLASSES):
                yield Problem(
                    where,
                    f"expected no UEM of {name}, which {corpus} does not "
                    f"annotate, got {uem}",
                )


def _corpus_beside(path: Path) -> str | None:
    """Corpus that the summary beside a manifest names."""
    try:
        text = (path.parent / "summary.json").read_text(encoding="utf-8")
        corpus = json.loads(text)["corpus"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return corpus if isinstance(corpus, str) else None
