"""Where a model runs."""

import logging

import torch

from explainable_seg.errors import ExplainableSegError

logger = logging.getLogger(__name__)


def choose_device(name: str = "auto") -> torch.device:
    """Device by name.

    Arguments
    ---------
    name : str
        ``cpu``, ``cuda``, ``cuda:1``..., or ``auto``: CUDA where there is a
        card, else the CPU.

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
    if device.type == "cuda":
        found = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        found = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if name == "auto":
        native = device.type == "cuda" or _multiplies_bf16()
        return found and native and frontend == "wavlm"
    if not found:
        raise ExplainableSegError(
            f"expected a device with bf16, got '{device}', for the precision; "
            "use fp32 or auto"
        )
    return True


def _multiplies_bf16() -> bool:
    """Whether the CPU has instructions for bf16, not a slow detour."""
    return bool(
        torch.cpu._is_amx_tile_supported()
        or torch.cpu._is_avx512_bf16_supported()
    )
