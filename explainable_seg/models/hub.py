"""Pretrained folders on the hub: fetched, and uploaded with their card."""

import os
import re
from pathlib import Path

from explainable_seg.errors import ModelError, first_line

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"
"""File of a model folder that holds the model card."""
FILES = (CONFIG, WEIGHTS, CARD)
"""All files that are fetched of a model; none is code."""
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
    # Imported on use: a model that is on the disk needs no hub.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, HTTPError

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
            f"'{first_line(error)}' from the hub, in {name}; check the path, "
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
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError

    hub = HfApi(token=token)
    try:
        hub.create_repo(name, private=private, exist_ok=True)
        commit = hub.upload_folder(repo_id=name, folder_path=folder)
    except (OSError, HFValidationError, HTTPError) as error:
        raise ModelError(
            f"expected the hub to take the model, got '{first_line(error)}', "
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
