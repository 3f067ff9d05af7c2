"""Writers of a segmentation, one format a file.

A writer takes a segmentation and the path to write, and writes it whole or not
at all; the same segmentation gives the same bytes. Libraries that only one format needs are imported when it is written.
"""

import csv
import io
import json
import mimetypes
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from explainable_seg.annotation import (
    rounded_rows,
    speaker_lines,
    writable_field,
)
from explainable_seg.decisions.segmentation import Segmentation
from explainable_seg.files import atomic_path, atomic_write_text
from explainable_seg.frames import FRAME_CENTRE


def write_segmentation_rttm(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as RTTM; nothing found gives an empty file.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    uri = writable_field(segmentation.uri, "uri", path)
    found = [(s.start, s.end, s.label) for s in segmentation.segments]
    rows = rounded_rows(found, path)
    atomic_write_text(path, speaker_lines(uri, rows))


def write_csv(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as the columns ``start,end,label``.

    Times are in seconds. Nothing found gives the header alone.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["start", "end", "label"])
    for segment in segmentation.segments:
        table.writerow(
            [f"{segment.start:.4f}", f"{segment.end:.4f}", segment.label]
        )
    atomic_write_text(path, text.getvalue())


VERSION = 1


def to_dict(segmentation: Segmentation) -> dict[str, Any]:
    """A segmentation as plain lists and numbers.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.

    Returns
    -------
    dict[str, Any]
        ``version``, ``uri``, ``start`` and ``duration`` of what was segmented
        (s), ``frame_rate`` (frames a second), ``frame_centre`` (s, centre of
        frame 0 after the start), ``classes``, ``rules`` (thresholds and what
        else decided; None if nobody knows), ``segments`` (``start`` and
        ``end`` in seconds, ``label``) and ``probabilities`` [T][C], rounded to
        4 decimals.
    """
    return {
        "version": VERSION,
        "uri": segmentation.uri,
        "start": segmentation.start,
        "duration": segmentation.duration,
        "frame_rate": segmentation.frame_rate,
        "frame_centre": FRAME_CENTRE,
        "classes": list(segmentation.classes),
        "rules": segmentation.rules.to_dict() if segmentation.rules else None,
        "segments": [asdict(segment) for segment in segmentation.segments],
        "probabilities": [
            [round(value, 4) for value in frame]
            for frame in segmentation.probabilities.tolist()
        ],
    }


def write_json(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as JSON: one key a line, so that it can be read.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}"
        for key, value in to_dict(segmentation).items()
    ]
    atomic_write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def write_audacity(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as a label track of Audacity.

    Times are in seconds. Nothing found gives an empty file.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    lines = [
        f"{segment.start:.6f}\t{segment.end:.6f}\t{segment.label}\n"
        for segment in segmentation.segments
    ]
    atomic_write_text(path, "".join(lines))


# The format wants a date. That of writing would make every run's files others.
NO_DATE = "1970-01-01T00:00:00+00:00"
ANY_MEDIA = "application/octet-stream"


def write_eaf(
    segmentation: Segmentation, path: Path, media: Path | None = None
) -> None:
    """Write a segmentation as an ELAN file.

    Each class has a tier, also where it was not found. Times are rounded to
    the format's millisecond; a segment shorter than that is left out.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    media : pathlib.Path, optional
        The recording, which ELAN opens with the file.
    """
    from pympi.Elan import Eaf

    document = Eaf(author="explainable-seg")
    document.adocument["DATE"] = NO_DATE
    document.remove_tier("default")
    if media is not None:
        document.add_linked_file(*_links(media, path.parent))
    for label, spans in segmentation.spans_of_all.items():
        document.add_tier(label)
        for span in spans:
            start, end = (round(1000 * second) for second in span)
            if start < end:
                document.add_annotation(label, start, end, label)
    with atomic_path(path) as temporary:
        document.to_file(str(temporary))


def _links(media: Path, folder: Path) -> tuple[str, str, str]:
    """Address of a recording, also from a folder, and its type."""
    whole = media.absolute().as_uri()
    relative = os.path.relpath(media.absolute(), folder.absolute())
    kind, _ = mimetypes.guess_type(whole)
    return whole, quote(os.fsencode(f"./{relative}")), kind or ANY_MEDIA


def write_textgrid(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as a TextGrid of Praat, long text format.

    Each class has a tier, also where it was not found. The tiers last from 0
    to the end of what was segmented.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    from praatio import textgrid

    grid = textgrid.Textgrid()
    for label, spans in segmentation.spans_of_all.items():
        entries = [(a, b, label) for a, b in spans]
        grid.addTier(
            textgrid.IntervalTier(label, entries, 0.0, segmentation.end)
        )
    with atomic_path(path) as temporary:
        grid.save(
            str(temporary),
            format="long_textgrid",
            includeBlankSpaces=True,
            # None: by default, intervals below 0.01 s would be swallowed.
            minimumIntervalLength=None,
        )


def write_vtt(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as WebVTT, one cue a segment.

    The label is the text of the cue. Times are rounded to the format's
    millisecond; a segment shorter than that is left out, for a cue must last.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    cues = ["WEBVTT\n"]
    for segment in segmentation.segments:
        start, end = _timestamp(segment.start), _timestamp(segment.end)
        if start != end:
            cues.append(f"{start} --> {end}\n{segment.label}\n")
    atomic_write_text(path, "\n".join(cues))


def _timestamp(seconds: float) -> str:
    """Time as ``hh:mm:ss.ttt``.

    Example
    -------
    >>> _timestamp(3725.0425)
    '01:02:05.042'
    """
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds / 1000:06.3f}"


class Writer(NamedTuple):
    """How a format is written.

    Arguments
    ---------
    extension : str
        Of its files, with the dot; no other format may have it.
    write : Callable
        Takes a segmentation and the path to write.
    names_media : bool
        Whether the file names the recording. Then ``write`` takes the path of
        the recording, or None, as a third argument.
    """

    extension: str
    write: Callable[..., None]
    names_media: bool = False


WRITERS: dict[str, Writer] = {
    "rttm": Writer(".rttm", write_segmentation_rttm),
    "csv": Writer(".csv", write_csv),
    "json": Writer(".json", write_json),
    "audacity": Writer(".txt", write_audacity),
    "textgrid": Writer(".TextGrid", write_textgrid),
    "eaf": Writer(".eaf", write_eaf, names_media=True),
    "vtt": Writer(".vtt", write_vtt),
}
"""The writer of each format; a format that is added here can be asked for."""
