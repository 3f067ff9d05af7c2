"""What the config.json of a pretrained folder must hold."""

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explainable_seg.classes import CLASSES
from explainable_seg.decisions import BOUNDS
from explainable_seg.errors import ModelError
from explainable_seg.frames import FRAME_RATE
from explainable_seg.models.schema import (
    ANYTHING,
    Maybe,
    Misfit,
    Named,
    Number,
    PlainValues,
    Rule,
    Table,
    Text,
    check_model,
)
from explainable_seg.models.tcn import norm_of

FORMAT_VERSION = 1
LARGEST = 1 << 20  # bytes of a config.json
LOWEST = -60.0  # dB re full scale, of the level that recordings are brought to
LONGEST_WINDOW = 600.0  # seconds
MOST_OVERLAP = 64  # windows that see a frame
AGAIN = "copy the model folder again or export it again"


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
        ``classes`` (those of the model), ``window`` and ``step`` (s; None for
        a model that runs recordings in one pass),
        ``thresholds`` (a class; None where there is none to decide by),
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
        # With or without the mark that editors of Windows begin a file with.
        config = json.loads(_read_bytes(path).decode("utf-8-sig"))
    except (ValueError, RecursionError):  # no UTF-8, no JSON, or too deep
        raise ModelError(
            f"expected JSON, got something else, in {path}; copy the model "
            "folder again"
        ) from None
    check_config(config, str(path))
    return config


def _read_bytes(path: Path) -> bytes:
    """Content of a file that is one, and is small."""
    reason = None
    try:
        if path.exists() and not path.is_file():
            reason = "no file"  # a pipe would never end
        else:
            with open(path, "rb") as stream:
                content = stream.read(LARGEST + 1)
            if len(content) <= LARGEST:
                return content
            reason = f"more than {LARGEST} bytes"
    except OSError as error:
        reason = error.strerror
    raise ModelError(
        f"expected the settings of a model, got '{reason}', in {path}; copy "
        "the whole model folder again"
    )


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
    try:
        if isinstance(config, dict):
            _check_version(config.get("format_version"), where)
        _check(config)
    except Misfit as error:
        raise ModelError(f"{error}, in {where}; {AGAIN}") from None


def _check(config: Any) -> None:
    """Raise the first misfit of a configuration."""
    if not isinstance(config, dict):
        raise Misfit("an object", "", config)
    check_model(config.get("model"))
    classes = list(CLASSES)
    if "classes" in config["model"]:
        classes = config["model"]["classes"]
        if sorted(set(classes), key=CLASSES.index) != classes:
            raise Misfit("classes in their order", "classes", classes)
    if config.get("classes") != classes:
        wanted = f"{classes}, those of the model,"
        raise Misfit(wanted, "classes", config.get("classes"))
    _schema(classes).check(config, "")
    _check_windows(config)
    frontend = config["model"]["frontend"].get("type")
    if config.get("frontend_source") is not None and frontend != "wavlm":
        source = config["frontend_source"]
        raise Misfit("nothing but with WavLM", "frontend_source", source)


def _schema(classes: list[str]) -> Table:
    """What a configuration of a model of these classes may hold."""
    limits = {name: Number(*bounds) for name, bounds in BOUNDS.items()}
    some = {
        name: Table({}, dict.fromkeys(classes, limit))
        for name, limit in limits.items()
        if name != "thresholds"
    }
    all_thresholds = Table(dict.fromkeys(classes, Maybe(limits["thresholds"])))
    seconds = Maybe(Number(1 / FRAME_RATE, LONGEST_WINDOW))
    optional: dict[str, Rule] = {
        **some,
        "operating_points": Named(all_thresholds),
        "context": Number(0, LONGEST_WINDOW * FRAME_RATE, whole=True),
        "level": Maybe(Number(LOWEST, 0)),
        "frontend_source": Maybe(Table({"name": Text(), "sha256": Text()})),
        "weights_sha256": Maybe(Text()),
        # Checked before.
        **dict.fromkeys(("format_version", "model", "classes"), ANYTHING),
    }
    return Table(
        {"window": seconds, "step": seconds, "thresholds": all_thresholds},
        optional,
        others=PlainValues(),
    )


def _check_windows(config: dict[str, Any]) -> None:
    """Raise if windows do not meet, or too many of them do."""
    window, step, longest = (
        config["window"],
        config["step"],
        longest_step(config),
    )
    if window is None or step is None:
        if window is not step:
            raise Misfit("a window and a step, or neither", "step", step)
        model = config["model"]
        spectrogram = model["frontend"].get("type", "spectrogram")
        if spectrogram != "spectrogram" or norm_of(model) == "global":
            wanted = "seconds, with WavLM or the norm global"
            raise Misfit(wanted, "window", window)
        return
    if step > window:
        raise Misfit("seconds up to the window", "step", step)
    if step > longest:
        raise Misfit(f"up to {longest:g} s, beside 'context',", "step", step)
    if step * MOST_OVERLAP < window:
        wanted = f"seconds from {window / MOST_OVERLAP:g} on"
        raise Misfit(wanted, "step", step)


def longest_step(config: Mapping[str, Any]) -> float | None:
    """Seconds between windows at which what counts of them still meets.

    Arguments
    ---------
    config : Mapping[str, Any]
        ``window`` (s) and ``context`` (frames).

    Returns
    -------
    float or None
        None for a model without windows.
    """
    if config["window"] is None:
        return None
    window: float = config["window"]
    return window - 2 * config.get("context", 0) / FRAME_RATE


def _check_version(version: Any, where: str) -> None:
    """Raise if the folder was written in a format we do not know."""
    if type(version) is not int or version < 1:  # True is no version
        raise Misfit("a whole number from 1 on", "format_version", version)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"expected format version {FORMAT_VERSION}, got "
            f"{reprlib.repr(version)}, in {where}; upgrade: pip install "
            "--upgrade explainable-seg"
        )
