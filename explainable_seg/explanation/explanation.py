"""Why a class was found in a passage: as numbers, as a spectrum, as sound."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from explainable_seg.brief import Brief
from explainable_seg.classes import class_index
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation.decomposition import (
    Decomposition,
    StudentWeights,
)
from explainable_seg.explanation.grounding import (
    Coder,
    Grounding,
    measure_grounding,
    reconstruction_error,
)
from explainable_seg.explanation.masks import apply_mask, class_mask, frame_gate
from explainable_seg.explanation.selection import (
    Selector,
    default_selection,
    relevance,
    select_atoms,
)
from explainable_seg.explanation.words import describe_atoms
from explainable_seg.frames import (
    SAMPLE_RATE,
    Span,
    frame_range,
    frame_spans,
    frame_targets,
)
from explainable_seg.nmf import full_precision

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Chosen(Brief):
    """A passage of a recording and the frames of it to explain.

    Arguments
    ---------
    start : float
        Start of the passage, seconds.
    end : float
        End of the passage, seconds.
    first : int
        First frame of the passage.
    last : int
        One past its last frame.
    explained : np.ndarray [shape=(last - first,), dtype=bool]
        Frames to explain; the first and the last are among them.
    """

    start: float
    end: float
    first: int
    last: int
    explained: np.ndarray


def frames_to_explain(
    class_name: str,
    found: np.ndarray,
    start: float | None,
    end: float | None,
    duration: float,
    name: str,
) -> Chosen:
    """All frames of a span if there is one, else those of the class.

    Arguments
    ---------
    class_name : str
        The class, for the message.
    found : np.ndarray [shape=(T,), dtype=bool]
        Frames of the recording where the class was found.
    start : float or None
        Start of the span, seconds.
    end : float or None
        End of the span, seconds; clipped to the recording.
    duration : float
        Duration of the recording, seconds.
    name : str
        The recording, for the message.

    Returns
    -------
    Chosen

    Raises
    ------
    ExplainableSegError
        If there is no frame to explain.

    Example
    -------
    >>> found = np.array([False, True, True, False, True, False])
    >>> chosen = frames_to_explain("music", found, None, None, 0.13, "a.wav")
    >>> chosen.start, chosen.end, chosen.explained.tolist()
    (0.0225, 0.1025, [True, True, False, True])
    """
    if start is None and end is None:
        return _where_found(class_name, found, duration, name)
    start = 0.0 if start is None else start
    end = duration if end is None else min(end, duration)
    return _whole_span(start, end, len(found), duration, name)


def _where_found(
    class_name: str, found: np.ndarray, duration: float, name: str
) -> Chosen:
    """From the first to the last frame where the class was found."""
    if not found.any():
        raise ExplainableSegError(
            f"expected {class_name} to be found, got no frame of it, in "
            f"{name or 'the audio'}; give a span (start and end) to explain "
            "why not"
        )
    spans = frame_spans(found, duration)
    frames = np.flatnonzero(found)
    first, last = int(frames[0]), int(frames[-1]) + 1
    return Chosen(spans[0][0], spans[-1][1], first, last, found[first:last])


def _whole_span(
    start: float, end: float, n_frames: int, duration: float, name: str
) -> Chosen:
    """All frames between start and end."""
    # False for NaN as well, which frame_range could not take.
    if 0.0 <= start < end:
        first, last = frame_range(start, end, n_frames)
        if first < last:
            explained = np.ones(last - first, dtype=bool)
            return Chosen(start, end, first, last, explained)
    raise ExplainableSegError(
        f"expected a span of 20 ms or more inside 0 to {duration:.3f} s, "
        f"got {start:g} to {end:g}, in {name or 'the audio'}; change the "
        "start or the end"
    )


SUM_TOLERANCE = 1e-4  # of bias + sum of relevances against the mean logit


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Brief):
    """Why a class was found, or not, in a passage of a recording.

    The passage runs from ``start`` to ``end``. The frames explained are those
    of ``explained``: all frames of a span that the user gave, else the frames
    where the class was found. Means are over these frames, and
    ``bias + relevance.sum() == logit_mean`` to 1e-4.

    Arguments
    ---------
    class_name : str
        One of the classes that the student was trained for.
    start : float
        Start of the passage, seconds.
    end : float
        End of the passage, seconds.
    explained : np.ndarray [shape=(T,), dtype=bool]
        Frames of the passage that are explained.
    found : np.ndarray [shape=(T,), dtype=bool]
        Frames of the passage where the class was found.
    spans : Mapping[str, Sequence[tuple[float, float]]]
        Where in the passage each class was found, in seconds.
    bias : float
        Bias of the class.
    logit_mean : float
        Mean logit of the class.
    reconstruction_error : float or None
        ``||X - W H|| / ||X||``; None in digital silence.
    z : np.ndarray [shape=(K,)]
        Mean activation of each atom.
    theta : np.ndarray [shape=(K,)]
        Weight of each atom for the class.
    relevance : np.ndarray [shape=(K,)]
        ``z * theta``, in units of the logit.
    selected : np.ndarray [shape=(K,), dtype=bool]
        Atoms in the picture and in the sound.
    peak_hz : np.ndarray [shape=(K,)]
        Peak frequency of each atom; NaN for an atom that is zero everywhere.
    spectrogram : np.ndarray [shape=(T, F), dtype=float32]
        What the selected atoms rebuild; zero in frames not explained.
    audio : np.ndarray [shape=(N,), dtype=float32]
        The selected atoms' share of the recording; silent in frames not
        explained.
    passage : Decomposition
        The passage as the student read it.
    weights : StudentWeights
        The student's dictionary and classifier.
    grounding : Grounding, optional
        Agreement with the sparse code of the sound, where it was measured.
    """

    class_name: str
    start: float
    end: float
    explained: np.ndarray
    found: np.ndarray
    spans: Mapping[str, Sequence[Span]]
    bias: float
    logit_mean: float
    reconstruction_error: float | None
    z: np.ndarray
    theta: np.ndarray
    relevance: np.ndarray
    selected: np.ndarray
    peak_hz: np.ndarray
    spectrogram: np.ndarray
    audio: np.ndarray
    passage: Decomposition
    weights: StudentWeights
    grounding: Grounding | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames explained."""
        return int(self.explained.sum())

    @cached_property
    def threshold(self) -> float | None:
        """Probability from which the class was found, if there is one."""
        return self.passage.rules.thresholds.get(self.class_name)

    @cached_property
    def sound(self) -> tuple[np.ndarray, int]:
        """``audio`` [shape=(N,)] in the recording's own quality, and its rate.

        Where the recording cannot be read again, ``audio`` itself.

        Raises
        ------
        AudioError
            If the recording can no longer be read.
        """
        if self.passage.original is None:
            return self.audio, SAMPLE_RATE
        audio, rate = self.passage.as_recorded
        masked = _explained_audio(
            self.passage,
            self.weights,
            torch.from_numpy(self.selected),
            self.explained,
            audio,
            rate,
        )
        return masked, rate

    @cached_property
    def found_spans(self) -> Sequence[Span]:
        """Where in the passage the class was found, in seconds."""
        return self.spans.get(self.class_name, ())

    @cached_property
    def source(self) -> str | None:
        """Whose atoms are selected, all that sound: the class, or speech.

        None where all classes share all atoms, or others were selected.
        """
        own = self.weights.own_of(self.class_name)
        r, z = torch.from_numpy(self.relevance), torch.from_numpy(self.z)
        default = default_selection(r, z, own).numpy()
        if own is None or not np.array_equal(self.selected, default):
            return None
        return self.weights.source(self.class_name)

    @cached_property
    def deciding(self) -> np.ndarray:
        """Atoms that carry the decision [shape=(K,), dtype=bool].

        Those selected; but where these are a source, whatever they add, those
        of the paper's choice.
        """
        if self.source is None:
            return self.selected
        return select_atoms(torch.from_numpy(self.relevance)).numpy()

    def to_dict(self) -> dict[str, Any]:
        """The explanation as ``explanation.json`` holds it, all K atoms."""
        return {
            "class": self.class_name,
            "start": self.start,
            "end": self.end,
            "frames": self.n_frames,
            "bias": self.bias,
            "logit_mean": self.logit_mean,
            "reconstruction_error": self.reconstruction_error,
            "atoms": [
                {
                    "index": k,
                    "relevance": float(self.relevance[k]),
                    "z": float(self.z[k]),
                    "theta": float(self.theta[k]),
                    "peak_hz": _number(self.peak_hz[k]),
                    "selected": bool(self.selected[k]),
                    "class": atom.owner,
                    "words": atom.words,
                }
                for k, atom in enumerate(describe_atoms(self.weights))
            ],
        }

    def plot(self) -> "Figure":
        """Picture of the explanation: :func:`.pictures.plot_explanation`."""
        # Matplotlib is slow to import, and numbers and sound need none of it.
        from explainable_seg.pages import plot_explanation

        return plot_explanation(self)

    @cached_property
    def picture(self) -> bytes:
        """The picture as a PNG file, rendered once for file and page."""
        from explainable_seg.pages import render_picture

        return render_picture(self)

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write it to a folder: :func:`.saving.save_explanations`."""
        from explainable_seg.pages import save_explanations

        return save_explanations(folder, [self], ReportData.of_passage(self))


@full_precision
def explain_class(
    decomposition: Decomposition,
    weights: StudentWeights,
    class_name: str,
    start: float | None = None,
    end: float | None = None,
    spans: Mapping[str, Sequence[Span]] | None = None,
    select: Selector | None = None,
    transform: Coder | None = None,
) -> Explanation:
    """Explain a class on a span, or where it was found.

    Arguments
    ---------
    decomposition : Decomposition
        The recording, or a part of it, as the student read it.
    weights : StudentWeights
        The student's dictionary and classifier.
    class_name : str
        One of the classes that the student was trained for.
    start : float, optional
        Start of the span in seconds; from the beginning if only ``end`` is
        given.
    end : float, optional
        End of the span in seconds; to the end if only ``start`` is given.
    spans : Mapping[str, Sequence[tuple[float, float]]], optional
        Where in the recording each class was found, seconds; used when no span
        is given. By default as the rules of the decomposition decide.
    select : callable, optional
        Maps relevances [K] to the atoms to keep, as those of
        :mod:`.selection` do. By default :func:`.default_selection` chooses:
        the class's own atoms that sound, or of shared ones by the paper's
        threshold.
    transform : callable, optional
        The NMF transform, ``transform(X, W)`` gives activations [T, K]; with
        it, the grounding is measured too.

    Returns
    -------
    Explanation

    Raises
    ------
    ExplainableSegError
        If the student was not trained for the class, the class was not found
        and no span is given, or the span holds no frame of the recording.
    ValueError
        If the logits are not the sums of the contributions.
    """
    c = class_index(class_name, weights.classes)
    if spans is None:
        spans = decomposition.decided_spans()
    there = [
        (first - decomposition.start, last - decomposition.start)
        for first, last in spans.get(class_name, ())
    ]
    found = frame_targets(there, decomposition.n_frames)
    chosen = frames_to_explain(
        class_name,
        found,
        None if start is None else start - decomposition.start,
        None if end is None else end - decomposition.start,
        decomposition.duration,
        decomposition.name,
    )
    passage = decomposition.passage(
        chosen.start, chosen.end, chosen.first, chosen.last
    )
    explained = torch.from_numpy(chosen.explained)
    W, theta_c = weights.dictionary, weights.theta[c]
    H, X = passage.activations[explained], passage.spectrogram[explained]
    r = relevance(H, theta_c)
    bias = float(weights.bias[c])
    logit_mean = passage.logits[explained, c].double().mean().item()
    _check_additivity(bias, r, logit_mean)
    z = H.double().mean(dim=0)
    own_c = weights.own_of(class_name)
    selected = select(r) if select else default_selection(r, z, own_c)
    return Explanation(
        class_name=class_name,
        start=passage.start,
        end=decomposition.start + chosen.end,
        explained=chosen.explained,
        found=found[chosen.first : chosen.last],
        spans={
            name: _clipped(
                found_there, passage.start, decomposition.start + chosen.end
            )
            for name, found_there in spans.items()
        },
        bias=bias,
        logit_mean=logit_mean,
        reconstruction_error=reconstruction_error(X, W, H),
        z=z.numpy(),
        theta=theta_c.numpy(),
        relevance=r.numpy(),
        selected=selected.numpy(),
        peak_hz=weights.peak_hz.numpy(),
        spectrogram=_explained_spectrogram(passage, W, selected, explained),
        audio=_explained_audio(
            passage, weights, selected, chosen.explained, passage.audio
        ),
        passage=passage,
        weights=weights,
        grounding=measure_grounding(X, W, H, transform) if transform else None,
    )


def _clipped(spans: Sequence[Span], start: float, end: float) -> list[Span]:
    """The parts of sorted spans that lie between two times."""
    cut = ((max(first, start), min(last, end)) for first, last in spans)
    return [(first, last) for first, last in cut if first < last]


def _explained_spectrogram(
    passage: Decomposition,
    W: torch.Tensor,
    selected: torch.Tensor,
    explained: torch.Tensor,
) -> np.ndarray:
    """What the selected atoms rebuild, zero outside the explained frames."""
    rebuilt = passage.activations[:, selected] @ W[:, selected].T
    return (rebuilt * explained[:, None]).numpy()


def _explained_audio(
    passage: Decomposition,
    weights: StudentWeights,
    selected: torch.Tensor,
    explained: np.ndarray,
    audio: np.ndarray,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """The selected atoms' share of the audio, silent outside."""
    mask = class_mask(
        passage.activations, weights.dictionary, selected, weights.sources
    )
    centre = passage.first_centre
    masked = apply_mask(audio, mask, centre, sample_rate)
    gate = frame_gate(explained, len(audio), centre, sample_rate=sample_rate)
    return masked * gate


