"""What an explanation is made from: a recording as a student read it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from explainable_seg.audio import resample
from explainable_seg.brief import Brief
from explainable_seg.classes import CLASSES, class_index
from explainable_seg.decisions import Rules, decide
from explainable_seg.explanation.masks import FIRST_CENTRE
from explainable_seg.explanation.selection import peak_hz
from explainable_seg.frames import HOP, SAMPLE_RATE, Span, num_frames
from explainable_seg.models import Student


@dataclass(frozen=True, eq=False, repr=False)
class StudentWeights(Brief):
    """The readable end of a student: what its explanations refer to.

    Arguments
    ---------
    dictionary : torch.Tensor [shape=(F, K)]
        Atoms W, non-negative.
    theta : torch.Tensor [shape=(C, K)]
        Weights of the linear classifier.
    bias : torch.Tensor [shape=(C,)]
        Its biases.
    classes : tuple[str, ...]
        Names of the C rows: what the student was trained for.
    name : str
        Folder or hub id of the model, as the user gave it.
    own : torch.Tensor, optional [shape=(C, K), dtype=bool]
        Which atoms are a class's own; None where all classes share all atoms.
    sources : torch.Tensor, optional [shape=(3, K), dtype=bool]
        Which atoms are of speech, of music and of noise; None likewise.
    """

    dictionary: torch.Tensor
    theta: torch.Tensor
    bias: torch.Tensor
    classes: tuple[str, ...] = CLASSES
    name: str = ""
    own: torch.Tensor | None = None
    sources: torch.Tensor | None = None

    def own_of(self, class_name: str) -> torch.Tensor | None:
        """Which atoms are a class's own, if it has its own.

        Arguments
        ---------
        class_name : str
            One that the student was trained for.

        Returns
        -------
        torch.Tensor or None [shape=(K,), dtype=bool]
        """
        if self.own is None:
            return None
        return self.own[class_index(class_name, self.classes)]

    @cached_property
    def owners(self) -> list[str | None]:
        """Whose each of the K atoms is.

        Of the classes whose own it is the one with the fewest: atoms of
        overlap are speech's, too; overlap without any reads those of speech.
        None where all are shared, and of atoms that were learned from a class
        for which the student was not trained.
        """
        rows = [] if self.own is None else self.own.tolist()
        fewest_first = sorted(zip(self.classes, rows), key=lambda x: sum(x[1]))
        return [
            next((c for c, row in fewest_first if row[k]), None)
            for k in range(self.dictionary.shape[1])
        ]

    def source(self, class_name: str) -> str | None:
        """Of which class the own atoms of a class are.

        Arguments
        ---------
        class_name : str
            One that the student was trained for.

        Returns
        -------
        str or None
            The class itself, or of overlap without atoms speech; None where
            all classes share all atoms.

        Example
        -------
        >>> weights = StudentWeights(
        ...     dictionary=torch.eye(2),
        ...     theta=torch.zeros(4, 2),
        ...     bias=torch.zeros(4),
        ...     own=torch.eye(4, 2).bool() | (torch.arange(4) == 3)[:, None],
        ... )
        >>> weights.owners, weights.source("overlap"), weights.source("noise")
        (['speech', 'music'], 'speech', 'noise')
        """
        own = self.own_of(class_name)
        if own is None:
            return None
        atoms = own.nonzero().flatten().tolist()
        return self.owners[atoms[0]] if atoms else class_name

    @cached_property
    def peak_hz(self) -> torch.Tensor:
        """As :func:`~.selection.peak_hz` of the atoms [shape=(K,)]."""
        return peak_hz(self.dictionary)

    @classmethod
    def of(cls, student: Student, name: str = "") -> "StudentWeights":
        """Weights of a student, on the CPU.

        Arguments
        ---------
        student : Student
            The model.
        name : str
            Folder or hub id of the model, as the user gave it.

        Returns
        -------
        StudentWeights
        """
        own, sources = student.own_atoms, student.source_atoms
        return cls(
            dictionary=student.dictionary.detach().cpu(),
            theta=student.classifier.weight.detach().cpu(),
            bias=student.classifier.bias.detach().cpu(),
            classes=student.classes,
            name=name,
            own=None if own is None else own.cpu(),
            sources=None if sources is None else sources.cpu(),
        )


Original = Callable[[float, float], tuple[np.ndarray, int]]
"""Maps a span, seconds, to what a recording has there, mono, and its rate."""


@dataclass(frozen=True, eq=False, repr=False)
class Decomposition(Brief):
    """A recording, or a passage of it, as a student read it.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz.
    spectrogram : torch.Tensor [shape=(T, F)]
        X, non-negative.
    activations : torch.Tensor [shape=(T, K)]
        H, non-negative.
    logits : torch.Tensor [shape=(T, C)]
        Logits, ``H Theta' + b``.
    name : str
        The audio file, as the user gave it.
    start : float
        Where the passage starts in the recording, seconds.
    first_centre : int
        Sample of ``audio`` on which the first frame is centred.
    rules : Rules
        How it is decided what is found; by default nothing is.
    original : callable, optional
        Reads a span of the recording in its own quality, if it can be read
        again: maps start and end, seconds, to samples [N] and their rate.
    """

    audio: np.ndarray
    spectrogram: torch.Tensor
    activations: torch.Tensor
    logits: torch.Tensor
    name: str = ""
    start: float = 0.0
    first_centre: int = FIRST_CENTRE
    rules: Rules = Rules()
    original: Original | None = field(default=None, repr=False)

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return len(self.logits)

    @cached_property
    def duration(self) -> float:
        """Duration of the audio in seconds."""
        return len(self.audio) / SAMPLE_RATE

    @cached_property
    def as_recorded(self) -> tuple[np.ndarray, int]:
        """Its sound [shape=(N,)] in the best quality there is, and the rate.

        On the whole as loud as ``audio``, which is as loud as the model heard
        it: what is faint in the recording can be heard as well.

        Raises
        ------
        AudioError
            If the recording can no longer be read.
        """
        if self.original is None:
            return self.audio, SAMPLE_RATE
        sound, rate = self.original(self.start, self.start + self.duration)
        # What the model does not hear makes no sound louder to it.
        heard, recorded = (
            np.square(x, dtype=np.float64).mean()
            for x in (self.audio, resample(sound, rate))
        )
        gain = np.sqrt(heard / recorded) if recorded > 0 else 1.0
        return sound * np.float32(gain), rate

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Probabilities of the classes [shape=(T, C), dtype=float32]."""
        return self.logits.sigmoid().numpy()

    @cached_property
    def frame_seconds(self) -> np.ndarray:
        """Centre of each frame in the recording, seconds [shape=(T,)]."""
        centres = self.first_centre + HOP * np.arange(self.n_frames)
        return self.start + centres / SAMPLE_RATE

    def decided_spans(self) -> dict[str, list[Span]]:
        """Where each class is found by the rules, seconds of the recording."""
        spans: dict[str, list[Span]] = {c: [] for c in self.rules.classes}
        if spans:
            for found in decide(
                self.probabilities, self.rules, self.duration, self.start
            ):
                spans.setdefault(found.label, []).append(
                    (found.start, found.end)
                )
        return spans

    def passage(
        self, start: float, end: float, first: int, last: int
    ) -> "Decomposition":
        """A passage of it.

        Arguments
        ---------
        start : float
            Start of the passage, seconds from where the audio begins.
        end : float
            Its end, likewise.
        first : int
            First frame of the passage.
        last : int
            One past its last frame.

        Returns
        -------
        Decomposition
            With the audio between start and end, to the sample.
        """
        low, high = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        return Decomposition(
            audio=self.audio[low:high],
            spectrogram=self.spectrogram[first:last],
            activations=self.activations[first:last],
            logits=self.logits[first:last],
            name=self.name,
            start=self.start + start,
            first_centre=self.first_centre + HOP * first - low,
            rules=self.rules,
            original=self.original,
        )


