"""A device that stands in for a GPU, where there is none.

Its tensors have values, which the CPU computes, but they say that they are on
the device ``meta`` and refuse to meet tensors of the CPU, as those of a GPU
do, numbers (no dimensions) excepted. So what forgets to move a tensor, or makes
one in the wrong place, fails as it would on a GPU.
"""

import contextlib

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    return_and_correct_aliasing,
)
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
# What copies from one device to another.
COPIES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}


class StandIn(torch.Tensor):
    """A tensor on the device: `values` is what it holds."""

    @staticmethod
    def __new__(cls, values):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=DEVICE,
            requires_grad=False,
        )

    def __init__(self, values):
        self.values_of = values

    def __repr__(self):
        return f"StandIn({self.values_of})"

    def __reduce_ex__(self, protocol):
        return restore, (self.values_of,)

    def tolist(self):
        return self.values_of.tolist()

    def numpy(self, *arguments, **keywords):
        raise TypeError("can't convert a device tensor to numpy; use .cpu()")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


def restore(values):
    """What a file had on the device comes back there."""
    return StandIn(values)


torch.serialization.add_safe_globals([restore])


class OnDevice(TorchDispatchMode):
    """Within it, ``device="meta"`` is the stand-in."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


class FromData(TorchFunctionMode):
    """Makes of data what PyTorch, of this device, would not give values."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function in (torch.tensor, torch.as_tensor) and "device" in kwargs:
            device = kwargs.pop("device") or "cpu"
            return function(*args, **kwargs).to(device)
        return function(*args, **kwargs)


@contextlib.contextmanager
def stand_in_device():
    """Make the device answer to its name."""
    with FromData(), OnDevice():
        yield


def run(function, args, kwargs):
    """Compute on the CPU, and put the results where they belong."""
    flat, _ = tree_flatten((args, kwargs))
    tensors = [x for x in flat if isinstance(x, torch.Tensor)]
    ours = [x for x in tensors if isinstance(x, StandIn)]
    asked = kwargs.get("device")
    if ours and function not in COPIES:
        strangers = [
            x for x in tensors if not isinstance(x, StandIn) and x.ndim > 0
        ]
        # An index may be on the CPU, as on a GPU.
        if strangers and not function.__name__.startswith("index"):
            raise RuntimeError(
                "expected all tensors on the same device, got some on the "
                f"device and {[tuple(x.shape) for x in strangers]} on the "
                f"CPU, in {function}"
            )
    there = bool(ours) if asked is None else torch.device(asked) == DEVICE
    if function is torch.ops.aten.copy_.default:
        there = isinstance(args[0], StandIn)
    plain = tree_map(
        lambda x: x.values_of if isinstance(x, StandIn) else x, (args, kwargs)
    )
    plain_args, plain_kwargs = plain
    if asked is not None:
        plain_kwargs = {**plain_kwargs, "device": torch.device("cpu")}
        if plain_kwargs.get("pin_memory"):
            plain_kwargs["pin_memory"] = False
    result = function(*plain_args, **plain_kwargs)
    if not there:
        return result
    wrapped = tree_map(
        lambda x: StandIn(x)
        if isinstance(x, torch.Tensor) and not isinstance(x, StandIn)
        else x,
        result,
    )
    if ours and asked is None:
        return return_and_correct_aliasing(function, args, kwargs, wrapped)
    return wrapped
