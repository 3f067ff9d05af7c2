"""A pretrained folder: config.json, model.safetensors, README.md.

None of them is code: the settings are JSON, the weights are plain tensors.
Beside them lie two files for SpeechBrain's loaders, which are never read here.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from explainable_seg.errors import ModelError, first_line
from explainable_seg.files import atomic_path, atomic_write_text, json_text
from explainable_seg.models.config import (
    FORMAT_VERSION,
    check_config,
    read_config,
)
from explainable_seg.models.hub import CARD, CONFIG, WEIGHTS, find_folder
from explainable_seg.models.student import build_model, count_values

DTYPES = ("F32", "F16", "BF16")
LARGEST_HEADER = 1 << 24  # bytes of names and shapes before the numbers
LONGEST_CARD = 1 << 20  # bytes

SPEECHBRAIN_FILES = {
    "hyperparams.yaml": """\
# For SpeechBrain's own loaders, which run what a YAML file names: use them on
# folders that you trust. ExplainableSegmenter.from_pretrained reads none of it.
modules: {}
pretrainer: !new:explainable_seg.inference.loading.PretrainedFiles
""",
    "custom.py": """\
\"\"\"For speechbrain.inference.interfaces.foreign_class(source=folder).\"\"\"

from explainable_seg import ExplainableSegmenter

CustomInterface = ExplainableSegmenter.of_files
""",
}
"""Text of each file that SpeechBrain's own loaders look for."""


