"""Temporal convolutional network of the teacher and the student.

The separation module of Conv-TasNet (Luo and Mesgarani, 2019, section II.B) on
batch-time-channel tensors, without its skip outputs. And its streams, for a
recording that comes in blocks: each layer keeps what it needs of the frames
before, and gives a frame as soon as it has seen all that this frame depends on,
so that nothing is computed twice and the result does not depend on the blocks.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch

from explainable_seg.errors import SettingsError

NORMS = ("global", "local", "frame")
BOX = 300  # frames, 6 s, that the local norm has its statistics of


def norm_of(model: Mapping[str, Any]) -> str:
    """Norm of the TCN in the configuration of a model."""
    return str(model["tcn"].get("norm", "global"))


class GlobalNorm(torch.nn.Module):
    """Layer norm over time and channels together (Conv-TasNet, equation 7).

    The statistics are those of the whole input, so the output of a frame
    depends on the window it is seen in.

    Arguments
    ---------
    n_channels : int
        Number of channels.
    eps : float
        Added to the variance.
    """

    def __init__(self, n_channels: int, eps: float = 1e-5):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(n_channels))
        self.bias = torch.nn.Parameter(torch.zeros(n_channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise [B, T, C]."""
        flat = torch.nn.functional.layer_norm(
            x.flatten(1), (x.shape[1] * x.shape[2],), eps=self.eps
        )
        return torch.addcmul(self.bias, flat.view_as(x), self.weight)


class LocalNorm(torch.nn.Module):
    """Global norm with the statistics of a box of frames around each frame.

    The box is moved to lie inside the input; of an input that is no longer
    than the box the result is that of :class:`GlobalNorm`. So a decision
    depends on what is around it and not on where a window began, and a
    recording of any length is one input.

    Arguments
    ---------
    n_channels : int
        Number of channels.
    box : int
        Frames of which the statistics are.
    eps : float
        Added to the variance.

    Example
    -------
    >>> x = torch.randn(1, 20, 4)
    >>> norm = LocalNorm(4, box=20)
    >>> torch.allclose(norm(x), GlobalNorm(4)(x), atol=1e-5)
    True
    """

    def __init__(self, n_channels: int, box: int = BOX, eps: float = 1e-5):
        super().__init__()
        if box < 1:
            raise SettingsError(f"expected `box` of 1 frame or more, got {box}")
        self.weight = torch.nn.Parameter(torch.ones(n_channels))
        self.bias = torch.nn.Parameter(torch.zeros(n_channels))
        self.box = box
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise [B, T, C]."""
        n_frames = x.shape[1]
        sums = torch.nn.functional.pad(self.moments(x).cumsum(1), (0, 0, 1, 0))
        box = min(self.box, n_frames)
        first = torch.arange(n_frames, device=x.device) - box // 2
        first = first.clamp(0, n_frames - box)
        return self.scaled(x, (sums[:, first + box] - sums[:, first]) / box)

    @staticmethod
    def moments(x: torch.Tensor) -> torch.Tensor:
        """Mean and mean square of each frame of [B, T, C], [B, T, 2].

        In double precision, so that sums over hours stay exact.
        """
        mean, square = x.mean(2), x.square().mean(2)
        return torch.stack([mean, square], dim=2).double()

    def scaled(self, x: torch.Tensor, moments: torch.Tensor) -> torch.Tensor:
        """Normalise [B, T, C] by the mean moments of boxes, [B, T, 2]."""
        mean, square = moments.unbind(2)
        scale = (square - mean**2).clamp(min=0).add(self.eps).rsqrt()
        shift = (-mean * scale).to(x.dtype)[..., None]
        # One after the other: `addcmul` is slow where it spreads both.
        flat = x * scale.to(x.dtype)[..., None] + shift
        return torch.addcmul(self.bias, flat, self.weight)


def make_norm(norm: str, n_channels: int, box: int = BOX) -> torch.nn.Module:
    """Normalisation layer by name.

    Arguments
    ---------
    norm : str
        ``global``: over time and channels, as in the paper. ``local``: the
        same over a box of frames around each frame. ``frame``: over the
        channels of each frame, so a decision depends only on the receptive
        field and a recording may be cut anywhere.
    n_channels : int
        Number of channels.
    box : int
        Frames of the local norm's box.

    Returns
    -------
    torch.nn.Module
        Acts on [B, T, C].

    Raises
    ------
    ValueError
        If the name is none of these, or the box not possible.
    """
    if norm == "global":
        return GlobalNorm(n_channels)
    if norm == "local":
        return LocalNorm(n_channels, box)
    if norm == "frame":
        return torch.nn.LayerNorm(n_channels)
    raise SettingsError(f"expected `norm` among {NORMS}, got '{norm}'")


class DepthwiseConv(torch.nn.Module):
    """Dilated depth-wise convolution, centred, zero-padded, [B, T, C].

    Shifted sums in the layout of the tensor: no transposition, and several
    times faster on a CPU than a grouped convolution.

    Arguments
    ---------
    n_channels : int
        Number of channels.
    kernel_size : int
        Odd number of taps.
    dilation : int
        Frames between taps.
    """

    def __init__(self, n_channels: int, kernel_size: int, dilation: int):
        super().__init__()
        if kernel_size % 2 == 0:
            raise SettingsError(
                f"expected odd `kernel_size`, got {kernel_size}"
            )
        bound = kernel_size**-0.5
        self.weight = torch.nn.Parameter(
            torch.empty(kernel_size, n_channels).uniform_(-bound, bound)
        )
        self.bias = torch.nn.Parameter(torch.zeros(n_channels))
        self.dilation = dilation

    @property
    def reach(self) -> int:
        """Frames seen on each side."""
        return self.dilation * (len(self.weight) // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve [B, T, C] over time."""
        reach = self.reach
        return self.between(torch.nn.functional.pad(x, (0, 0, reach, reach)))

    def between(self, padded: torch.Tensor) -> torch.Tensor:
        """Convolve where all taps are inside: [B, T + 2 reach, C] to T."""
        n_frames = padded.shape[1] - 2 * self.reach
        out: torch.Tensor = self.bias
        for tap, weight in enumerate(self.weight):
            start = tap * self.dilation
            out = torch.addcmul(
                out, padded[:, start : start + n_frames], weight
            )
        return out


