"""How a model is run: where, how exactly, on windows or on whole recordings."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Literal

import numpy as np
import torch

from explainable_seg.audio import levelled
from explainable_seg.errors import AudioError, ExplainableSegError
from explainable_seg.features import LogPowerSpectrogram
from explainable_seg.frames import FRAME_RATE, HOP, WINDOW, num_frames
from explainable_seg.models.student import Student, StudentOutput, Teacher
from explainable_seg.models.tcn import Queue, norm_of, streamed
from explainable_seg.models.windows import (
    OverlapAdd,
    Window,
    cut_windows,
    one_stretch,
)

logger = logging.getLogger(__name__)


def choose_device(name: str | int | torch.device = "auto") -> torch.device:
    """Device by name.

    Arguments
    ---------
    name : str or int or torch.device
        ``cpu``, ``cuda``, ``cuda:1``..., or ``auto``: CUDA where there is a
        card, else the CPU. A number is that of a CUDA device, as for PyTorch.

    Returns
    -------
    torch.device

    Raises
    ------
    ExplainableSegError
        If the name is unknown, or CUDA is asked for where there is none.

    Example
    -------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    found = torch.cuda.device_count()
    name = f"cuda:{name}" if isinstance(name, int) else str(name)
    if name == "auto":
        name = "cuda" if found else "cpu"
        logger.info("running on %s: found %d CUDA devices", name, found)
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or not (index or "0").isdecimal():
        raise ExplainableSegError(
            f"expected cpu, cuda or auto, got '{name}', for the device; "
            "name one of them"
        )
    if kind == "cuda" and int(index or 0) >= found:
        raise ExplainableSegError(
            f"expected a CUDA device, got {found} of them, for the device "
            f"'{name}'; use cpu or auto"
        )
    return torch.device(name)


def choose_precision(
    name: str, device: torch.device, frontend: str = "spectrogram"
) -> bool:
    """Whether a model runs in bf16.

    Arguments
    ---------
    name : str
        ``fp32``, ``bf16``, or ``auto``: bf16 where it pays and the hardware
        has it, which is WavLM on a CUDA card from the year 2020 on, or on a
        CPU whose instructions multiply bf16 (AMX, AVX512-BF16).
    device : torch.device
        Where the model runs.
    frontend : str
        ``wavlm`` or ``spectrogram``.

    Returns
    -------
    bool

    Raises
    ------
    ExplainableSegError
        If the name is unknown, or bf16 is asked for where there is none.

    Example
    -------
    >>> choose_precision("auto", torch.device("cpu"))
    False
    """
    if name == "fp32":
        return False
    if name not in ("auto", "bf16"):
        raise ExplainableSegError(
            f"expected fp32, bf16 or auto, got '{name}', for the precision; "
            "name one of them"
        )
    if name == "auto" and frontend != "wavlm":
        return False
    if device.type == "cuda":
        found = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        found = _cpu_has(torch.ops.mkldnn, "_is_mkldnn_bf16_supported")
    if name == "auto":
        return found and (device.type == "cuda" or _multiplies_bf16())
    if not found:
        raise ExplainableSegError(
            f"expected a device with bf16, got '{device}', for the precision; "
            "use fp32 or auto"
        )
    return True


def _multiplies_bf16() -> bool:
    """Whether the CPU has instructions for bf16, not a slow detour."""
    return any(
        _cpu_has(torch.cpu, f"_is_{instructions}_supported")
        for instructions in ("amx_tile", "avx512_bf16")
    )


def _cpu_has(where: Any, question: str) -> bool:
    """Answer of PyTorch to a question that not every platform understands."""
    try:
        return bool(getattr(where, question)())
    except (AttributeError, NotImplementedError, RuntimeError):
        return False


BATCH_SIZE = 16
"""Windows that a model sees at a time, where nothing else is said."""
# Frames that are put together at a time. Hundreds of small pieces that stay,
# between the large ones that come and go, would keep the heap from shrinking.
BLOCK_FRAMES = 1 << 16
# Frames of a block, where a recording is run in one pass: the sparse code takes
# as long for a few as for hundreds.
PASS = 3000