def make_decomposition(
    audio: np.ndarray,
    spectrogram: torch.Tensor,
    activations: torch.Tensor,
    logits: torch.Tensor,
    name: str = "",
    rules: Rules = Rules(),
    start: float = 0.0,
) -> Decomposition:
    """Reading of a recording, checked and brought to the CPU.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz.
    spectrogram : torch.Tensor [shape=(T, F)]
        X of the student's output.
    activations : torch.Tensor [shape=(T, K)]
        H of the student's output.
    logits : torch.Tensor [shape=(T, C)]
        Logits of the student's output.
    name : str
        The audio file, as the user gave it.
    rules : Rules
        How it is decided what is found.
    start : float
        Where in the recording the audio begins, seconds.

    Returns
    -------
    Decomposition

    Raises
    ------
    ValueError
        If the audio and the tensors differ in their number of frames.
    """
    expected = num_frames(len(audio))
    lengths = [len(spectrogram), len(activations), len(logits)]
    if lengths != [expected] * 3:
        raise ValueError(
            f"expected {expected} frames for {len(audio)} samples, got "
            f"{lengths} for spectrogram, activations, logits"
        )
    return Decomposition(
        audio=np.asarray(audio, dtype=np.float32),
        spectrogram=spectrogram.detach().float().cpu(),
        activations=activations.detach().float().cpu(),
        logits=logits.detach().float().cpu(),
        name=name,
        start=start,
        rules=rules,
    )


