"""A pretrained folder: config.json, model.safetensors, README.md.

None of them is code: the settings are JSON, the weights are plain tensors.
Beside them lie two files for SpeechBrain's loaders, which are never read here.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError, HTTPError

from explainable_seg.classes import CLASSES
from explainable_seg.errors import ModelError
from explainable_seg.files import atomic_path, atomic_write_text
from explainable_seg.inference.config import (
    FORMAT_VERSION,
    check_config,
    read_config,
)
from explainable_seg.models.build import build_model

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"
FILES = (CONFIG, WEIGHTS, CARD)
SPEECHBRAIN_FILES = {
    "hyperparams.yaml": """\
# For SpeechBrain's own loaders, which run what a YAML file names: use them on
# folders that you trust. ExplainableSegmenter.from_pretrained reads none of it.
modules: {}
pretrainer: !new:explainable_seg.inference.speechbrain_interface.PretrainedFiles
""",
    "custom.py": """\
\"\"\"For speechbrain.inference.interfaces.foreign_class(source=folder).\"\"\"

from explainable_seg.inference.speechbrain_interface import (
    segmenter_of as CustomInterface,
)
""",
}
PLACEHOLDER = '"this/folder"'  # in the example of a model card
FRONT_MATTER = """\
---
library_name: explainable-seg
tags:
- audio
- voice-activity-detection
- music-detection
- explainability
---
"""
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def save_pretrained(
    folder: str | os.PathLike[str],
    model: torch.nn.Module,
    config: Mapping[str, Any],
    readme: str,
) -> None:
    """Write a model as a folder that :func:`load_pretrained` reads.

    Arguments
    ---------
    folder : str or os.PathLike
        Created where it is missing; files of a model are replaced.
    model : torch.nn.Module
        A model of :func:`~explainable_seg.models.build.build_model`, with its
        ``config``.
    config : Mapping[str, Any]
        ``window``, ``step``, ``thresholds``, and optionally ``min_on``,
        ``min_off``, ``context`` and anything worth knowing about the model,
        such as its ``nmf_error``. Plain JSON values.
    readme : str
        The model card.

    Raises
    ------
    ModelError
        If the settings are not such that the folder could be loaded again.
    """
    # Imported on use: a model in memory needs no file format.
    from safetensors.torch import save_file

    folder = Path(folder)
    weights = {
        # Copies, for safetensors refuses tensors that share memory.
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in model.state_dict().items()
    }
    full = {
        **config,
        "format_version": FORMAT_VERSION,
        "model": model.config,
        "classes": list(CLASSES),
    }
    check_config(full, str(folder / CONFIG))
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
        full["weights_sha256"] = _sha256(temporary)
        # Before any file is replaced: settings may turn out to be no JSON.
        settings = json.dumps(full, indent=2, allow_nan=False)
    atomic_write_text(folder / CARD, readme)
    for name, text in SPEECHBRAIN_FILES.items():
        atomic_write_text(folder / name, text)
    atomic_write_text(folder / CONFIG, settings + "\n")


def load_pretrained(
    source: str | os.PathLike[str], device: str | torch.device = "cpu"
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Model of a pretrained folder, ready to run, and its settings.

    No code of the folder is run, and nothing is fetched for a folder on disk.

    Arguments
    ---------
    source : str or os.PathLike
        A folder, or a hub id such as ``org/name``.
    device : str or torch.device
        Where the model shall run.

    Returns
    -------
    tuple[torch.nn.Module, dict[str, Any]]
        The model, in evaluation mode, and the content of config.json.

    Raises
    ------
    ModelError
        If a file is missing or corrupt, does not fit the others, or was
        written by a newer version.
    """
    folder = find_folder(source)
    config = read_config(folder / CONFIG)
    weights = _read_weights(folder / WEIGHTS, config.get("weights_sha256"))
    # An outline first: settings that are wrong must not take any memory.
    with torch.device("meta"):
        outline = _build(config["model"], folder / CONFIG)
    _check_weights(outline.state_dict(), weights, folder / WEIGHTS)
    model = _build(config["model"], folder / CONFIG)
    model.load_state_dict(weights)
    return model.to(device).eval().requires_grad_(False), config


