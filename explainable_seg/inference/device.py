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
