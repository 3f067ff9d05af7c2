"""Exports that name their WavLM in place of holding its weights."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from explainable_seg.errors import ModelError, first_line

ENCODER = "frontend.encoder."  # what the names of WavLM's tensors begin with
# Of WavLM's own training; never used here, and missing in some copies.
UNUSED = "masked_spec_embed"


def name_wavlm(model: torch.nn.Module, name: str | None) -> dict[str, str]:
    """Entry ``frontend_source`` of a config.json.

    Arguments
    ---------
    model : torch.nn.Module
        With WavLM as its front end.
    name : str, optional
        Hub id or folder of that WavLM; by default where it was loaded from.

    Returns
    -------
    dict[str, str]
        ``name``, and the ``sha256`` of the tensors it must have.

    Raises
    ------
    ModelError
        If the front end is another, or nothing says where it is from.
    """
    frontend: Any = model.get_submodule("frontend")
    if frontend.config["type"] != "wavlm":
        raise ModelError(
            f"expected a model on WavLM, got one on the "
            f"{frontend.config['type']}, to leave the front end out of; "
            "export it as it is"
        )
    name = name or frontend.source
    if not name:
        raise ModelError(
            "expected where WavLM is to be had, got nothing, to leave the "
            "front end out; name a hub id or a folder (on the command line: "
            "--wavlm)"
        )
    return {"name": name, "sha256": _digest(frontend.encoder.state_dict())}


def without_wavlm(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Tensors that are not WavLM's.

    Example
    -------
    >>> without_wavlm({"frontend.encoder.a": 1, "frontend.state_weights": 2})
    {'frontend.state_weights': 2}
    """
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(ENCODER)
    }


def load_wavlm(
    model: torch.nn.Module,
    source: Mapping[str, str],
    folder: Path,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> None:
    """Fill the front end of a model from the WavLM that its export names.

    Only tensors are read from there; the architecture is that of the model.

    Arguments
    ---------
    model : torch.nn.Module
        With WavLM as its front end.
    source : Mapping[str, str]
        Entry ``frontend_source`` of its config.json.
    folder : Path
        Of the model: a folder may be named from there on.
    token : str or bool, optional
        Of the hub.
    cache_dir : str or os.PathLike, optional
        Where downloads are kept.

    Raises
    ------
    ModelError
        If it cannot be had, or is not the one that the model was made with.
    """
    # Imported on use: transformers takes longer than a segmentation.
    from safetensors import SafetensorError
    from transformers import WavLMModel
    from transformers.utils import logging

    frontend: Any = model.get_submodule("frontend")
    inside = folder / source["name"]
    name = str(inside) if inside.is_dir() else source["name"]
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        encoder = WavLMModel.from_pretrained(
            name,
            config=frontend.encoder.config,
            token=token,
            cache_dir=cache_dir,
        ).float()
    except (
        *(OSError, ValueError, RuntimeError, EOFError),
        *(SafetensorError, UnpicklingError),
    ) as error:
        raise ModelError(
            f"expected the WavLM of the model, got '{first_line(error)}', at "
            f"{name}; check the network, or export the model with its front end"
        ) from None
    if _digest(encoder.state_dict()) != source["sha256"]:
        raise ModelError(
            f"expected the WavLM that the model was made with, got other "
            f"weights, at {name}; export the model with its front end"
        )
    frontend.encoder.load_state_dict(encoder.state_dict())


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Checksum of names, shapes and numbers, in hexadecimal."""
    checksum = hashlib.sha256()
    for name in sorted(tensors):
        if name != UNUSED:
            tensor = tensors[name].detach().cpu().contiguous()
            checksum.update(f"{name} {list(tensor.shape)}\n".encode())
            checksum.update(tensor.numpy().tobytes())
    return checksum.hexdigest()
