"""Recordings as they are: their manifest, and how a model does on each kind.

A folder of recordings with an RTTM beside each, and ``index.csv``: ``file``,
``kind``, ``label_kind`` (``peer``: labelled by another program, left out) and
``scored``, in which spans the presence of which class is known, such as
``sp:0.00-30.00;mu:0.00-8.00,10.00-30.00``.

Authors
 * explainable-seg contributors 2026
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyannote.core import Segment, Timeline

from explainable_seg.annotation import label_mapping, read_rttm
from explainable_seg.audio import read_header
from explainable_seg.classes import CLASSES, parse_class
from explainable_seg.corpora import (
    Recording,
    listed_spans,
    make_recording,
    write_corpus,
)


def prepare_real(folder: Path, output: Path) -> Path:
    """Write the manifest of a folder of recordings as they are.

    Arguments
    ---------
    folder : pathlib.Path
        The recordings and their index.
    output : pathlib.Path
        Receives ``dev.csv`` and what it names.

    Returns
    -------
    pathlib.Path
        The manifest.
    """
    recordings = [_read(folder, row) for row in _rows(folder)]
    write_corpus("real", output, {"dev": recordings})
    return output / "dev.csv"


def table_of_kinds(folder: Path, scores: Path) -> list[list[str]]:
    """How much of each class was found, and claimed, in each kind.

    Arguments
    ---------
    folder : pathlib.Path
        As for :func:`prepare_real`.
    scores : pathlib.Path
        What ``explainable-seg evaluate`` wrote.

    Returns
    -------
    list[list[str]]
        Kind, class, share found of the time with it, share claimed of the
        time without it; in both the seconds.
    """
    files = json.loads(scores.read_text(encoding="utf-8"))["files"]
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * 4)
    for row in _rows(folder):
        found = files[Path(row["file"]).stem]
        for name, time in _known(row).items():
            said = found[name]
            heard, claimed = (
                said["reference_seconds"],
                said["hypothesis_seconds"],
            )
            hit = heard * (said["recall"] or 0.0)
            new = (heard, hit, time.duration() - heard, claimed - hit)
            old = sums[row["kind"], name]
            sums[row["kind"], name] = [a + b for a, b in zip(old, new)]
    return [
        [kind, name, _share(hit, heard), _share(wrong, absent)]
        for (kind, name), (heard, hit, absent, wrong) in sorted(sums.items())
    ]


def _share(part: float, whole: float) -> str:
    """A share and of how much it is, if that is more than a moment."""
    return f"{part / whole:.2f} of {whole:.0f} s" if whole > 0.5 else "-"


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of the index whose labels are no other program's."""
    with open(folder / "index.csv", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["label_kind"] != "peer":
                yield row


def _known(row: Mapping[str, str]) -> dict[str, Timeline]:
    """Where each class is known to be there or not."""
    known = {}
    for entry in filter(None, row["scored"].split(";")):
        label, spans = entry.split(":")
        ends = [map(float, span.split("-")) for span in spans.split(",")]
        known[parse_class(label)] = Timeline([Segment(*span) for span in ends])
    return known


def _read(folder: Path, row: Mapping[str, str]) -> Recording:
    """A recording with what is known of it."""
    wav = folder / row["file"]
    rttm, uri = wav.with_suffix(".rttm"), wav.stem
    header = read_header(wav)
    known = _known(row)
    said = read_rttm(rttm) if rttm.stat().st_size else {}
    spans = {name: Timeline() for name in known}
    if uri in said:
        mapping = label_mapping(CLASSES)
        there = listed_spans(said[uri], mapping, str(rttm))
        spans = {name: there[name] for name in known}
    return make_recording(uri, wav, header, spans, known)