class TCNLayer(torch.nn.Module):
    """1x1 convolution, PReLU, norm, depth-wise convolution, PReLU, norm, 1x1.

    Arguments
    ---------
    n_channels : int
        Channels in and out.
    n_hidden : int
        Channels of the depth-wise convolution.
    kernel_size : int
        Taps.
    dilation : int
        Frames between taps.
    norm : str
        As for :func:`make_norm`.
    dropout : float
        Share of hidden channels set to zero in training.
    box : int
        Frames of the local norm's box.
    """

    def __init__(
        self,
        n_channels: int,
        n_hidden: int,
        kernel_size: int,
        dilation: int,
        norm: str,
        dropout: float,
        box: int = BOX,
    ):
        super().__init__()
        self.expand = torch.nn.Linear(n_channels, n_hidden)
        self.activation_in = torch.nn.PReLU()
        self.norm_in = make_norm(norm, n_hidden, box)
        self.conv = DepthwiseConv(n_hidden, kernel_size, dilation)
        self.activation_out = torch.nn.PReLU()
        self.norm_out = make_norm(norm, n_hidden, box)
        self.dropout = torch.nn.Dropout(dropout)
        self.project = torch.nn.Linear(n_hidden, n_channels)

    @property
    def stages(self) -> list[torch.nn.Module]:
        """What the input goes through before it is added again."""
        return [
            self.expand,
            self.activation_in,
            self.norm_in,
            self.conv,
            self.activation_out,
            self.norm_out,
            self.dropout,
            self.project,
        ]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Residual layer on [B, T, C]."""
        y = x
        for stage in self.stages:
            y = stage(y)
        return x + y


class TCN(torch.nn.Module):
    """Bottleneck, then blocks of layers with dilations 1, 2, 4 and so on.

    Arguments
    ---------
    n_features : int
        Channels of the input.
    n_blocks : int
        Number of blocks.
    n_layers : int
        Layers a block; layer i has dilation 2^i.
    n_channels : int
        Channels between layers.
    n_hidden : int
        Channels inside a layer.
    kernel_size : int
        Taps of the depth-wise convolutions.
    norm : str
        ``global`` (the paper's), ``local`` or ``frame``: :func:`make_norm`.
    dropout : float
        Share of hidden channels set to zero in training.
    box : int
        Frames of the local norm's box.
    stride : int
        Frames that the layers see as one: the frames of each group are
        joined before and told apart again after them, which takes so many
        times less time and lets the layers reach as many times further.

    Example
    -------
    >>> tcn = TCN(n_features=257, n_blocks=1, n_layers=3, norm="frame")
    >>> tcn(torch.zeros(2, 50, 257)).shape, tcn.reach
    (torch.Size([2, 50, 64]), 7)
    """

    def __init__(
        self,
        n_features: int,
        n_blocks: int = 3,
        n_layers: int = 5,
        n_channels: int = 64,
        n_hidden: int = 128,
        kernel_size: int = 3,
        norm: str = "global",
        dropout: float = 0.0,
        box: int = BOX,
        stride: int = 1,
    ):
        super().__init__()
        self.stride = stride
        self.bottleneck = torch.nn.Linear(stride * n_features, n_channels)
        groups = max(1, box // stride)
        layers = [
            TCNLayer(
                n_channels, n_hidden, kernel_size, 2**i, norm, dropout, groups
            )
            for _ in range(n_blocks)
            for i in range(n_layers)
        ]
        self.layers = torch.nn.ModuleList(layers)
        self._reach = sum(layer.conv.reach for layer in layers)
        self.apart = (
            torch.nn.Linear(n_channels, stride * n_channels)
            if stride > 1
            else torch.nn.Identity()
        )

    @property
    def reach(self) -> int:
        """Frames seen on each side by the convolutions, at most."""
        return self.stride * self._reach + self.stride - 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, T, n_features] to [B, T, n_channels]."""
        n_frames = x.shape[1]
        x = self.bottleneck(self.grouped(x))
        for layer in self.layers:
            x = layer(x)
        return self.ungrouped(self.apart(x))[:, :n_frames]

    def grouped(self, x: torch.Tensor) -> torch.Tensor:
        """Join the frames of each group, [B, T, C] to [B, T', stride C].

        The last frame is there again where the last group lacks some.
        """
        if self.stride == 1:
            return x
        missing = -x.shape[1] % self.stride
        x = torch.cat([x, x[:, -1:].expand(-1, missing, -1)], dim=1)
        return x.unflatten(1, (-1, self.stride)).flatten(2)

    def ungrouped(self, x: torch.Tensor) -> torch.Tensor:
        """Tell the frames of each group apart again."""
        return x.unflatten(2, (self.stride, -1)).flatten(1, 2)


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
