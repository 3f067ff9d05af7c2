"""Models from plain values: the one door for recipes and for loading."""

import inspect
from typing import Any, Optional, Union

import torch

from explainable_seg.errors import SettingsError
from explainable_seg.models.student import Student
from explainable_seg.models.tcn import TCN
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


def count_values(config: dict[str, Any]) -> int:
    """How many numbers the state of a model holds, without making it.

    So a configuration can be compared with a file of weights before it takes
    any memory. (PyTorch's ``meta`` device says it too, and takes a second to
    be imported.)

    Arguments
    ---------
    config : dict
        As for :func:`build_model`, of a model on a spectrogram.

    Returns
    -------
    int

    Example
    -------
    >>> config = {"type": "teacher", "frontend": {}, "tcn": {"n_layers": 2}}
    >>> model = build_model(config)
    >>> sum(values.numel() for values in model.state_dict().values()) == (
    ...     count_values(config)
    ... )
    True
    """
    model = {**_defaults(MODELS[config["type"]]), **config}
    tcn = {**_defaults(TCN), **model["tcn"]}
    n_channels, n_hidden = tcn["n_channels"], tcn["n_hidden"]
    n_classes = len(model["classes"])
    n_features = model["frontend"].get("n_fft", 512) // 2 + 1
    norm_and_activation = 2 * n_hidden + 1
    layer = (
        _linear(n_channels, n_hidden)
        + norm_and_activation
        + (tcn["kernel_size"] + 1) * n_hidden
        + norm_and_activation
        + _linear(n_hidden, n_channels)
    )
    n_layers = tcn["n_blocks"] * tcn["n_layers"]
    network = _linear(n_features, n_channels) + n_layers * layer
    if config["type"] == "teacher":
        return network + _linear(n_channels, n_classes)
    n_atoms = model["n_atoms"]
    return (
        network
        + _linear(n_channels, 2 * n_atoms)
        + _linear(n_atoms, n_classes)
        + (model["n_fft"] // 2 + 1) * n_atoms
    )


def _linear(n_inputs: int, n_outputs: int) -> int:
    """Numbers of a linear layer."""
    return (n_inputs + 1) * n_outputs


def _defaults(module: type) -> dict[str, Any]:
    """Default values of a module's arguments."""
    parameters = inspect.signature(module).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