@dataclass(frozen=True, eq=False)
class Contrast:
    """Why class A rather than class B, on some frames of a recording.

    ``bias + relevance.sum() == logit_gap`` to rounding.

    Arguments
    ---------
    class_name : str
        Class A.
    other : str
        Class B.
    bias : float
        Difference of their biases.
    logit_gap : float
        Mean difference of their logits.
    relevance : torch.Tensor [shape=(K,), dtype=float64]
        What each atom adds to the gap; below zero, it speaks for B.
    """

    class_name: str
    other: str
    bias: float
    logit_gap: float
    relevance: torch.Tensor


def contrast_classes(
    decomposition: Decomposition,
    weights: StudentWeights,
    class_name: str,
    other: str,
    frames: torch.Tensor,
) -> Contrast:
    """Contrast two classes.

    Arguments
    ---------
    decomposition : Decomposition
        A recording, or a passage of it, as the student read it.
    weights : StudentWeights
        The student's dictionary and classifier.
    class_name : str
        Class A, one that the student was trained for.
    other : str
        Class B, likewise.
    frames : torch.Tensor [shape=(T,), dtype=bool]
        Frames to explain, at least one.

    Returns
    -------
    Contrast

    Raises
    ------
    ExplainableSegError
        If the student was not trained for one of the two.
    ValueError
        If there is no frame.

    Example
    -------
    >>> reading = Decomposition(
    ...     audio=torch.zeros(400).numpy(),
    ...     spectrogram=torch.ones(1, 2),
    ...     activations=torch.ones(1, 2),
    ...     logits=torch.tensor([[3.0, 1.0, 0.0, 0.0]]),
    ... )
    >>> theta = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    >>> weights = StudentWeights(torch.eye(2), theta, torch.zeros(4))
    >>> contrast = contrast_classes(
    ...     reading, weights, "speech", "music", torch.tensor([True])
    ... )
    >>> contrast.relevance.tolist(), contrast.logit_gap
    ([2.0, 0.0], 2.0)
    """
    if not frames.any():
        raise ValueError("expected `frames` to explain, got none")
    a, b = (class_index(name, weights.classes) for name in (class_name, other))
    z = decomposition.activations[frames].double().mean(dim=0)
    logits = decomposition.logits[frames].double().mean(dim=0)
    theta = weights.theta.double()
    return Contrast(
        class_name=class_name,
        other=other,
        bias=(weights.bias[a] - weights.bias[b]).item(),
        logit_gap=(logits[a] - logits[b]).item(),
        relevance=z * (theta[a] - theta[b]),
    )