def find_folder(
    source: str | os.PathLike[str],
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Path:
    """Folder of a model: the one on disk, else the one that a hub id names.

    Arguments
    ---------
    source : str or os.PathLike
        A folder, or a hub id such as ``org/name``.
    revision : str, optional
        Branch, tag or commit on the hub.
    token : str or bool, optional
        Of the hub.
    cache_dir : str or os.PathLike, optional
        Where downloads are kept, in place of the hub's own cache.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ModelError
        If there is neither.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder
    name = os.fspath(source)
    if folder.exists() or not HUB_ID.fullmatch(name):
        raise ModelError(
            f"expected a model folder or a hub id like org/name, got neither, "
            f"in {name}; check the path"
        )
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                token=token,
                cache_dir=None if cache_dir is None else Path(cache_dir),
                allow_patterns=list(FILES),
            )
        )
    except (OSError, HFValidationError, HTTPError) as error:
        raise ModelError(
            f"expected a model folder or a hub id, got no such folder and "
            f"'{_first_line(error)}' from the hub, in {name}; check the path, "
            "or the id and the network"
        ) from None


def push_folder(
    folder: Path, name: str, token: str | bool | None, private: bool
) -> str:
    """Upload a pretrained folder to the hub, as one commit.

    Arguments
    ---------
    folder : pathlib.Path
        A pretrained folder.
    name : str
        Hub id; the repository is created where it is missing.
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
    hub = HfApi(token=token)
    try:
        hub.create_repo(name, private=private, exist_ok=True)
        commit = hub.upload_folder(repo_id=name, folder_path=folder)
    except (OSError, HFValidationError, HTTPError) as error:
        raise ModelError(
            f"expected the hub to take the model, got '{_first_line(error)}', "
            f"for {name}; check the network, or log in with: hf auth login"
        ) from None
    return str(commit.commit_url)


def card_for_hub(card: str, name: str) -> str:
    """A model card whose example loads the model from the hub.

    Arguments
    ---------
    card : str
        The card of a folder.
    name : str
        Hub id.

    Returns
    -------
    str

    Example
    -------
    >>> print(card_for_hub('load("this/folder")', "org/name")[-16:])
    load("org/name")
    """
    front = "" if card.startswith("---\n") else FRONT_MATTER
    return front + card.replace(PLACEHOLDER, f'"{name}"')


def read_card(folder: Path) -> str:
    """Text of the model card of a folder.

    Arguments
    ---------
    folder : pathlib.Path
        A pretrained folder.

    Returns
    -------
    str

    Raises
    ------
    ModelError
        If there is none.
    """
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ModelError(
            f"expected the model card, got no readable text, in "
            f"{folder / CARD}; copy the whole model folder again"
        ) from None


def _read_weights(path: Path, sha256: str | None) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file that is what was written."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if sha256 is not None and _sha256(path) != sha256:
            raise ModelError(
                f"expected the weights that {CONFIG} was written with, got "
                f"other bytes, in {path}; copy the whole model folder again"
            )
        return load_file(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or _first_line(error)
        raise ModelError(
            f"expected the weights of a model, got '{reason}', in {path}; "
            "copy the whole model folder again"
        ) from None


def _build(model: dict[str, Any], where: Path) -> torch.nn.Module:
    """Module of the ``model`` entry of a config.json."""
    try:
        return build_model(model)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"expected settings of a model that can be built, got "
            f"'{_first_line(error)}', in {where}; copy the model folder again"
        ) from None


def _check_weights(
    expected: dict[str, torch.Tensor],
    found: dict[str, torch.Tensor],
    where: Path,
) -> None:
    """Raise unless names and shapes agree and every number is finite."""
    for name in sorted(expected.keys() | found.keys()):
        shapes = [
            list(tensors[name].shape) if name in tensors else "none"
            for tensors in (expected, found)
        ]
        if shapes[0] != shapes[1]:
            raise ModelError(
                f"expected the tensor '{name}' of shape {shapes[0]}, got "
                f"{shapes[1]}, in {where}; {CONFIG} and {WEIGHTS} do not "
                "belong together: copy the whole model folder again"
            )
        if not torch.isfinite(found[name]).all():
            raise ModelError(
                f"expected finite numbers, got NaN or infinity in the tensor "
                f"'{name}', in {where}; export the model again"
            )


def _sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    checksum = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(2**20):
            checksum.update(block)
    return checksum.hexdigest()


def _first_line(error: BaseException) -> str:
    """First line of a message that may have several."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
