"""What the config.json of a pretrained folder must hold."""

import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from explainable_seg.classes import CLASSES
from explainable_seg.errors import ModelError
from explainable_seg.frames import FRAME_RATE

FORMAT_VERSION = 1
LARGEST = 2**20  # of a number in the settings of a model
MOST_LAYERS = 128
LOWEST = -60.0  # dB re full scale, of the level that recordings are brought to
LAYERS = frozenset({"n_blocks", "n_layers", "num_hidden_layers"})
FETCHING = frozenset({"source", "save_path"})


def read_config(path: Path) -> dict[str, Any]:
    """Read and check a config.json.

    Arguments
    ---------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict[str, Any]
        ``format_version``, ``model`` (arguments of ``build_model``),
        ``classes``, ``window`` and ``step`` (s), ``thresholds`` (a class),
        ``operating_points`` (further thresholds a class, by name),
        ``hysteresis`` (a class), ``min_on``, ``min_off`` and ``max_on`` (s, a
        class), ``context`` (frames), ``level`` (dB re full scale, of what the
        model hears), ``frontend_source`` (``name`` and ``sha256`` of a WavLM
        that is not in the folder), and whatever else was stored.

    Raises
    ------
    ModelError
        If the file is missing, is not JSON, was written by a newer version,
        or holds a value that cannot be.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"expected the settings of a model, got '{error.strerror}', in "
            f"{path}; copy the whole model folder again"
        ) from None
    except ValueError:  # neither UTF-8 nor JSON
        raise ModelError(
            f"expected JSON, got something else, in {path}; copy the model "
            "folder again"
        ) from None
    check_config(config, str(path))
    return config


def check_config(config: Any, where: str) -> None:
    """Raise if a configuration cannot be run.

    Arguments
    ---------
    config : dict[str, Any]
        As :func:`read_config` returns it.
    where : str
        File, for the message.

    Raises
    ------
    ModelError
        That names the first wrong value.
    """
    if not isinstance(config, dict):
        _reject("an object", config, where)
    _check_version(config.get("format_version"), where)
    if not isinstance(config.get("model"), dict):
        _reject("an object as 'model'", config.get("model"), where)
    _check_sizes(config["model"], where)
    # A front end that is named is named elsewhere, with its checksum.
    frontend = config["model"].get("frontend")
    if isinstance(frontend, dict) and not FETCHING.isdisjoint(frontend):
        _reject("a front end without 'source'", frontend, where)
    _check_frontend_source(config, where)
    if config.get("classes") != list(CLASSES):
        _reject(f"'classes' {list(CLASSES)}", config.get("classes"), where)
    window, step = config.get("window"), config.get("step")
    if not _is_number(window, above=0):
        _reject("seconds above 0 as 'window'", window, where)
    if not _is_number(step, above=0) or step > window:
        _reject("seconds up to the window as 'step'", step, where)
    context = config.get("context", 0)
    if not isinstance(context, int) or isinstance(context, bool) or context < 0:
        _reject("a number of frames as 'context'", context, where)
    longest = longest_step(config)
    if step > longest:
        _reject(f"up to {longest:g} s as 'step' beside 'context'", step, where)
    level = config.get("level")
    if level is not None and not (_is_number(level) and LOWEST <= level <= 0):
        _reject(f"{LOWEST:g} to 0 dB as 'level'", level, where)
    _check_per_class(config, "thresholds", CLASSES, 1.0, where)
    _check_per_class(config, "hysteresis", (), 1.0, where)
    for name in ("min_on", "min_off", "max_on"):
        _check_per_class(config, name, (), math.inf, where)
    points = config.get("operating_points", {})
    if not isinstance(points, dict):
        _reject("thresholds by name as 'operating_points'", points, where)
    for name in points:
        _check_per_class(points, name, CLASSES, 1.0, where)


def longest_step(config: Mapping[str, Any]) -> float:
    """Seconds between windows at which what counts of them still meets.

    Arguments
    ---------
    config : Mapping[str, Any]
        ``window`` (s) and ``context`` (frames).

    Returns
    -------
    float
    """
    return config["window"] - 2 * config.get("context", 0) / FRAME_RATE


def _check_frontend_source(config: dict[str, Any], where: str) -> None:
    """Raise unless WavLM is in the folder, or named with its checksum."""
    source = config.get("frontend_source")
    if source is None:
        return
    frontend = config["model"].get("frontend")
    if not isinstance(frontend, dict) or frontend.get("type") != "wavlm":
        _reject("'frontend_source' with WavLM only", source, where)
    if (
        not isinstance(source, dict)
        or set(source) != {"name", "sha256"}
        or not all(
            isinstance(value, str) and value for value in source.values()
        )
    ):
        _reject("a name and a sha256 as 'frontend_source'", source, where)


def _check_sizes(model: dict[str, Any], where: str) -> None:
    """Raise if a size would make a model that no machine can hold."""
    for name, value in model.items():
        if isinstance(value, dict):
            _check_sizes(value, where)
        elif isinstance(value, (int, float)):
            highest = MOST_LAYERS if name in LAYERS else LARGEST
            if not -highest <= value <= highest:
                _reject(f"up to {highest} as '{name}'", value, where)


def _check_version(version: Any, where: str) -> None:
    """Raise if the folder was written in a format we do not know."""
    if not isinstance(version, int) or version < 1:
        _reject("a number as 'format_version'", version, where)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"expected format version {FORMAT_VERSION}, got {version}, in "
            f"{where}; upgrade: pip install --upgrade explainable-seg"
        )


def _check_per_class(
    config: dict[str, Any],
    name: str,
    needed: Iterable[str],
    highest: float,
    where: str,
) -> None:
    """Raise if an entry is not a number from 0 to ``highest`` a class."""
    values = config.get(name, {})
    if (
        not isinstance(values, dict)
        or not set(needed) <= set(values) <= set(CLASSES)
        or not all(
            _is_number(value) and 0 <= value <= highest
            for value in values.values()
        )
    ):
        _reject(f"a number a class as '{name}'", values, where)


def _is_number(value: Any, above: float = -math.inf) -> bool:
    """Whether a JSON value is a finite number above a bound."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > above
    )


def _reject(expected: str, got: Any, where: str) -> None:
    """Raise the one line about a wrong value."""
    raise ModelError(
        f"expected {expected}, got {reprlib.repr(got)}, in {where}; copy the "
        "model folder again or export it again"
    )