def save_pretrained(
    folder: str | os.PathLike[str],
    model: torch.nn.Module,
    config: Mapping[str, Any],
    readme: str,
    frontend: bool = True,
    wavlm: str | None = None,
) -> None:
    """Write a model as a folder that :func:`load_pretrained` reads.

    Arguments
    ---------
    folder : str or os.PathLike
        Created where it is missing; files of a model are replaced.
    model : torch.nn.Module
        A model of :func:`~explainable_seg.models.student.build_model`, with its
        ``config``.
    config : Mapping[str, Any]
        ``window``, ``step``, ``thresholds``, and optionally ``min_on``,
        ``min_off``, ``context`` and anything worth knowing about the model,
        such as its ``nmf_error``. Plain JSON values.
    readme : str
        The model card.
    frontend : bool
        Whether WavLM's weights are in the folder; if not, the folder names
        where they are to be loaded from.
    wavlm : str, optional
        Hub id or folder to name; by default where the model had them from.

    Raises
    ------
    ModelError
        If the settings are not such that the folder could be loaded again, or
        the front end cannot be left out.
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
        "model": _config(model),
        "classes": list(_config(model)["classes"]),
    }
    named = full.pop("frontend_source", {}).get("name")
    if not frontend:
        full["frontend_source"] = name_wavlm(model, wavlm or named)
        weights = without_wavlm(weights)
    check_config(full, str(folder / CONFIG))
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
        full["weights_sha256"] = _sha256(temporary)
        # Before any file is replaced: settings may turn out to be no JSON.
        settings = json_text(full)
    atomic_write_text(folder / CARD, readme)
    write_speechbrain_files(folder)
    atomic_write_text(folder / CONFIG, settings)


def write_speechbrain_files(folder: Path) -> None:
    """Write what SpeechBrain's own loaders look for in a folder.

    Arguments
    ---------
    folder : pathlib.Path
        A pretrained folder.
    """
    for name, text in SPEECHBRAIN_FILES.items():
        atomic_write_text(folder / name, text)


def load_pretrained(
    source: str | os.PathLike[str],
    device: str | torch.device = "cpu",
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Model of a pretrained folder, ready to run, and its settings.

    No code of the folder is run, and nothing is fetched for a folder on disk,
    unless it was exported without its front end.

    Arguments
    ---------
    source : str or os.PathLike
        A folder, or a hub id such as ``org/name``.
    device : str or torch.device
        Where the model shall run.
    token : str or bool, optional
        Of the hub.
    cache_dir : str or os.PathLike, optional
        Where downloads are kept, in place of the hub's own cache.

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
    folder = find_folder(source, token=token, cache_dir=cache_dir)
    config = read_config(folder / CONFIG)
    wavlm = config.get("frontend_source")
    # Before anything is made: settings that are wrong must not take memory.
    n_values = _count(config["model"], bool(wavlm), folder / CONFIG)
    path = folder / WEIGHTS
    found = _read_header(path, config.get("weights_sha256"), n_values)
    model = _build(config["model"], folder / CONFIG)
    expected: dict[str, torch.Tensor] = model.state_dict()
    if wavlm:
        expected = without_wavlm(expected)
    _check_shapes(expected, found, path)
    model.load_state_dict(_read_weights(path), strict=not wavlm)
    if wavlm:
        load_wavlm(model, wavlm, folder, token, cache_dir)
    return model.to(device).eval().requires_grad_(False), config


def _config(model: torch.nn.Module) -> dict[str, Any]:
    """Plain values from which ``build_model`` makes the same module."""
    config: Any = model.config
    return dict(config)


def read_card(folder: Path) -> str | None:
    """Text of the model card of a folder.

    Arguments
    ---------
    folder : pathlib.Path
        A pretrained folder.

    Returns
    -------
    str or None
        None where it is a link to a file elsewhere, whose text is not for us
        to pass on: what is exported or uploaded is what lies in the folder,
        or in the cache of the hub.

    Raises
    ------
    ModelError
        If there is none.
    """
    path = folder / CARD
    try:
        target = path.resolve(strict=True)
        if not _belongs(target, folder.resolve()):
            return None
        if not target.is_file() or target.stat().st_size > LONGEST_CARD:
            raise OSError
        return target.read_text(encoding="utf-8")
    except (OSError, RuntimeError, UnicodeDecodeError):  # also a link to itself
        raise ModelError(
            f"expected the model card, got no readable text of up to "
            f"{LONGEST_CARD} bytes, in {path}; copy the whole model folder "
            "again"
        ) from None


def _belongs(target: Path, folder: Path) -> bool:
    """Whether a file is of a folder, or of the hub's cache around it.

    The cache has files by their content beside the folders of their versions:
    ``snapshots/<commit>/README.md`` is a link to ``blobs/<checksum>``.
    """
    if folder in target.parents:
        return True
    in_cache = folder.parent.name == "snapshots"
    return in_cache and folder.parents[1] / "blobs" == target.parent


def _read_header(
    path: Path, sha256: str | None, n_values: int
) -> dict[str, list[int]]:
    """Shapes of the tensors of a safetensors file that is what was written."""
    from safetensors import SafetensorError, safe_open

    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "no file")  # a pipe would never end
        size = path.stat().st_size
        if not 2 * n_values < size < 4 * n_values + LARGEST_HEADER:
            raise ModelError(
                f"expected {n_values} numbers, as the settings say, got a file "
                f"of {size} bytes, in {path}; {CONFIG} and {WEIGHTS} do not "
                "belong together: copy the whole model folder again"
            )
        if sha256 is not None and _sha256(path) != sha256:
            raise ModelError(
                f"expected the weights that {CONFIG} was written with, got "
                f"other bytes, in {path}; copy the whole model folder again"
            )
        with safe_open(path, framework="pt") as tensors:
            shapes = {}
            for name in tensors.keys():  # noqa: SIM118 - no mapping
                tensor = tensors.get_slice(name)
                if tensor.get_dtype() not in DTYPES:
                    raise ModelError(
                        f"expected numbers in {' or '.join(DTYPES)}, got "
                        f"{tensor.get_dtype()} in the tensor '{name[:100]}', "
                        f"in {path}; export the model again"
                    )
                shapes[name] = list(tensor.get_shape())
        return shapes
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise ModelError(
            f"expected the weights of a model, got '{reason}', in {path}; "
            "copy the whole model folder again"
        ) from None


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file, all finite, in single precision."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = {name: x.float() for name, x in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"expected the weights of a model, got '{first_line(error)}', in "
            f"{path}; copy the whole model folder again"
        ) from None
    for name, tensor in sorted(weights.items()):
        if not torch.isfinite(tensor).all():
            raise ModelError(
                f"expected finite numbers, got NaN or infinity in the tensor "
                f"'{name}', in {path}; export the model again"
            )
    return weights


def _count(model: dict[str, Any], without_encoder: bool, where: Path) -> int:
    """Numbers that the weights of a configuration hold, without making them."""
    if model["frontend"].get("type", "spectrogram") == "spectrogram":
        return count_values(model)
    with torch.device("meta"):
        state: dict[str, torch.Tensor] = _build(model, where).state_dict()
    if without_encoder:
        state = without_wavlm(state)
    return sum(tensor.numel() for tensor in state.values())


def _build(model: dict[str, Any], where: Path) -> torch.nn.Module:
    """Module of the ``model`` entry of a config.json."""
    try:
        return build_model(model)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"expected settings of a model that can be built, got "
            f"'{first_line(error)}', in {where}; copy the model folder again"
        ) from None


def _check_shapes(
    expected: dict[str, torch.Tensor], found: dict[str, list[int]], where: Path
) -> None:
    """Raise unless names and shapes agree."""
    for name in sorted(expected.keys() | found.keys()):
        ours = list(expected[name].shape) if name in expected else "none"
        theirs = found.get(name, "none")
        if ours != theirs:
            raise ModelError(
                f"expected the tensor '{name[:100]}' of shape {ours}, got "
                f"{theirs}, in {where}; {CONFIG} and {WEIGHTS} do not "
                "belong together: copy the whole model folder again"
            )


def _sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    checksum = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(2**20):
            checksum.update(block)
    return checksum.hexdigest()


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
