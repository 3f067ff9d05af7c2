"""The front door: a pretrained student over recordings."""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from typing_extensions import Unpack

from explainable_seg.annotation.fields import uri_of
from explainable_seg.classes import CLASSES, parse_class
from explainable_seg.errors import ExplainableSegError, ModelError
from explainable_seg.explanation.explanation import Explanation, explain_class
from explainable_seg.explanation.findings import Findings
from explainable_seg.explanation.reading import (
    Reading,
    StudentWeights,
    make_reading,
)
from explainable_seg.frames import Span, frame_targets
from explainable_seg.inference.audio import (
    WHOLE,
    Excerpt,
    Recording,
    stream_audio,
)
from explainable_seg.inference.device import choose_device, choose_precision
from explainable_seg.inference.pipeline import run_model
from explainable_seg.inference.pretrained import (
    card_for_hub,
    find_folder,
    load_pretrained,
    push_folder,
    read_card,
    save_pretrained,
)
from explainable_seg.inference.rules import DecisionOptions, Rules, make_rules
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.inference.windows import BATCH_SIZE
from explainable_seg.models.student import Student
from explainable_seg.nmf import sparse_code

CODE_SWEEPS = 20  # of the sparse code that activations are compared with
DEFAULT_MODEL = Path(__file__).parents[1] / "default_model"


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
    precision : str
        ``fp32``, ``bf16`` or ``auto``, as for :meth:`from_pretrained`.
    batch_size : int
        Windows that the model sees at a time.

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
        precision: str = "auto",
        batch_size: int = BATCH_SIZE,
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
        self.batch_size = batch_size
        frontend = model.config["frontend"]["type"]
        self.bf16 = choose_precision(precision, self.device, frontend)

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.model.dictionary.device

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | None = None,
        device: str = "auto",
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        precision: str = "auto",
        batch_size: int = BATCH_SIZE,
    ) -> "ExplainableSegmenter":
        """Load a student; no code that comes with it is run.

        Arguments
        ---------
        source : str or os.PathLike, optional
            A folder, or a hub id such as ``org/name``; by default the model
            that ships with the package.
        device : str
            ``cpu``, ``cuda`` or ``auto``: CUDA where there is a card.
        revision : str, optional
            Branch, tag or commit on the hub.
        token : str or bool, optional
            Of the hub; by default the one that was stored by logging in.
        cache_dir : str or os.PathLike, optional
            Where downloads are kept, in place of the hub's own cache.
        precision : str
            ``fp32``, ``bf16``, or ``auto``: bf16 for WavLM on a CUDA card
            that has it, else fp32.
        batch_size : int
            Windows that the model sees at a time: more use more memory.

        Returns
        -------
        ExplainableSegmenter

        Raises
        ------
        ModelError
            If there is no such model, or a file of it is missing or corrupt.
        ExplainableSegError
            If the device or the precision is not there.
        """
        if source is None and not DEFAULT_MODEL.is_dir():
            raise ModelError(
                "expected a model, got none: no model ships with this version; "
                "name a folder or a hub id (on the command line: --model)"
            )
        where = choose_device(device)
        folder = find_folder(
            DEFAULT_MODEL if source is None else source,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
        )
        model, config = load_pretrained(folder, where)
        name = os.fspath(source or "the default model")
        return cls(
            model, config, read_card(folder), name, precision, batch_size
        )

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the student as a folder for :meth:`from_pretrained`.

        Arguments
        ---------
        folder : str or os.PathLike
            Created where it is missing; the files of a model are replaced.
        """
        save_pretrained(folder, self.model, self.config, self.card)

    def push_to_hub(
        self,
        name: str,
        token: str | bool | None = None,
        private: bool = False,
    ) -> str:
        """Upload the student to the hub, with its model card.

        Arguments
        ---------
        name : str
            Hub id, such as ``org/name``; created where it is missing.
        token : str or bool, optional
            Of the hub; by default the one that was stored by logging in.
        private : bool
            Whether a new repository is private.

        Returns
        -------
        str
            Address of the commit.

        Raises
        ------
        ModelError
            If the hub refuses, or cannot be reached.
        """
        card = card_for_hub(self.card, name)
        with tempfile.TemporaryDirectory() as folder:
            save_pretrained(folder, self.model, self.config, card)
            return push_folder(Path(folder), name, token, private)

    @classmethod
    def from_hparams(
        cls, source: Any, **options: Any
    ) -> "ExplainableSegmenter":
        """Load a student the way of SpeechBrain: of trusted folders only.

        Unlike :meth:`from_pretrained`, this runs what ``hyperparams.yaml``
        in the folder names.

        Arguments
        ---------
        source : str, Path or FetchSource
            Folder or hub id.
        **options : dict
            ``savedir``, ``local_strategy``, ``run_opts`` and what else
            SpeechBrain's ``pretrained_from_hparams`` takes.

        Returns
        -------
        ExplainableSegmenter
        """
        # Imported on use: SpeechBrain takes longer than a segmentation.
        from explainable_seg.inference.speechbrain_interface import segmenter_of
        from speechbrain.inference.interfaces import pretrained_from_hparams

        return pretrained_from_hparams(segmenter_of, source, **options)

    def segment(
        self,
        source: Recording,
        sample_rate: int | None = None,
        *,
        channel: int | None = None,
        start: float | None = None,
        end: float | None = None,
        **decisions: Unpack[DecisionOptions],
    ) -> Segmentation:
        """Find the classes in a recording, whatever its length.

        Files are decoded as they are read, so that memory does not grow with
        the recording, apart from the probabilities.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray or torch.Tensor
            A file, or samples [N] or [N, channels] (the shorter axis holds
            the channels): floats in -1..1 or integers.
        sample_rate : int, optional
            Samples a second; for samples only, and needed there.
        channel : int, optional
            The channel to segment, counted from 1; by default their mean.
        start : float, optional
            Where to begin, seconds.
        end : float, optional
            Where to end, seconds.
        **decisions : DecisionOptions
            ``operating_point``, ``thresholds``, ``hysteresis``, ``min_on``,
            ``min_off``, ``max_on`` and ``derived``, in place of what the model
            says; see :class:`~explainable_seg.inference.rules.DecisionOptions`.

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
        excerpt = Excerpt(channel, start, end)
        blocks = stream_audio(source, sample_rate, excerpt)
        uri = _uri_of(_name_of(source))
        return self.segment_blocks(blocks, uri, rules, excerpt)

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
            lambda batch: (self.predict_logits(batch),),
            blocks,
            self.config,
            uri,
            rules,
            excerpt.first,
            self.batch_size,
        )
        return segmentation

    def analyse(
        self,
        source: Recording,
        sample_rate: int | None = None,
        **decisions: Unpack[DecisionOptions],
    ) -> Analysis:
        """One pass over a recording, for a segmentation and explanations.

        All that explanations need is held in memory: about 0.5 GB an hour.

        Arguments
        ---------
        source : str, os.PathLike, np.ndarray or torch.Tensor
            As for :meth:`segment`.
        sample_rate : int, optional
            As for :meth:`segment`.
        **decisions : DecisionOptions
            As for :meth:`segment`.

        Returns
        -------
        Analysis

        Raises
        ------
        AudioError
            If the audio cannot be read or is shorter than a frame.
        """
        rules = make_rules(self.config, decisions)
        name = _name_of(source)
        audio = np.concatenate(list(stream_audio(source, sample_rate)))
        segmentation, (logits, activations, spectrogram) = run_model(
            self._predict,
            [audio],
            self.config,
            _uri_of(name),
            rules,
            batch_size=self.batch_size,
        )
        reading = make_reading(audio, spectrogram, activations, logits, name)
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

    def findings(
        self,
        analysis: Analysis,
        reference: Mapping[str, Sequence[Span]] | None = None,
    ) -> Findings:
        """What a page shows of a recording.

        Arguments
        ---------
        analysis : Analysis
            What :meth:`analyse` returned.
        reference : Mapping[str, Sequence[tuple[float, float]]], optional
            The truth, in seconds, for those classes whose truth is known.

        Returns
        -------
        Findings
        """
        spans = {name: analysis.segmentation.spans(name) for name in CLASSES}
        return Findings(analysis.reading, self._weights(), spans, reference)

    def predict_logits(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits of windows, without stitching or decisions.

        Arguments
        ---------
        batch : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.

        Returns
        -------
        torch.Tensor [shape=(B, T, C)]
            On the device of the model.
        """
        return self._predict(batch)[0]

    def _predict(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits, activations and spectrogram of windows [B, N]."""
        bf16 = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.bf16
        )
        with torch.no_grad(), bf16:
            output = self.model(batch.to(self.device))
        return output.logits, output.activations, output.spectrogram

    def _weights(self) -> StudentWeights:
        """What explanations refer to, on the CPU."""
        thresholds = self.config["thresholds"]
        return StudentWeights.of(self.model, thresholds, self.name)

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


def _name_of(source: Recording) -> str:
    """Name of a file, none for samples."""
    if not isinstance(source, (str, os.PathLike)):
        return ""
    # The name goes into texts, and names of files need not be UTF-8.
    return os.fspath(source).encode("utf-8", "replace").decode("utf-8")


def _uri_of(name: str) -> str:
    """Name of a recording in results: of its file, if it has one."""
    return uri_of(name) if name else "audio"
