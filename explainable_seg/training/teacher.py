"""The teacher of a student: a pretrained folder that hears what it hears."""

from typing import Any, Optional

import torch

from explainable_seg.errors import ModelError
from explainable_seg.inference.pretrained import load_pretrained


def load_teacher(
    source: str,
    level: Optional[float],
    device: str | torch.device = "cpu",
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Load a teacher, and be sure that it fits the student's recordings.

    Arguments
    ---------
    source : str
        A pretrained folder.
    level : float or None
        What the student's recordings are brought to, dB re full scale.
    device : str or torch.device
        Where it shall run.

    Returns
    -------
    tuple[torch.nn.Module, dict[str, Any]]
        The teacher, and the content of its config.json.

    Raises
    ------
    ModelError
        If it cannot be loaded, or learned from recordings at another level.
    """
    teacher, config = load_pretrained(source, device)
    theirs = config.get("level")
    if theirs != level:
        raise ModelError(
            f"expected a teacher of recordings at the level {level}, got one "
            f"of {theirs}, in {source}; train it again, or give --level="
            f"{'null' if theirs is None else theirs} to all three stages"
        )
    return teacher, config
