"""What is known of a recording: 1, 0 or unknown, for each class and frame.

A class is known only inside its UEM. Unknown time is masked from losses,
thresholds and scores; it is never written as zero.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional, TypeVar

import numpy as np
import torch
from pyannote.core import Segment, Timeline

from explainable_seg.annotation import (
    CLASS_LABELS,
    class_spans,
    common_time,
    read_rttm,
    read_uem,
    time_without,
)
from explainable_seg.audio import (
    PIECE,
    AudioStream,
    Excerpt,
    apply_gains,
    gain_curve,
    load_audio,
)
from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import Region
from explainable_seg.errors import ManifestError
from explainable_seg.frames import (
    FRAME_STEP,
    SAMPLE_RATE,
    UNKNOWN,
    Span,
    frame_targets,
    num_frames,
)

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Truth:
    """Truth of one recording.

    Arguments
    ---------
    recording : str
        Its uri.
    spans : dict[str, np.ndarray]
        For each class the spans in which it is heard, [S, 2], seconds, sorted
        and disjoint.
    annotated : dict[str, np.ndarray]
        For each class the spans in which it is annotated, likewise; empty if
        nowhere.

    Example
    -------
    >>> nothing = {name: np.zeros((0, 2)) for name in CLASSES}
    >>> music = {**nothing, "music": np.array([[1.0, 1.04]])}
    >>> known = {**nothing, "music": np.array([[0.96, 9.0]])}
    >>> Truth("show", music, known).targets(0.94, 5)[:, 1].tolist()
    [-1, 0, 0, 1, 1]
    """

    recording: str
    spans: dict[str, np.ndarray]
    annotated: dict[str, np.ndarray]

    def targets(self, start_s: float, n_frames: int) -> np.ndarray:
        """Targets on the frame grid of audio cut at ``start_s``.

        Arguments
        ---------
        start_s : float
            Where the audio starts in the recording, seconds.
        n_frames : int
            Number of frames T of the audio.

        Returns
        -------
        np.ndarray [shape=(T, 4), dtype=int8]
            1 where the class is heard, 0 where it is not, -1 where it is
            unknown, in the order of the classes.
        """
        targets = np.empty((n_frames, len(CLASSES)), dtype=np.int8)
        for index, name in enumerate(CLASSES):
            heard = _shifted(self.spans[name], start_s, n_frames)
            known = _shifted(self.annotated[name], start_s, n_frames)
            targets[:, index] = np.where(
                frame_targets(known, n_frames),
                frame_targets(heard, n_frames),
                UNKNOWN,
            )
        return targets

    def heard(self, name: str) -> Timeline:
        """Where a class is heard.

        Arguments
        ---------
        name : str
            The class.

        Returns
        -------
        Timeline
            Spans in seconds of the recording.
        """
        return self._timeline(self.spans[name])

    def known(self, name: str) -> Timeline:
        """Where a class is annotated.

        Arguments
        ---------
        name : str
            The class.

        Returns
        -------
        Timeline
            Spans in seconds of the recording; none if nowhere.
        """
        return self._timeline(self.annotated[name])

    def _timeline(self, spans: np.ndarray) -> Timeline:
        """Timeline of the rows of an array."""
        segments = [Segment(a, b) for a, b in spans.tolist()]
        return Timeline(segments, uri=self.recording)


def _shifted(spans: np.ndarray, start_s: float, n_frames: int) -> list[Span]:
    """Spans near the frames, relative to ``start_s``: a day is long."""
    end_s = start_s + (n_frames + 1) * FRAME_STEP
    first = np.searchsorted(spans[:, 1], start_s)
    last = np.searchsorted(spans[:, 0], end_s)
    return [(a, b) for a, b in (spans[first:last] - start_s).tolist()]


def load_truth(regions: Iterable[Region]) -> dict[str, Truth]:
    """Read the annotation files of a manifest, each recording once.

    Arguments
    ---------
    regions : Iterable[Region]
        Rows of the manifest.

    Returns
    -------
    dict[str, Truth]
        For each recording its truth.

    Raises
    ------
    ManifestError
        If two regions of one recording name different annotation files, or a
        file says nothing of the recording but something of others.
    AnnotationError
        If an annotation file is missing or breaks its format.
    """
    truths: dict[str, Truth] = {}
    firsts: dict[str, Region] = {}
    for region in regions:
        first = firsts.setdefault(region.recording, region)
        if (first.rttm, first.uems) != (region.rttm, region.uems):
            raise ManifestError(
                f"expected one set of annotation files a recording, got two, "
                f"in regions {first.id} and {region.id} of "
                f"{region.recording}; prepare the corpus again"
            )
        if region.recording not in truths:
            truths[region.recording] = _read_truth(region)
    return truths


def _read_truth(region: Region) -> Truth:
    """Truth of the recording of a region."""
    spans = {name: Timeline() for name in CLASSES}
    if region.rttm:
        annotation = _of_recording(
            read_rttm(region.rttm), region.recording, region.rttm
        )
        if annotation is not None:
            spans = class_spans(annotation, CLASS_LABELS, region.rttm)
    annotated: dict[str, np.ndarray] = {}
    for name, uem in region.uems.items():
        timeline = uem and _of_recording(read_uem(uem), region.recording, uem)
        annotated[name] = _as_array(timeline or Timeline())
    return Truth(
        recording=region.recording,
        spans={name: _as_array(spans[name]) for name in CLASSES},
        annotated=annotated,
    )


def _of_recording(
    entries: dict[str, Entry], recording: str, path: str
) -> Entry | None:
    """What a file says of the recording; None if the file is empty."""
    if entries and recording not in entries:
        raise ManifestError(
            f"expected the uri {recording}, got {' '.join(entries)}, "
            f"in {path}; the recording column must hold the uri of the file"
        )
    return entries.get(recording)


def _as_array(timeline: Timeline) -> np.ndarray:
    """Spans of a timeline, [S, 2]."""
    return np.array([(s.start, s.end) for s in timeline]).reshape(-1, 2)


def region_targets(
    region: Region,
    truth: Truth,
    start_s: float = 0.0,
    n_frames: int | None = None,
) -> np.ndarray:
    """Targets of a region, or of a stretch inside it, on the frame grid.

    Arguments
    ---------
    region : Region
        A row of a manifest.
    truth : Truth
        The truth of its recording.
    start_s : float
        Where the stretch starts in the region, seconds.
    n_frames : int, optional
        Number of frames T; by default up to the end of the region.

    Returns
    -------
    np.ndarray [shape=(T, 4), dtype=int8]
        1, 0 or -1 (unknown) for each frame and class.
    """
    if n_frames is None:
        left = region.stop_s - region.start_s - start_s
        n_frames = num_frames(round(left * SAMPLE_RATE))
    return truth.targets(region.start_s + start_s, n_frames)


def heard_spans(
    region: Region, truth: Truth, name: str, besides: Iterable[str] = ()
) -> list[Span]:
    """Where a class is known to be heard in a region.

    Arguments
    ---------
    region : Region
        A row of a manifest.
    truth : Truth
        Of its recording.
    name : str
        The class.
    besides : Iterable[str]
        Classes that are not to be heard there.

    Returns
    -------
    list[Span]
        Sorted and disjoint, in seconds of the region.
    """

    heard = common_time(truth.heard(name), truth.known(name))
    for other in besides:
        heard = time_without(heard, truth.heard(other))
    extent = Timeline([Segment(region.start_s, region.stop_s)])
    return [
        (segment.start - region.start_s, segment.end - region.start_s)
        for segment in common_time(heard, extent)
    ]


def annotated_time(
    regions: Iterable[Region], truths: dict[str, Truth]
) -> dict[str, dict[str, Timeline]]:
    """Where each class is to be scored: annotated, and inside a region.

    Arguments
    ---------
    regions : Iterable[Region]
        Rows of a manifest.
    truths : dict[str, Truth]
        From :func:`load_truth`.

    Returns
    -------
    dict[str, dict[str, Timeline]]
        For each class and recording, spans in seconds; empty where the class
        is unknown.
    """
    regions = list(regions)
    extents: dict[str, Timeline] = {}
    for region in regions:
        extent = extents.setdefault(region.recording, Timeline())
        extent.add(Segment(region.start_s, region.stop_s))
    return {
        name: {
            recording: common_time(truths[recording].known(name), extent)
            for recording, extent in extents.items()
        }
        for name in CLASSES
    }


def heard_time(truths: dict[str, Truth]) -> dict[str, dict[str, Timeline]]:
    """Where each class is heard: the reference that scores compare with.

    Arguments
    ---------
    truths : dict[str, Truth]
        From :func:`load_truth`.

    Returns
    -------
    dict[str, dict[str, Timeline]]
        For each recording and class, spans in seconds.
    """
    return {
        recording: {name: truth.heard(name) for name in CLASSES}
        for recording, truth in truths.items()
    }


def read_region(
    region: Region,
    start_s: float = 0.0,
    duration: Optional[float] = None,
    gains: Optional["RegionGains"] = None,
) -> np.ndarray:
    """Audio of a region, or of a stretch of it, as a run hears it.

    Only the stretch is decoded, where the format allows it.

    Arguments
    ---------
    region : Region
        A row of a manifest.
    start_s : float
        Start of the stretch in the region, seconds.
    duration : float, optional
        Seconds; by default up to the end of the region.
    gains : RegionGains, optional
        What brings it to a level; without it, it stays as it is.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        16 kHz, mono; shorter than the duration where the region ends.
    """
    start, end = region.start_s + start_s, region.stop_s
    if duration is not None:
        end = min(end, start + duration)
    if end - start < 1 / SAMPLE_RATE:
        return np.zeros(0, dtype=np.float32)
    audio = load_audio(region.wav, Excerpt(start=start, end=end), shortest=0)
    if gains is None:
        return audio
    return apply_gains(audio, gains.curve(region), round(start_s * SAMPLE_RATE))


class RegionGains:
    """What brings each region of a manifest to a level, minute by minute.

    A region is measured when it is first asked for: all of it is decoded once.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of the manifest.
    level : float
        dB re full scale.
    """

    def __init__(self, regions: Sequence[Region], level: float):
        self.level = level
        pieces = [math.ceil(r.duration * SAMPLE_RATE / PIECE) for r in regions]
        ends = np.cumsum([n + 1 for n in pieces]).tolist()
        self._places = {
            region.id: slice(end - n - 1, end)
            for region, n, end in zip(regions, pieces, ends)
        }
        # Shared with the workers of a loader, which are new in each epoch.
        self._gains = torch.full((ends[-1],), math.nan).share_memory_()

    def curve(self, region: Region) -> list[float]:
        """Gain of each minute of a region.

        Arguments
        ---------
        region : Region
            One of the regions.

        Returns
        -------
        list[float]
        """
        gains = self._gains[self._places[region.id]]
        if gains[0].isnan():
            excerpt = Excerpt(start=region.start_s, end=region.stop_s)
            stream = AudioStream(region.wav, None, excerpt, shortest=0)
            curve = torch.from_numpy(gain_curve(stream, self.level))
            gains[: len(curve)] = curve
            # A region may round to a sample more than its minutes hold.
            gains[len(curve) :] = curve[-1] if len(curve) else 1.0
        return gains.tolist()
