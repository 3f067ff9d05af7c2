"""The front door: a pretrained student over recordings."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
import torch
from typing_extensions import Unpack

from explainable_seg.annotation import uri_of
from explainable_seg.audio import WHOLE, AudioSource, AudioStream, Excerpt
from explainable_seg.classes import class_index
from explainable_seg.decisions import (
    DecisionOptions,
    Rules,
    Segmentation,
    make_rules,
)
from explainable_seg.explanation import Explanation, ReportData, StudentWeights
from explainable_seg.frames import Span
from explainable_seg.inference.batch import Watch, read_ahead
from explainable_seg.inference.loading import PretrainedStudent
from explainable_seg.inference.pipeline import (
    EXPLAINED,
    Analysis,
    Held,
    check_span,
    explain_analysis,
    is_long,
    run_model,
)
from explainable_seg.models import Outputs


class ExplainableSegmenter(PretrainedStudent):
    """Finds speech, music, noise and overlapped speech, and says why.

    The student sees the windows it was trained with; where they overlap its
    outputs are averaged. A class is found in the frames where its probability
    reaches its threshold.

    Arguments, loading and saving are those of
    :class:`~explainable_seg.inference.loading.PretrainedStudent`.

    Example
    -------
    >>> segmenter = ExplainableSegmenter.from_pretrained(
    ...     "student/"
    ... )  # doctest: +SKIP
    >>> segmenter.segment("show.wav").seconds()  # doctest: +SKIP
    {'speech': 61.2, 'music': 12.5, 'noise': 3.1, 'overlap': 0.0}
    >>> segmenter.explain("show.wav", "music").save("why/")  # doctest: +SKIP
    """

    def segment(
        self,
        source: AudioSource,
        sample_rate: int | None = None,
        *,
        channel: int | None = None,
        track: int | None = None,
        start: float | None = None,
        end: float | None = None,
        **decisions: Unpack[DecisionOptions],
    ) -> Segmentation:
        """Find the classes in a recording, whatever its length.

        Files are decoded as they are read, so that memory does not grow with
        the recording, apart from the probabilities. If the model has a level,
        what is heard, the excerpt, is brought to it, ten minutes (38 MB) of
        which are read before the first window; see
        :func:`~explainable_seg.audio.level.levelled`.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray or torch.Tensor
            A file, or samples [N] or [N, channels] (the shorter axis holds
            the channels): floats in -1..1 or integers.
        sample_rate : int, optional
            Samples a second; for samples only, and needed there.
        channel : int, optional
            The channel to segment, counted from 1; by default their mean.
        track : int, optional
            The sound track of a video, counted from 1; by default its default.
        start : float, optional
            Where to begin, seconds.
        end : float, optional
            Where to end, seconds.
        **decisions : DecisionOptions
            ``operating_point``, ``thresholds``, ``hysteresis``, ``min_on``,
            ``min_off``, ``max_on`` and ``derived``, in place of what the model
            says; see :class:`~explainable_seg.decisions.rules.DecisionOptions`.

        Returns
        -------
        Segmentation
            On the clock of the whole recording.

        Raises
        ------
        AudioError
            If the audio cannot be read or is shorter than a frame.
        ExplainableSegError
            If the decisions are not possible with this model.
        """
        rules = make_rules(self.config, decisions)
        excerpt = Excerpt(channel, start, end, track)
        stream = AudioStream(source, sample_rate, excerpt)
        blocks = read_ahead(partial(iter, stream))
        uri = _uri_of(_name_of(source))
        result = self.segment_blocks(blocks, uri, rules, excerpt)
        return replace(result, notes=tuple(stream.notes))

    def segment_blocks(
        self,
        blocks: Iterable[np.ndarray],
        uri: str = "audio",
        rules: Rules | None = None,
        excerpt: Excerpt = WHOLE,
    ) -> Segmentation:
        """Find the classes in audio that comes in blocks.

        Arguments
        ---------
        blocks : Iterable[np.ndarray]
            Mono audio at 16 kHz, [N] each, 400 samples or more in all.
        uri : str
            Name of the recording, without blanks.
        rules : Rules, optional
            How to decide; by default as the model says.
        excerpt : Excerpt
            What the blocks are of the recording.

        Returns
        -------
        Segmentation
        """
        segmentation, _ = run_model(
            self.runner,
            blocks,
            rules or make_rules(self.config),
            uri,
            excerpt.first,
        )
        return segmentation

    def segment_activations(
        self,
        source: AudioSource,
        take: Callable[[torch.Tensor], None],
        start: float | None = None,
        end: float | None = None,
    ) -> Segmentation:
        """Find the classes, and hand over the activations as they come.

        Memory grows with the recording no more than in :meth:`segment`.

        Arguments
        ---------
        source : str or os.PathLike
            A file.
        take : callable
            Is given the activations H [T, K] of consecutive frames.
        start : float, optional
            Where to begin, seconds.
        end : float, optional
            Where to end, seconds.

        Returns
        -------
        Segmentation
            On the clock of the whole recording.

        Raises
        ------
        AudioError
            If the audio cannot be read or is shorter than a frame.
        """
        excerpt = Excerpt(None, start, end)

        def keep_logits(part: Outputs) -> Outputs:
            assert part.activations is not None  # they are asked for
            take(part.activations)
            return Outputs(part.logits)

        stream = AudioStream(source, None, excerpt)
        segmentation, _ = run_model(
            self.runner,
            read_ahead(partial(iter, stream)),
            make_rules(self.config),
            _uri_of(_name_of(source)),
            excerpt.first,
            {"activations"},
            keep_logits,
        )
        return replace(segmentation, notes=tuple(stream.notes))

    def analyse(
        self,
        source: AudioSource,
        sample_rate: int | None = None,
        *,
        channel: int | None = None,
        track: int | None = None,
        start: float | None = None,
        end: float | None = None,
        watch: Watch | None = None,
        **decisions: Unpack[DecisionOptions],
    ) -> Analysis:
        """One pass over a recording, for a segmentation and explanations.

        All that explanations need is held in memory: about 0.5 GB an hour.
        The audio is held as the model hears it, at its level; for the sound of
        an explanation it is read again, in its own quality.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray or torch.Tensor
            As for :meth:`segment`.
        sample_rate : int, optional
            As for :meth:`segment`.
        channel : int, optional
            As for :meth:`segment`.
        track : int, optional
            As for :meth:`segment`.
        start, end : float, optional
            What is to be explained, seconds: of a recording of more than 2 h,
            only this is held.
        watch : callable, optional
            Is given the blocks of sound and their stream, and gives the blocks
            on: for a progress bar.
        **decisions : DecisionOptions
            As for :meth:`segment`.

        Returns
        -------
        Analysis

        Raises
        ------
        AudioError
            If the audio cannot be read, is shorter than a frame, or what is
            to be explained is longer than 2 h.
        """
        rules = make_rules(self.config, decisions)
        name = _name_of(source)
        stream = AudioStream(
            source, sample_rate, Excerpt(channel=channel, track=track)
        )
        held = Held(name)
        if (start, end) != (None, None) and is_long(stream):
            held = Held(name, start, end)
        blocks: Iterable[np.ndarray] = read_ahead(partial(iter, stream))
        segmentation, outputs = run_model(
            self.runner,
            watch(blocks, stream) if watch else blocks,
            rules,
            _uri_of(name),
            wanted=EXPLAINED,
            keep=held.keep,
            hear=held.hear,
        )
        notes = tuple(stream.notes)
        original = None
        if stream.can_be_read_again:
            original = partial(_original, source, sample_rate, channel, track)
        return Analysis(
            replace(segmentation, notes=notes),
            replace(held.decomposition(outputs, rules), original=original),
        )

    def explain(
        self,
        source: AudioSource | Analysis,
        class_name: str,
        start: float | None = None,
        end: float | None = None,
        sample_rate: int | None = None,
        *,
        channel: int | None = None,
        track: int | None = None,
    ) -> Explanation:
        """Say why a class was found, or not, in a recording.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray, torch.Tensor or Analysis
            As for :meth:`segment`, or what :meth:`analyse` returned, which
            saves a second pass.
        class_name : str
            One of those that the student was trained for: ``speech``,
            ``music``, ``noise`` or ``overlap``.
        start : float, optional
            Start of the span to explain, seconds.
        end : float, optional
            End of the span, seconds. Without start and end, the frames where
            the class was found are explained.
        sample_rate : int, optional
            As for :meth:`segment`.
        channel : int, optional
            As for :meth:`segment`; of an analysis, that was chosen before.
        track : int, optional
            Likewise.

        Returns
        -------
        Explanation

        Raises
        ------
        AudioError
            If the audio cannot be read or is shorter than a frame.
        ExplainableSegError
            If the student was not trained for the class, the span is none, or
            the class was not found and there is no span.
        """
        label = self.classes[class_index(class_name, self.classes)]
        check_span(start, end)
        if not isinstance(source, Analysis):
            source = self.analyse(
                source,
                sample_rate,
                channel=channel,
                track=track,
                start=start,
                end=end,
            )
        return explain_analysis(
            source, self._weights, self.model.mu, label, start, end
        )

    def report_data(
        self,
        analysis: Analysis,
        reference: Mapping[str, Sequence[Span]] | None = None,
    ) -> ReportData:
        """What a page shows of a recording.

        Arguments
        ---------
        analysis : Analysis
            What :meth:`analyse` returned.
        reference : Mapping[str, Sequence[tuple[float, float]]], optional
            The truth, in seconds, for those classes whose truth is known.

        Returns
        -------
        ReportData
        """
        return ReportData(
            analysis.decomposition,
            self._weights,
            analysis.segmentation.spans_of_all,
            reference,
        )

    @cached_property
    def _weights(self) -> StudentWeights:
        """What explanations refer to, on the CPU."""
        return StudentWeights.of(self.model, self.name)


def _original(
    source: AudioSource,
    sample_rate: int | None,
    channel: int | None,
    track: int | None,
    start: float,
    end: float,
) -> tuple[np.ndarray, int]:
    """A span of a recording, mono, at its own rate, and the rate."""
    excerpt = Excerpt(channel, start, end, track)
    stream = AudioStream(
        source, sample_rate, excerpt, shortest=1, resampled=False
    )
    return stream.read(), stream.rate


def _name_of(source: AudioSource) -> str:
    """Name of a file, none for samples."""
    if not isinstance(source, (str, os.PathLike)):
        return ""
    # The name goes into texts, and names of files need not be UTF-8.
    return os.fspath(source).encode("utf-8", "replace").decode("utf-8")


def _uri_of(name: str) -> str:
    """Name of a recording in results: of its file, if it has one."""
    return uri_of(name) if name else "audio"
