"""Writers of a segmentation, one format a file.

A writer takes a segmentation and the path to write, and writes it whole or not
at all; the same segmentation gives the same bytes. Libraries that only one format needs are imported when it is written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from explainable_seg.inference.formats.audacity import write_audacity
from explainable_seg.inference.formats.csv import write_csv
from explainable_seg.inference.formats.eaf import write_eaf
from explainable_seg.inference.formats.json import write_json
from explainable_seg.inference.formats.rttm import write_rttm
from explainable_seg.inference.formats.textgrid import write_textgrid
from explainable_seg.inference.formats.vtt import write_vtt
from explainable_seg.inference.segmentation import Segmentation


class Writer(NamedTuple):
    """How a format is written, and the extension of its files."""

    extension: str
    write: Callable[..., None]


WRITERS: dict[str, Writer] = {
    "rttm": Writer(".rttm", write_rttm),
    "csv": Writer(".csv", write_csv),
    "json": Writer(".json", write_json),
    "audacity": Writer(".txt", write_audacity),
    "textgrid": Writer(".TextGrid", write_textgrid),
    "eaf": Writer(".eaf", write_eaf),
    "vtt": Writer(".vtt", write_vtt),
}
# These name the recording: they take its path, or None, as a third argument.
NAME_MEDIA = frozenset({"eaf"})
