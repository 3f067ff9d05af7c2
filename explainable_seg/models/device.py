"""Where a model runs, and in which precision."""

import logging
from typing import Any

import torch

from explainable_seg.errors import ExplainableSegError

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
