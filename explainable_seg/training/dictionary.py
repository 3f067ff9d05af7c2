"""A learned dictionary on disk: one safetensors file."""

import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from explainable_seg.errors import ModelError
from explainable_seg.files import atomic_path

KEY = "dictionary"


def save_dictionary(
    path: str | os.PathLike[str], dictionary: torch.Tensor, mu: float
) -> None:
    """Write atoms and the sparsity weight they were learned with.

    Arguments
    ---------
    path : str or os.PathLike
        The file, usually ``dictionary.safetensors``.
    dictionary : torch.Tensor [shape=(F, K)]
        Atoms of unit norm.
    mu : float
        Sparsity weight.
    """
    with atomic_path(path) as temporary:
        save_file(
            {KEY: dictionary.detach().cpu().contiguous()},
            temporary,
            metadata={"mu": repr(float(mu))},
        )


def load_dictionary(
    path: str | os.PathLike[str],
) -> tuple[torch.Tensor, float]:
    """Read what :func:`save_dictionary` wrote.

    Arguments
    ---------
    path : str or os.PathLike
        The file.

    Returns
    -------
    tuple[torch.Tensor, float]
        Atoms [F, K], and the sparsity weight.

    Raises
    ------
    ModelError
        If the file is missing or is no such file, or its atoms are negative
        or not of unit norm.
    """
    if not Path(path).is_file():
        raise ModelError(
            f"expected a dictionary, got no file, in {path}; run "
            "recipes/train_dictionary.py first"
        )
    try:
        with safe_open(path, framework="pt") as stream:
            dictionary = stream.get_tensor(KEY)
            mu = float((stream.metadata() or {})["mu"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(
            f"expected a dictionary, got '{error}', in {path}; run "
            "recipes/train_dictionary.py again"
        ) from None
    norms = dictionary.norm(dim=0)
    if bool((dictionary < 0).any()) or not torch.allclose(
        norms, torch.ones_like(norms), atol=1e-3
    ):
        raise ModelError(
            f"expected non-negative atoms of unit norm, got others, in {path};"
            " run recipes/train_dictionary.py again"
        )
    return dictionary, mu