Evidence = Literal["activations", "spectrogram", "code", "features"]
"""What can be asked of a model beside its logits."""
NOTHING: Set[Evidence] = frozenset()


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a model says of frames: those of windows, or all in a row.

    Arguments
    ---------
    logits : torch.Tensor [shape=(..., C)]
        Their sigmoids are the class probabilities.
    activations : torch.Tensor, optional [shape=(..., K)]
        H. This and what follows is None where it was not asked for, or the
        model has none.
    spectrogram : torch.Tensor, optional [shape=(..., F)]
        X, which the activations rebuild.
    code : torch.Tensor, optional [shape=(..., K)]
        Sparse code of X that H started from.
    features : torch.Tensor, optional [shape=(..., D)]
        What the front end says.
    """

    logits: torch.Tensor
    activations: torch.Tensor | None = None
    spectrogram: torch.Tensor | None = None
    code: torch.Tensor | None = None
    features: torch.Tensor | None = None

    @classmethod
    def of(
        cls,
        output: torch.Tensor | StudentOutput,
        wanted: Set[Evidence] = NOTHING,
        features: torch.Tensor | None = None,
    ) -> "Outputs":
        """Name what a model returned.

        Arguments
        ---------
        output : torch.Tensor or StudentOutput
            Logits of a teacher, or all that a student says.
        wanted : Set[str]
            What is kept beside the logits.
        features : torch.Tensor, optional
            What the front end said.

        Returns
        -------
        Outputs
        """
        if isinstance(output, torch.Tensor):
            there = {"features": features}
        else:
            there = {**output._asdict(), "features": features}
            output = output.logits
        return cls(output, **{name: there.get(name) for name in wanted})

    def named(self) -> dict[str, torch.Tensor]:
        """The outputs that are there, by name."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: x for name, x in values.items() if x is not None}

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Outputs":
        """The same change of each output that is there."""
        return Outputs(**{n: change(x) for n, x in self.named().items()})


