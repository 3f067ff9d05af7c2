"""Decisions while the sound comes in, with a latency that is known."""

from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from typing_extensions import Unpack

from explainable_seg.audio import (
    POWER_RATE,
    RumbleFilter,
    apply_gains,
    frame_powers,
    gain_to,
)
from explainable_seg.brief import Brief
from explainable_seg.decisions import DecisionOptions, active_frames, make_rules
from explainable_seg.errors import AudioError
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


LEVEL_SECONDS = 600.0  # of the past that the level is measured on


class LiveSegmenter:
    """Segments a stream that is fed block by block.

    Each step is decided from a window that ends a little later. So the result
    depends on the sound alone, not on the blocks it comes in. The thresholds
    and the hysteresis decide; segments are neither dropped nor joined, which
    would need the future. If the model has a level, each window is brought to
    it by what was heard up to its end, ten minutes at most.

    Arguments
    ---------
    segmenter : ExplainableSegmenter
        What decides.
    step : float
        Seconds that are decided at a time: less is sooner, and costs more,
        since each step runs the model on a window.
    lookahead : float
        Seconds that the window goes on after what is decided: less is sooner,
        and decides worse.
    window : float
        Seconds that the model sees.
    **decisions : DecisionOptions
        As for :meth:`.ExplainableSegmenter.segment`.

    Raises
    ------
    ValueError
        If the step is not above 0, the lookahead below 0, or the window
        shorter than both.

    Example
    -------
    >>> live = LiveSegmenter(segmenter)  # doctest: +SKIP
    >>> for block in microphone:  # doctest: +SKIP
    ...     frames = live.feed(block)  # of live.latency seconds ago
    """

    def __init__(
        self,
        segmenter: ExplainableSegmenter,
        step: float = 0.4,
        lookahead: float = 0.8,
        window: float = 4.0,
        **decisions: Unpack[DecisionOptions],
    ):
        if not (0 < step < inf and 0 <= lookahead < inf):
            raise ValueError(
                "expected `step` above 0 seconds and `lookahead` of at least "
                f"0, got {step} and {lookahead}"
            )
        if not step + lookahead <= window < inf:
            raise ValueError(
                f"expected a `window` of at least `step` + `lookahead`, got "
                f"{window} s for {step} + {lookahead}"
            )
        self.segmenter = segmenter
        self.rules = make_rules(segmenter.config, decisions)
        self.step = max(1, round(step * FRAME_RATE))
        self.lookahead = round(lookahead * FRAME_RATE)
        self.window = max(
            self.step + self.lookahead, round(window * FRAME_RATE)
        )
        self.level: float | None = segmenter.config.get("level")
        self._filter = RumbleFilter(SAMPLE_RATE)
        self._audio = np.zeros(0, dtype=np.float32)
        self._first = 0  # frame that the audio begins with
        self._next = 0  # frame to decide next
        self._powers = np.zeros(0, dtype=np.float32)  # of each 10 ms
        self._unmeasured = np.zeros(0, dtype=np.float32)
        self._n_measured = 0  # samples
        self._state = [False] * len(self.rules.classes)

    @property
    def latency(self) -> float:
        """Seconds between a sound and the decision on it, at most.

        The lookahead, the step, half a frame, and what the filter of rumble
        reaches into the future; the time to compute comes on top.
        """
        frames = self.lookahead + self.step - 1
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
        self._hear(self._filter.feed(samples.astype(np.float32, copy=False)))
        parts = [self._nothing()]
        while self._end >= self._next + self.step + self.lookahead:
            stop = self._next + self.step
            parts.append(self._decide(stop, stop + self.lookahead))
        return self._joined(parts)

    def finish(self) -> LiveFrames:
        """The decisions that are left at the end of the stream.

        Returns
        -------
        LiveFrames
        """
        self._hear(self._filter.finish())
        if self._end == self._next:
            return self._joined([self._nothing()])
        return self._joined([self._decide(self._end, self._end)])

    @property
    def _end(self) -> int:
        """Frames heard so far."""
        return self._first + num_frames(len(self._audio))

    def _hear(self, audio: np.ndarray) -> None:
        """Take samples without rumble."""
        self._audio = np.concatenate([self._audio, audio])
        if self.level is not None:
            self._unmeasured = np.concatenate([self._unmeasured, audio])

    def _decide(self, stop: int, end: int) -> np.ndarray:
        """Probabilities of the next frames [T, C], seen up to a frame.

        Audio that no window to come needs is forgotten.
        """
        start = max(self._first, end - self.window, 0)
        begin = (start - self._first) * HOP
        heard = self._audio[begin : begin + num_samples(end - start)]
        audio = torch.from_numpy(self._at_level(heard, end))
        logits = self.segmenter.runner.batch(audio[None]).logits[0]
        decided = logits[self._next - start : stop - start]
        check_logits(decided)
        self._next = stop
        passed = max(0, end + self.step - self.window - self._first)
        self._audio = self._audio[passed * HOP :]
        self._first += passed
        probabilities: np.ndarray = decided.sigmoid().cpu().numpy()
        return probabilities

    def _at_level(self, heard: np.ndarray, end: int) -> np.ndarray:
        """A window that ends at a frame, as the model shall hear it."""
        if self.level is None:
            return heard
        n_new = end * HOP - self._n_measured
        powers = frame_powers(self._unmeasured[:n_new])
        self._unmeasured = self._unmeasured[n_new:]
        self._n_measured += n_new
        powers = np.concatenate([self._powers, powers])
        self._powers = powers[-round(LEVEL_SECONDS * POWER_RATE) :]
        gain = float(gain_to(self.level, self._powers))
        return apply_gains(heard, [gain])

    def _joined(self, parts: list[np.ndarray]) -> LiveFrames:
        """Decisions on the frames up to the next."""
        probabilities = np.concatenate(parts)
        first = self._next - len(probabilities)
        times = FRAME_CENTRE + FRAME_STEP * np.arange(first, self._next)
        return LiveFrames(times, probabilities, self._active(probabilities))

    def _nothing(self) -> np.ndarray:
        """Probabilities of no frame."""
        return np.zeros((0, len(self.rules.classes)), dtype=np.float32)

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
