"""Models from plain values: the one door for recipes and for loading."""

from typing import Any, Optional, Union

import torch

from explainable_seg.errors import SettingsError
from explainable_seg.models.student import Student
from explainable_seg.models.teacher import Teacher

MODELS: dict[str, Any] = {"teacher": Teacher, "student": Student}


def build_model(
    config: dict[str, Any], dictionary: Optional[torch.Tensor] = None
) -> Union[Teacher, Student]:
    """Model of a configuration, with fresh weights.

    Arguments
    ---------
    config : dict
        ``type`` (``teacher`` or ``student``) and the arguments of that class,
        plain values only; ``model.config`` gives it back.
    dictionary : torch.Tensor, optional [shape=(F, K)]
        The atoms of a new student.

    Returns
    -------
    Teacher or Student

    Raises
    ------
    ValueError
        If the type or an argument is unknown.

    Example
    -------
    >>> build_model(
    ...     {"type": "teacher", "frontend": {}, "tcn": {"n_blocks": 1}}
    ... ).config["frontend"]
    {'type': 'spectrogram', 'n_fft': 512}
    """
    arguments = dict(config)
    kind = arguments.pop("type", None)
    if kind not in MODELS:
        known = ", ".join(MODELS)
        raise SettingsError(f"expected a model among {known}, got '{kind}'")
    if dictionary is not None:
        arguments["dictionary"] = dictionary
    try:
        return MODELS[kind](**arguments)
    except TypeError as error:
        raise SettingsError(
            f"expected the arguments of a {kind}, got: {error}"
        ) from error
