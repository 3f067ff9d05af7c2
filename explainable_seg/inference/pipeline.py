"""From audio to segments: the model and its decisions in one pass."""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np
import torch

from explainable_seg.audio import AudioStream
from explainable_seg.brief import Brief
from explainable_seg.decisions import Rules, Segmentation, decide
from explainable_seg.errors import AudioError, ExplainableSegError, ModelError
from explainable_seg.explanation import (
    Decomposition,
    Explanation,
    StudentWeights,
    explain_class,
    make_decomposition,
)
from explainable_seg.frames import FRAME_STEP, HOP, SAMPLE_RATE, WINDOW
from explainable_seg.models import Evidence, Outputs, Runner, joined
from explainable_seg.nmf import sparse_code


def run_model(
    runner: Runner,
    blocks: Iterable[np.ndarray],
    rules: Rules,
    uri: str,
    start: float = 0.0,
    wanted: Set[Evidence] = frozenset(),
    keep: Callable[[Outputs], Outputs] = lambda part: part,
    hear: Callable[[np.ndarray], object] = lambda block: None,
) -> tuple[Segmentation, Outputs]:
    """Segmentation of a recording that comes in blocks.

    Arguments
    ---------
    runner : Runner
        What runs the model.
    blocks : Iterable[np.ndarray]
        Audio at 16 kHz, [N] each, 400 samples or more in all.
    rules : Rules
        How to decide.
    uri : str
        Name of the recording.
    start : float
        Where in the recording the audio begins, seconds.
    wanted : Set[str]
        What is asked of the model beside the logits.
    keep : callable
        Maps consecutive frames of all outputs to what is held of them, all
        logits among it; by default all.
    hear : callable
        Is given consecutive audio as the model hears it.

    Returns
    -------
    tuple[Segmentation, Outputs]
        What was found, and all that is held, over the whole recording [T, ...].

    Raises
    ------
    ModelError
        If what the model says are no numbers.
    """
    n_samples = 0

    def count(block: np.ndarray) -> None:
        nonlocal n_samples
        n_samples += len(block)
        hear(block)

    outputs = joined(map(keep, runner.stream(blocks, wanted, count)))
    check_logits(outputs.logits)
    probabilities = outputs.logits.sigmoid().numpy()
    duration = n_samples / SAMPLE_RATE
    segmentation = Segmentation(
        uri=uri,
        duration=duration,
        segments=decide(probabilities, rules, duration, start),
        probabilities=probabilities,
        classes=rules.classes,
        start=start,
        rules=rules,
    )
    return segmentation, outputs


def check_logits(logits: torch.Tensor) -> None:
    """Raise if a model says something that is no number.

    Arguments
    ---------
    logits : torch.Tensor [shape=(...)]
        What it says.

    Raises
    ------
    ModelError
        If one is not finite: weights may be finite and yet too large.
    """
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(
            "expected finite logits, got NaN or infinity, from the model; its "
            "weights are broken, or too large for the precision: copy the "
            "model again, or use fp32"
        )


LONGEST_EXPLAINED = 2 * 3600  # seconds that are explained: about 1 GB
CODE_SWEEPS = 20
"""Sweeps of the sparse code that activations are compared with."""
# What is asked of the model to explain what it says.
EXPLAINED: Set[Evidence] = {"activations", "spectrogram"}


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Brief):
    """All that the student says of a recording, from one pass over it.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    decomposition : Decomposition
        Audio, spectrogram, activations and logits of the recording, or of the
        part of it that is to be explained.
    """

    segmentation: Segmentation
    decomposition: Decomposition


def is_long(stream: AudioStream) -> bool:
    """Whether a recording is longer than is held of it."""
    return (stream.expected_seconds() or 0.0) > LONGEST_EXPLAINED


class Held:
    """What is held of a recording to explain it, up to a limit.

    Arguments
    ---------
    name : str
        The recording, for the message.
    start, end : float, optional
        The part that is held, seconds; by default all of it.
    """

    def __init__(
        self, name: str, start: float | None = None, end: float | None = None
    ):
        self.name = name
        # A frame more on either side, so that no rounding leaves one out.
        self.first = max(0, int((start or 0.0) / FRAME_STEP) - 1)
        self.last = inf if end is None else ceil(end / FRAME_STEP) + 2
        self.blocks: list[np.ndarray] = []
        self.n_samples = 0
        self._n_heard = 0  # samples
        self._n_read = 0  # frames

    @property
    def start(self) -> float:
        """Where it begins in the recording, seconds."""
        return self.first * FRAME_STEP

    def hear(self, block: np.ndarray) -> None:
        """Hold what belongs to the part of the next samples [N].

        Raises
        ------
        AudioError
            If the part is longer than LONGEST_EXPLAINED.
        """
        low = max(0, self.first * HOP - self._n_heard)
        high = (self.last - 1) * HOP + WINDOW - self._n_heard
        self._n_heard += len(block)
        held = block[low : int(max(0, min(high, len(block))))]
        self.n_samples += len(held)
        if self.n_samples > LONGEST_EXPLAINED * SAMPLE_RATE:
            raise AudioError(
                f"expected up to {LONGEST_EXPLAINED / 3600:g} h to explain, got more, in "
                f"{self.name or 'the audio'}; say what to explain with --start "
                "and --end"
            )
        self.blocks.append(held)

    def keep(self, part: Outputs) -> Outputs:
        """Of the next frames of all outputs the logits, and those held."""
        low = max(0, self.first - self._n_read)
        high = int(max(0, min(self.last - self._n_read, len(part.logits))))
        self._n_read += len(part.logits)
        # Copies, so that what is not held is freed.
        held = part.map(lambda values: values[low:high].clone())
        return replace(held, logits=part.logits)

    def decomposition(self, outputs: Outputs, rules: Rules) -> Decomposition:
        """What was held, as one reading."""
        X, H = outputs.spectrogram, outputs.activations
        assert X is not None and H is not None  # EXPLAINED asks for them
        return make_decomposition(
            np.concatenate(self.blocks),
            X,
            H,
            outputs.logits[self.first : self.first + len(H)],
            self.name,
            rules,
            self.start,
        )


def explain_analysis(
    analysis: Analysis,
    weights: StudentWeights,
    mu: float,
    label: str,
    start: float | None = None,
    end: float | None = None,
) -> Explanation:
    """Say why a class was found, or not, in what was analysed.

    Arguments
    ---------
    analysis : Analysis
        Of the whole recording.
    weights : StudentWeights
        Of the student that made it.
    mu : float
        Sparsity weight of the code that activations are compared with.
    label : str
        One of the classes that the student was trained for.
    start : float, optional
        Start of the span, seconds.
    end : float, optional
        End of the span, seconds; without both, the frames where the class was
        found.

    Returns
    -------
    Explanation

    Raises
    ------
    ExplainableSegError
        If the span is none, or the class was not found and there is no span.
    """
    return explain_class(
        analysis.decomposition,
        weights,
        label,
        start,
        end,
        spans=analysis.segmentation.spans_of_all,
        transform=lambda X, W: sparse_code(X, W, mu, CODE_SWEEPS),
    )


def check_span(start: float | None, end: float | None) -> None:
    """Raise if a span ends before it starts, before any work is done on it.

    Arguments
    ---------
    start : float, optional
        Seconds.
    end : float, optional
        Seconds.

    Raises
    ------
    ExplainableSegError
        If there are both and the end is not after the start.
    """
    if start is not None and end is not None and not start < end:
        raise ExplainableSegError(
            f"expected an end after the start, got {start:g} to {end:g} s, in "
            "the span to explain; swap or change them"
        )
