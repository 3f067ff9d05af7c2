"""The front door: a pretrained student over recordings."""

import os
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
import torch

from explainable_seg.annotation.fields import uri_of
from explainable_seg.classes import parse_class
from explainable_seg.errors import AudioError, ExplainableSegError, ModelError
from explainable_seg.explanation.explanation import Explanation, explain_class
from explainable_seg.explanation.reading import (
    Reading,
    StudentWeights,
    make_reading,
)
from explainable_seg.frames import frame_targets
from explainable_seg.inference.audio import load_audio, to_mono_16k
from explainable_seg.inference.decisions import decide
from explainable_seg.inference.device import choose_device
from explainable_seg.inference.pretrained import (
    find_folder,
    load_pretrained,
    read_card,
    save_pretrained,
)
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.inference.windows import stitch
from explainable_seg.models.student import Student
from explainable_seg.nmf import sparse_code

CODE_SWEEPS = 20  # of the sparse code that activations are compared with


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that the student says of a recording, from one pass over it.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    reading : Reading
        Audio, spectrogram, activations and logits of the whole recording.
    """

    segmentation: Segmentation
    reading: Reading


Recording = Union[str, os.PathLike[str], np.ndarray, torch.Tensor]


class ExplainableSegmenter:
    """Finds speech, music, noise and overlapped speech, and says why.

    The student sees the windows it was trained with; where they overlap its
    outputs are averaged. A class is found in the frames where its probability
    reaches its threshold.

    Arguments
    ---------
    model : Student
        The model, on the device where it shall run.
    config : dict[str, Any]
        ``window``, ``step``, ``thresholds`` and what else
        :func:`~explainable_seg.inference.pretrained.load_pretrained` returns.
    card : str
        The model card, kept for :meth:`save_pretrained`.
    name : str
        Where the model is from; explanations name it.

    Raises
    ------
    ModelError
        If the model is no student.

    Example
    -------
    >>> segmenter = ExplainableSegmenter.from_pretrained(
    ...     "student/"
    ... )  # doctest: +SKIP
    >>> segmenter.segment("show.wav").seconds()  # doctest: +SKIP
    {'speech': 61.2, 'music': 12.5, 'noise': 3.1, 'overlap': 0.0}
    >>> segmenter.explain("show.wav", "music").save("why/")  # doctest: +SKIP
    """

    def __init__(
        self,
        model: torch.nn.Module,
        config: dict[str, Any],
        card: str = "",
        name: str = "",
    ):
        if not isinstance(model, Student):
            raise ModelError(
                f"expected a student, got a {type(model).__name__}, in "
                f"{name or 'the arguments'}; train and export a student"
            )
        self.model = model
        self.config = config
        self.card = card
        self.name = name

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | None = None,
        device: str = "auto",
    ) -> "ExplainableSegmenter":
        """Load a student; no code that comes with it is run.

        Arguments
        ---------
        source : str or os.PathLike
            A folder, or a hub id such as ``org/name``.
        device : str
            ``cpu``, ``cuda`` or ``auto``: CUDA where there is a card.

        Returns
        -------
        ExplainableSegmenter

        Raises
        ------
        ModelError
            If there is no such model, or a file of it is missing or corrupt.
        ExplainableSegError
            If the device is not there.
        """
        if source is None:
            raise ModelError(
                "expected a model, got none: no model ships with this version; "
                "name a folder or a hub id (on the command line: --model)"
            )
        where = choose_device(device)
        folder = find_folder(source)
        model, config = load_pretrained(folder, where)
        return cls(model, config, read_card(folder), os.fspath(source))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the student as a folder for :meth:`from_pretrained`.

        Arguments
        ---------
        folder : str or os.PathLike
            Created where it is missing; the files of a model are replaced.
        """
        save_pretrained(folder, self.model, self.config, self.card)

    def segment(
        self, source: Recording, sample_rate: int | None = None
    ) -> Segmentation:
        """Find the classes in a recording.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray or torch.Tensor
            A file, or samples [N] or [N, channels] (the shorter axis holds
            the channels): floats in -1..1 or integers.
        sample_rate : int, optional
            Samples a second; for samples only, and needed there.

        Returns
        -------
        Segmentation

        Raises
        ------
        AudioError
            If the audio cannot be read or is shorter than a frame.
        """
        return self.analyse(source, sample_rate).segmentation

    def analyse(
        self, source: Recording, sample_rate: int | None = None
    ) -> Analysis:
        """One pass over a recording, for a segmentation and explanations.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray or torch.Tensor
            As for :meth:`segment`.
        sample_rate : int, optional
            As for :meth:`segment`.

        Returns
        -------
        Analysis

        Raises
        ------
        AudioError
            If the audio cannot be read or is shorter than a frame.
        """
        audio, name = _read(source, sample_rate)
        config = self.config
        logits, activations, spectrogram = stitch(
            self._predict,
            torch.from_numpy(audio),
            config["window"],
            config["step"],
            context=config.get("context", 0),
        )
        reading = make_reading(audio, spectrogram, activations, logits, name)
        segments = decide(
            reading.probabilities,
            config["thresholds"],
            reading.duration,
            config.get("min_on"),
            config.get("min_off"),
        )
        segmentation = Segmentation(
            uri=uri_of(name) if name else "audio",
            duration=reading.duration,
            segments=segments,
            probabilities=reading.probabilities,
        )
        return Analysis(segmentation, reading)

    def explain(
        self,
        source: Recording | Analysis,
        class_name: str,
        start: float | None = None,
        end: float | None = None,
        sample_rate: int | None = None,
    ) -> Explanation:
        """Say why a class was found, or not, in a recording.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray, torch.Tensor or Analysis
            As for :meth:`segment`, or what :meth:`analyse` returned, which
            saves a second pass.
        class_name : str
            ``speech``, ``music``, ``noise`` or ``overlap``.
        start : float, optional
            Start of the span to explain, seconds.
        end : float, optional
            End of the span, seconds. Without start and end, the frames where
            the class was found are explained.
        sample_rate : int, optional
            As for :meth:`segment`.

        Returns
        -------
        Explanation

        Raises
        ------
        AudioError
            If the audio cannot be read or is shorter than a frame.
        ExplainableSegError
            If the class is unknown, the span is none, or the class was not
            found and there is no span.
        """
        label = parse_class(class_name)
        check_span(start, end)
        if not isinstance(source, Analysis):
            source = self.analyse(source, sample_rate)
        reading = source.reading
        return explain_class(
            reading,
            self._weights(),
            label,
            start,
            end,
            found=frame_targets(
                source.segmentation.spans(label), reading.n_frames
            ),
            transform=self._sparse_code,
        )

    def _predict(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits, activations and spectrogram of windows [B, N]."""
        with torch.no_grad():
            output = self.model(batch.to(self.model.dictionary.device))
        return output.logits, output.activations, output.spectrogram

    def _weights(self) -> StudentWeights:
        """What explanations refer to, on the CPU."""
        classifier = self.model.classifier
        return StudentWeights(
            dictionary=self.model.dictionary.detach().cpu(),
            theta=classifier.weight.detach().cpu(),
            bias=classifier.bias.detach().cpu(),
            thresholds=self.config["thresholds"],
            name=self.name,
        )

    def _sparse_code(self, X: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        """Activations [T, K] that the sound alone would get."""
        return sparse_code(X, W, self.model.mu, CODE_SWEEPS)


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


def _read(source: Recording, sample_rate: int | None) -> tuple[np.ndarray, str]:
    """Audio [N] at 16 kHz, and the name of its file."""
    if isinstance(source, (str, os.PathLike)):
        if sample_rate is not None:
            raise AudioError(
                f"expected no sample rate for a file, which knows its own, got "
                f"{sample_rate}, in {os.fspath(source)}; leave it out"
            )
        # The name goes into texts, and names of files need not be UTF-8.
        name = os.fspath(source).encode("utf-8", "replace").decode("utf-8")
        return load_audio(source), name
    if sample_rate is None:
        raise AudioError(
            "expected a sample rate for samples, got none, in the array; pass "
            "sample_rate=16000, or whatever it is"
        )
    return to_mono_16k(source, sample_rate), ""
