"""Decisions while the sound comes in, with a latency that is known."""

from dataclasses import dataclass

import numpy as np
import torch
from typing_extensions import Unpack

from explainable_seg.audio import RumbleFilter
from explainable_seg.brief import Brief
from explainable_seg.decisions import DecisionOptions, active_frames, make_rules
from explainable_seg.errors import AudioError, ModelError
from explainable_seg.frames import (
    FRAME_CENTRE,
    FRAME_RATE,
    FRAME_STEP,
    HOP,
    SAMPLE_RATE,
    WINDOW,
    num_frames,
    num_samples,
)
from explainable_seg.inference.pipeline import check_logits
from explainable_seg.inference.segmenter import ExplainableSegmenter


@dataclass(frozen=True, eq=False, repr=False)
class LiveFrames(Brief):
    """Decisions on the next frames of a stream.

    Arguments
    ---------
    times : np.ndarray [shape=(T,)]
        Centre of each frame, seconds since the stream began.
    probabilities : np.ndarray [shape=(T, C), dtype=float32]
        Probability of each class.
    active : np.ndarray [shape=(T, C), dtype=bool]
        Whether each class is found.
    """

    times: np.ndarray
    probabilities: np.ndarray
    active: np.ndarray


class LiveSegmenter:
    """Segments a stream that is fed block by block.

    The result is that of the whole recording as it is, whatever the blocks,
    for the model must see no further than its convolutions reach. The
    thresholds and the hysteresis decide; segments are neither dropped nor
    joined, which would need the future. Nor is the stream brought to the
    model's level: give it about that loud.

    Arguments
    ---------
    segmenter : ExplainableSegmenter
        Of a model with the norm of each frame and the spectrogram.
    step : float
        Seconds that are decided at a time: less is sooner, and costs more,
        since each step also computes what the model reaches on both sides.
    **decisions : DecisionOptions
        As for :meth:`.ExplainableSegmenter.segment`.

    Raises
    ------
    ModelError
        If the decisions of the model depend on the whole window.
    ValueError
        If the step is not above 0.

    Example
    -------
    >>> live = LiveSegmenter(segmenter)  # doctest: +SKIP
    >>> for block in microphone:  # doctest: +SKIP
    ...     frames = live.feed(block)  # of live.latency seconds ago
    """

    def __init__(
        self,
        segmenter: ExplainableSegmenter,
        step: float = 0.5,
        **decisions: Unpack[DecisionOptions],
    ):
        model = segmenter.model.config
        norm = model["tcn"].get("norm", "global")
        frontend = model["frontend"]["type"]
        if norm != "frame" or frontend != "spectrogram":
            raise ModelError(
                f"expected a model with the norm 'frame' on a spectrogram, got "
                f"'{norm}' on {frontend}, in {segmenter.name or 'the model'}; "
                "train one with norm: frame for live use"
            )
        if not 0 < step < float("inf"):
            raise ValueError(f"expected `step` above 0 seconds, got {step}")
        self.segmenter = segmenter
        self.rules = make_rules(segmenter.config, decisions)
        self.step = max(1, round(step * FRAME_RATE))
        self.reach: int = segmenter.model.tcn.reach
        self._filter = RumbleFilter(SAMPLE_RATE)
        self._audio = np.zeros(0, dtype=np.float32)
        self._first = 0  # frame that the audio begins with
        self._next = 0  # frame to decide next
        self._state = [False] * len(self.rules.classes)

    @property
    def latency(self) -> float:
        """Seconds between a sound and the decision on it, at most.

        What the model and the filter of rumble reach into the future, the
        step, and the half of a frame; the time to compute comes on top.
        """
        frames = self.reach + self.step - 1
        samples = WINDOW / 2 + self._filter.reach
        return frames * FRAME_STEP + samples / SAMPLE_RATE

    def feed(self, block: np.ndarray) -> LiveFrames:
        """Take the next samples; return the decisions that are due.

        Arguments
        ---------
        block : np.ndarray [shape=(N,)]
            Mono samples at 16 kHz, floats in -1..1, any number of them.

        Returns
        -------
        LiveFrames
            Often none: T is a multiple of the step.

        Raises
        ------
        AudioError
            If the samples are no floats, of several channels or not finite.
        """
        samples = np.asarray(block)
        if (
            samples.ndim != 1
            or samples.dtype.kind != "f"
            or not np.isfinite(samples).all()
        ):
            raise AudioError(
                "expected a block [N] of finite float samples in -1..1, got "
                f"{samples.dtype} {list(samples.shape)}, in the live stream; "
                "mix to mono and divide integers by their full scale"
            )
        mono = samples.astype(np.float32, copy=False)
        heard = self._filter.feed(mono)
        self._audio = np.concatenate([self._audio, heard])
        end = self._first + num_frames(len(self._audio))
        due = (end - self.reach - self._next) // self.step * self.step
        return self._decide(self._next + max(0, due))

    def finish(self) -> LiveFrames:
        """The decisions that are left at the end of the stream.

        Returns
        -------
        LiveFrames
        """
        self._audio = np.concatenate([self._audio, self._filter.finish()])
        return self._decide(self._first + num_frames(len(self._audio)))

    def _decide(self, stop: int) -> LiveFrames:
        """Decide the frames up to one; forget audio that is not needed."""
        first, stop = self._next, max(self._next, stop)
        probabilities = np.zeros((0, len(self.rules.classes)), dtype=np.float32)
        if stop > first:
            n_frames = min(
                num_frames(len(self._audio)), stop + self.reach - self._first
            )
            audio = torch.from_numpy(self._audio[: num_samples(n_frames)])
            logits = self.segmenter.runner.batch(audio[None]).logits[0]
            inner = logits[first - self._first : stop - self._first]
            check_logits(inner)
            probabilities = inner.sigmoid().cpu().numpy()
        active = self._active(probabilities)
        passed = max(0, stop - self.reach - self._first)
        self._audio = self._audio[passed * HOP :]
        self._first += passed
        self._next = stop
        times = FRAME_CENTRE + FRAME_STEP * np.arange(first, stop)
        return LiveFrames(times, probabilities, active)

    def _active(self, probabilities: np.ndarray) -> np.ndarray:
        """Whether each class is found [T, C], as it went on from before."""
        columns = [
            active_frames(
                probabilities[:, c],
                self.rules.thresholds[label],
                self.rules.hysteresis.get(label, 0.0),
                self._state[c],
            )
            for c, label in enumerate(self.rules.classes)
        ]
        if len(probabilities):
            self._state = [bool(column[-1]) for column in columns]
        return np.stack(columns, axis=1)
