"""A TCN over a recording that comes in blocks: as if it came at once.

Each layer keeps what it needs of the frames before, and gives a frame as soon
as it has seen all that this frame depends on. So nothing is computed twice,
the result does not depend on the blocks, and memory does not grow.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from explainable_seg.errors import SettingsError
from explainable_seg.models.tcn import (
    TCN,
    DepthwiseConv,
    GlobalNorm,
    LocalNorm,
    TCNLayer,
)


class Stream(Protocol):
    """Something that acts on the frames of a recording, block by block."""

    def feed(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        """Take the next frames, and give those that are final.

        Arguments
        ---------
        x : torch.Tensor [shape=(B, T, C)]
            The next frames; T may be 0.
        last : bool
            Whether the recording ends with them: then all are given that are
            left, and nothing can be fed any more.

        Returns
        -------
        torch.Tensor [shape=(B, T', C')]
            The frames after those given before.
        """


class Each:
    """Frames that depend on themselves alone.

    Arguments
    ---------
    module : callable
        Maps [B, T, C] to [B, T, C'].
    """

    def __init__(self, module: Callable[[torch.Tensor], torch.Tensor]):
        self.module = module

    def feed(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        """As of :class:`Stream`."""
        return self.module(x)


class Queue:
    """Frames that wait, to be taken in their order.

    Example
    -------
    >>> queue = Queue()
    >>> queue.add(torch.arange(3.0)[None, :, None])
    >>> queue.take(2).flatten(), len(queue)
    (tensor([0., 1.]), 1)
    """

    def __init__(self) -> None:
        self._parts: deque[torch.Tensor] = deque()

    def __len__(self) -> int:
        return sum(part.shape[1] for part in self._parts)

    def add(self, x: torch.Tensor) -> None:
        """Put [B, T, C] behind the others."""
        self._parts.append(x)

    def take(self, n_frames: int) -> torch.Tensor:
        """Remove the first frames, [B, n_frames, C]."""
        taken = [self._parts[0][:, :0]]
        missing = n_frames
        while missing > 0:
            part = self._parts.popleft()
            taken.append(part[:, :missing])
            if part.shape[1] >= missing:
                self._parts.appendleft(part[:, missing:])
            missing -= taken[-1].shape[1]
        return torch.cat(taken, dim=1)


class NormStream:
    """A local norm: waits for the second half of each frame's box.

    Arguments
    ---------
    norm : LocalNorm
        What is applied.
    """

    def __init__(self, norm: LocalNorm):
        self.norm = norm
        self._waiting = Queue()
        self._sums: torch.Tensor | None = None  # of all frames before each
        self._base = 0  # frame that the sums begin with
        self._next = 0  # frame to give next

    def feed(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        """As of :class:`Stream`."""
        self._waiting.add(x)
        sums = self._add(self.norm.moments(x))
        n_seen = self._base + sums.shape[1] - 1
        box, before = self.norm.box, self.norm.box // 2
        stop = n_seen - box + before + 1 if n_seen >= box else self._next
        if last:
            box, stop = min(box, n_seen), n_seen
        first = torch.arange(self._next, stop, device=x.device) - before
        first = first.clamp(0, max(0, n_seen - box)) - self._base
        means = (sums[:, first + box] - sums[:, first]) / max(1, box)
        y = self.norm.scaled(self._waiting.take(stop - self._next), means)
        self._next = stop
        # At the end, the boxes of the last frames begin one frame earlier.
        needed = max(0, stop - before - 1)
        self._sums = sums[:, needed - self._base :].clone()
        self._base = needed
        return y

    def _add(self, moments: torch.Tensor) -> torch.Tensor:
        """Sums before each frame held, with those of the next [B, T, 2]."""
        sums = self._sums
        if sums is None:
            sums = moments.new_zeros(len(moments), 1, 2)
        return torch.cat([sums, sums[:, -1:] + moments.cumsum(1)], dim=1)


class ConvStream:
    """A centred convolution: waits for the frames that it reaches ahead.

    Arguments
    ---------
    conv : DepthwiseConv
        What is applied.
    """

    def __init__(self, conv: DepthwiseConv):
        self.conv = conv
        self._held: torch.Tensor | None = None

    def feed(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        """As of :class:`Stream`."""
        reach = self.conv.reach
        edge = x.new_zeros(x.shape[0], reach, x.shape[2])
        before = edge if self._held is None else self._held
        x = torch.cat([before, x, *([edge] if last else [])], dim=1)
        n_frames = x.shape[1] - 2 * reach
        if n_frames <= 0:
            self._held = x
            return x[:, :0]
        self._held = x[:, n_frames:].clone()
        return self.conv.between(x)


class Chain:
    """One stream behind the other.

    Arguments
    ---------
    stages : Sequence[Stream]
        In their order.
    """

    def __init__(self, stages: Sequence[Stream]):
        self.stages = list(stages)

    def feed(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        """As of :class:`Stream`."""
        for stage in self.stages:
            x = stage.feed(x, last)
        return x


class Residual:
    """A chain whose input is added to its output.

    Arguments
    ---------
    stages : Sequence[Stream]
        Of the chain.
    """

    def __init__(self, stages: Sequence[Stream]):
        self._chain = Chain(stages)
        self._inputs = Queue()

    def feed(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        """As of :class:`Stream`."""
        self._inputs.add(x)
        y = self._chain.feed(x, last)
        return self._inputs.take(y.shape[1]) + y


class Grouped:
    """A TCN: its layers on groups of frames.

    Arguments
    ---------
    tcn : TCN
        What is applied.
    """

    def __init__(self, tcn: TCN):
        self.tcn = tcn
        layers = [streamed(layer) for layer in tcn.layers]
        self._chain = Chain([Each(tcn.bottleneck), *layers, Each(tcn.apart)])
        self._waiting = Queue()
        self._n_due = 0  # frames taken and not given

    def feed(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        """As of :class:`Stream`."""
        self._n_due += x.shape[1]
        self._waiting.add(x)
        n_frames = len(self._waiting)
        if not last:
            n_frames -= n_frames % self.tcn.stride
        groups = self.tcn.grouped(self._waiting.take(n_frames))
        y = self.tcn.ungrouped(self._chain.feed(groups, last))
        # The last group may be longer than the recording.
        y = y[:, : self._n_due]
        self._n_due -= y.shape[1]
        return y


def streamed(module: torch.nn.Module) -> Stream:
    """Stream of a TCN or a part of it, in evaluation mode.

    Arguments
    ---------
    module : torch.nn.Module
        The module; it is used as it is.

    Returns
    -------
    Stream
        For one recording.

    Raises
    ------
    ValueError
        If the module needs the whole recording, as a global norm does.

    Example
    -------
    >>> tcn = TCN(8, n_blocks=1, n_layers=2, norm="local", box=6).eval()
    >>> x = torch.randn(1, 40, 8)
    >>> stream = streamed(tcn)
    >>> parts = [stream.feed(x[:, :25], False), stream.feed(x[:, 25:], True)]
    >>> torch.allclose(torch.cat(parts, dim=1), tcn(x), atol=1e-5)
    True
    """
    if isinstance(module, TCN):
        return Grouped(module)
    if isinstance(module, TCNLayer):
        return Residual([streamed(stage) for stage in module.stages])
    if isinstance(module, DepthwiseConv):
        return ConvStream(module)
    if isinstance(module, LocalNorm):
        return NormStream(module)
    if isinstance(module, GlobalNorm):
        raise SettingsError(
            "expected the norm local or frame to run a recording in one pass, "
            "got global; give a window"
        )
    return Each(module)