@dataclass(frozen=True, eq=False)
class Runner:
    """Runs a model, on windows and on recordings of any length.

    A recording is cut into the windows that the model was trained with. Where
    they overlap its outputs are averaged, all with the same weights, so that
    linear relations between outputs survive. What a student says of each frame
    alone is computed once for all windows that share the frame.

    Arguments
    ---------
    model : torch.nn.Module
        A student or a teacher, where and in the mode in which it shall run.
    window : float, optional
        Seconds a window: those that the model was trained with. Without it a
        recording is run in one pass, in blocks that the result does not
        depend on, if the model on its spectrogram has the norm ``local`` or
        ``frame``; else it is one window.
    step : float, optional
        Seconds between windows; by default a window.
    context : int
        Frames to leave out at the inner edges of windows. With the reach of a
        model that normalises each frame on its own, the result is that of the
        whole recording at once, whatever the window.
    level : float, optional
        What recordings are brought to, dB re full scale, as by
        :func:`~explainable_seg.audio.level.levelled`; windows come as they
        shall be heard.
    bf16 : bool, optional
        Whether the model runs in bf16; by default as the caller's autocast
        has it.
    batch_size : int
        Windows at a time; the result does not depend on it.

    Raises
    ------
    ValueError
        If the windows leave frames without a weight.

    Example
    -------
    >>> teacher = Teacher({"type": "spectrogram"}, {"n_blocks": 1}).eval()
    >>> runner = Runner(teacher, window=0.5, step=0.25)
    >>> runner.batch(torch.randn(2, 8000)).logits.shape
    torch.Size([2, 24, 4])
    >>> runner.recording(torch.randn(48000)).logits.shape
    torch.Size([149, 4])
    """

    model: torch.nn.Module
    window: float | None = None
    step: float | None = None
    context: int = 0
    level: float | None = None
    bf16: bool | None = None
    batch_size: int = BATCH_SIZE

    def __post_init__(self) -> None:
        if self._hop > self._length - 2 * self.context:
            raise ValueError(
                f"expected `step` <= `window` - 2 `context`, got {self._hop} > "
                f"{self._length} - 2 * {self.context} frames"
            )

    @classmethod
    def of(
        cls,
        model: Teacher | Student,
        config: Mapping[str, Any],
        precision: str = "auto",
        batch_size: int = BATCH_SIZE,
    ) -> "Runner":
        """Runner of a model with the settings of its pretrained folder.

        Arguments
        ---------
        model : Teacher or Student
            In evaluation mode, on the device where it shall run.
        config : Mapping[str, Any]
            ``window`` and ``step`` (s), and optionally ``context`` (frames)
            and ``level`` (dB re full scale), among others.
        precision : str
            ``fp32``, ``bf16`` or ``auto``, as for :func:`choose_precision`.
        batch_size : int
            Windows at a time.

        Returns
        -------
        Runner

        Raises
        ------
        ExplainableSegError
            If the device lacks the precision.
        """
        frontend = model.config["frontend"]["type"]
        device = cls(model).device
        return cls(
            model,
            config["window"],
            config["step"],
            config.get("context", 0),
            config.get("level"),
            choose_precision(precision, device, frontend),
            batch_size,
        )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        weight = next(self.model.parameters(), None)
        return torch.device("cpu") if weight is None else weight.device

    @property
    def _length(self) -> int:
        """Frames of a window."""
        if self.window is None:
            return sys.maxsize
        return max(1, round(self.window * FRAME_RATE))

    @property
    def _hop(self) -> int:
        """Frames between windows."""
        if self.step is None:
            return self._length
        return min(self._length, max(1, round(self.step * FRAME_RATE)))

    def batch(
        self,
        wav: torch.Tensor,
        wanted: Set[Evidence] = NOTHING,
        features: torch.Tensor | None = None,
    ) -> Outputs:
        """Outputs of windows, without gradients.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz, as the model shall hear it.
        wanted : Set[str]
            What is kept beside the logits.
        features : torch.Tensor, optional [shape=(B, T, D)]
            What the front end says of this audio, where it is known already.

        Returns
        -------
        Outputs [shape=(B, T, ...)]
            On the device of the model.
        """
        with self._running():
            wav = wav.to(self.device)
            if features is not None:
                features = features.to(self.device)
            elif "features" in wanted:
                features = self.model.get_submodule("frontend")(wav)
            known = () if features is None else (features,)
            return Outputs.of(self.model(wav, *known), wanted, features)

    def windows(
        self, wav: torch.Tensor, wanted: Set[Evidence] = NOTHING
    ) -> Iterator[Outputs]:
        """Outputs of the windows of a recording, as they are.

        Arguments
        ---------
        wav : torch.Tensor [shape=(N,)]
            Audio at 16 kHz, at least 400 samples.
        wanted : Set[str]
            What is kept beside the logits.

        Yields
        ------
        Outputs [shape=(B, T, ...)]
            Of the next windows, on the device of the model.
        """
        for batch in self._batches([wav.numpy()]):
            audio = torch.stack([window.audio for window in batch])
            yield self.batch(audio, wanted)

    def recording(
        self,
        wav: torch.Tensor,
        wanted: Set[Evidence] = NOTHING,
        features: torch.Tensor | None = None,
    ) -> Outputs:
        """Outputs over a whole recording, averaged where windows meet.

        Arguments
        ---------
        wav : torch.Tensor [shape=(N,)]
            Audio at 16 kHz, at least 400 samples.
        wanted : Set[str]
            What is kept beside the logits.
        features : torch.Tensor, optional [shape=(n_windows, T, D)]
            What the front end says of all windows in their order, where it is
            known already.

        Returns
        -------
        Outputs [shape=(T, ...)]
            On the CPU, T = num_frames(N).

        Raises
        ------
        AudioError
            If the recording is shorter than a frame.
        """
        return joined(self.stream([wav.numpy()], wanted, features=features))

    def stream(
        self,
        blocks: Iterable[np.ndarray],
        wanted: Set[Evidence] = NOTHING,
        hear: Callable[[np.ndarray], object] = lambda block: None,
        features: torch.Tensor | None = None,
    ) -> Iterator[Outputs]:
        """Outputs over a recording that comes in blocks, as they are finished.

        No more than a few windows are ever held.

        Arguments
        ---------
        blocks : Iterable[np.ndarray]
            Audio at 16 kHz, [N] each; how it is split does not matter.
        wanted : Set[str]
            What is kept beside the logits.
        hear : callable
            Is given consecutive audio as the model hears it, at its level.
        features : torch.Tensor, optional [shape=(n_windows, T, D)]
            As for :meth:`recording`.

        Yields
        ------
        Outputs [shape=(T', ...)]
            Of the next frames, on the CPU.

        Raises
        ------
        AudioError
            If the recording is shorter than a frame.
        """
        if self.window is None and features is None and self._has_one_pass:
            yield from self._one_pass(blocks, wanted, hear)
            return
        mean = OverlapAdd(self.context)
        n_windows = 0
        for batch in self._batches(blocks, hear):
            known = None
            if features is not None:
                known = features[n_windows : n_windows + len(batch)]
            outputs = self._overlapping(batch, wanted, known)
            found = outputs.map(lambda x: x.float().cpu()).named()
            for row, window in enumerate(batch):
                mean.add(window, {name: x[row] for name, x in found.items()})
            n_windows += len(batch)
            yield Outputs(**mean.finished())
        if not n_windows:
            raise _too_short()
        yield Outputs(**mean.rest())

    @property
    def _has_one_pass(self) -> bool:
        """Whether frames far away do not count."""
        return isinstance(self.model, (Student, Teacher)) and (
            isinstance(self.model.frontend, LogPowerSpectrogram)
            and norm_of(self.model.config) != "global"
        )

    def _one_pass(
        self,
        blocks: Iterable[np.ndarray],
        wanted: Set[Evidence],
        hear: Callable[[np.ndarray], object],
    ) -> Iterator[Outputs]:
        """Outputs over a recording of which each frame is computed once."""
        tcn = streamed(self.model.get_submodule("tcn"))
        waiting: dict[str, Queue] = {}
        n_frames = 0
        for window in cut_windows(self._heard(blocks, hear), PASS, PASS):
            # The last window begins among the frames of the one before.
            audio = window.audio[(n_frames - window.start) * HOP :]
            n_frames += num_frames(len(audio))
            with self._running():
                known = self._known(audio[None].to(self.device))
                for name, values in known.items():
                    waiting.setdefault(name, Queue()).add(values)
                context = tcn.feed(known["features"].float(), window.at_end)
                done = context.shape[1]
                known = {n: queue.take(done) for n, queue in waiting.items()}
                outputs = self._concluded(known, context, wanted)
            yield outputs.map(lambda x: x[0].float().cpu())
        if not n_frames:
            raise _too_short()

    def _known(self, wav: torch.Tensor) -> dict[str, torch.Tensor]:
        """What is known of the frames of a block."""
        if not isinstance(self.model, Student):
            return {"features": self.model.get_submodule("frontend")(wav)}
        X, code = self.model.encode(wav)
        features = (
            X if self.model.shares_spectrogram else self.model.frontend(wav)
        )
        return {"X": X, "code": code, "features": features}

    def _concluded(
        self,
        known: dict[str, torch.Tensor],
        context: torch.Tensor,
        wanted: Set[Evidence],
    ) -> Outputs:
        """Outputs of frames whose surroundings were seen."""
        features = known.pop("features")
        if isinstance(self.model, Student):
            said = self.model.conclude(**known, context=context)
        else:
            said = self.model.get_submodule("classifier")(context)
        return Outputs.of(said, wanted, features)

    def _heard(
        self,
        blocks: Iterable[np.ndarray],
        hear: Callable[[np.ndarray], object],
    ) -> Iterator[torch.Tensor]:
        """Audio at its level."""
        for block in levelled(blocks, self.level):
            hear(block)
            yield torch.from_numpy(block)

    def _batches(
        self,
        blocks: Iterable[np.ndarray],
        hear: Callable[[np.ndarray], object] = lambda block: None,
    ) -> Iterator[list[Window]]:
        """Windows of a recording at its level, some at a time."""
        heard = self._heard(blocks, hear)
        windows = cut_windows(heard, self._length, self._hop)
        while batch := list(islice(windows, self.batch_size)):
            yield batch

    def _overlapping(
        self,
        batch: list[Window],
        wanted: Set[Evidence],
        features: torch.Tensor | None,
    ) -> Outputs:
        """Outputs of windows in the order of their starts."""
        student = self.model
        if (
            features is not None
            or not isinstance(student, Student)
            or not student.shares_spectrogram
        ):
            audio = torch.stack([window.audio for window in batch])
            return self.batch(audio, wanted, features)
        stretch, places = one_stretch(batch)
        with self._running():
            X, code = (
                torch.stack([frames[0, place] for place in places])
                for frames in student.encode(stretch[None].to(self.device))
            )
            return Outputs.of(student.decide(X, code, X), wanted, X)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Without gradients, in the precision that was asked for."""
        precision: AbstractContextManager[object] = nullcontext()
        kind = self.device.type
        # A device without autocast has none to be turned off.
        if self.bf16 is not None and torch.amp.is_autocast_available(kind):
            precision = torch.autocast(kind, torch.bfloat16, enabled=self.bf16)
        with torch.no_grad(), precision:
            yield


def _too_short() -> AudioError:
    """Error for audio without a frame."""
    return AudioError(
        f"expected {WINDOW} samples or more at 16 kHz (25 ms), got fewer, in "
        "the audio; give a longer stretch"
    )


def joined(parts: Iterable[Outputs]) -> Outputs:
    """Consecutive frames as one.

    Arguments
    ---------
    parts : Iterable[Outputs] [shape=(T', ...)]
        One or more; each has the same outputs.

    Returns
    -------
    Outputs [shape=(T, ...)]
    """
    blocks: list[Outputs] = []
    pending: list[Outputs] = []
    n_frames = 0  # of those that are pending
    for part in parts:
        pending.append(part)
        n_frames += len(part.logits)
        if n_frames >= BLOCK_FRAMES:
            blocks.append(_end_to_end(pending))
            pending, n_frames = [], 0
    return _end_to_end([*blocks, *pending])


def _end_to_end(parts: list[Outputs]) -> Outputs:
    """The outputs of all parts, one behind the other."""
    named = [part.named() for part in parts]
    return Outputs(**{n: torch.cat([p[n] for p in named]) for n in named[0]})