def _check_additivity(bias: float, r: torch.Tensor, logit_mean: float) -> None:
    """Refuse to explain logits that are no sums of these contributions."""
    gap = abs(bias + r.sum().item() - logit_mean)
    if not gap <= SUM_TOLERANCE:
        raise ValueError(
            f"expected bias + relevances = mean logit to {SUM_TOLERANCE}, got a "
            f"gap of {gap:.2g}: the logits are not H Theta' + b of these H"
        )


def _number(value: float) -> float | None:
    """A float for JSON: None for NaN."""
    return None if math.isnan(value) else float(value)


SLACK = 1e-7  # seconds; a border that falls on a centre stays on its side


@dataclass(frozen=True, eq=False, repr=False)
class ReportData(Brief):
    """A recording as a student read it, and where it found each class.

    Arguments
    ---------
    decomposition : Decomposition
        The recording, or a passage of it.
    weights : StudentWeights
        The student's dictionary and classifier.
    spans : Mapping[str, Sequence[tuple[float, float]]]
        For each class, the segments found: seconds of the whole recording.
    reference : Mapping[str, Sequence[tuple[float, float]]], optional
        The truth for those classes whose truth is known.
    """

    decomposition: Decomposition
    weights: StudentWeights
    spans: Mapping[str, Sequence[Span]]
    reference: Mapping[str, Sequence[Span]] | None = None

    @classmethod
    def of_passage(cls, explanation: Explanation) -> "ReportData":
        """The passage of an explanation alone.

        Arguments
        ---------
        explanation : Explanation
            All classes are shown where they were found in the recording.

        Returns
        -------
        ReportData
        """
        return cls(explanation.passage, explanation.weights, explanation.spans)

    @property
    def segments(self) -> list[tuple[str, float, float]]:
        """Class, start and end of each segment, by class and then by time."""
        return [
            (name, start, end)
            for name in self.weights.classes
            for start, end in sorted(self.spans.get(name, ()))
        ]

    def frames(self, start: float, end: float) -> tuple[int, int]:
        """Frames whose centre lies in a span, as a half-open range.

        Arguments
        ---------
        start : float
            Seconds of the whole recording.
        end : float
            Seconds of the whole recording.

        Returns
        -------
        tuple[int, int]
        """
        centres = self.decomposition.frame_seconds
        borders = np.array([start, end]) - SLACK
        first, last = np.searchsorted(centres, borders).tolist()
        return first, last
