"""What the config.json of a pretrained folder must hold: rules and a schema.

Small rules, put together to the schema of a file. A rule either takes a value
or raises :class:`Misfit`, which says what was expected where.
"""

import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from explainable_seg.classes import CLASSES
from explainable_seg.decisions import BOUNDS
from explainable_seg.errors import ModelError
from explainable_seg.features import FRONTENDS
from explainable_seg.frames import FRAME_RATE
from explainable_seg.models.tcn import NORMS, norm_of

FORMAT_VERSION = 1
LARGEST_FILE = 1 << 20  # bytes of a config.json
LOWEST = -60.0  # dB re full scale, of the level that recordings are brought to
LONGEST_WINDOW = 600.0  # seconds
MOST_OVERLAP = 64  # windows that see a frame
AGAIN = "copy the model folder again or export it again"
LONGEST_TEXT = 100_000  # characters of a note
LARGEST_NOTE = 2.0**63  # of a number in a note
LONGEST_NAME = 60  # characters of a key in a message
LONGEST_REPR = 200  # characters of a value in a message
MOST_NAMES = 64  # entries of a mapping whose keys are free


class Misfit(ValueError):
    """A value that its rule does not take.

    Arguments
    ---------
    expected : str
        What the rule takes, in words.
    name : str
        Where the value stands: keys with dots between them; empty for all.
    got : Any
        The value.
    """

    def __init__(self, expected: str, name: str, got: Any):
        place = f" as '{name}'" if name else ""
        super().__init__(f"expected {expected}{place}, got {_short(got)}")


def _short(value: Any) -> str:
    """A value in few characters, on one line."""
    try:
        return reprlib.repr(value)[:LONGEST_REPR]
    except ValueError:  # an integer of thousands of digits
        return "a number of thousands of digits"


def within(name: str, key: str) -> str:
    """Name of an entry of an object.

    Example
    -------
    >>> within("min_on", "music"), within("", "window")
    ('min_on.music', 'window')
    """
    key = key[:LONGEST_NAME]
    return f"{name}.{key}" if name else key


class Rule(Protocol):
    """What takes some values and no others."""

    def check(self, value: Any, name: str) -> None:
        """Raise :class:`Misfit` unless the value fits.

        Arguments
        ---------
        value : Any
            What JSON gave.
        name : str
            Its key, for the message.
        """


@dataclass(frozen=True)
class Number:
    """A number in a range, both ends with it.

    Example
    -------
    >>> Number(0, 1).check(0.5, "share")
    >>> Number(1, 8, whole=True).check(2.5, "count")
    Traceback (most recent call last):
    ...
    explainable_seg.models.config.Misfit: expected a whole number from 1 \
to 8 as 'count', got 2.5
    """

    low: float
    high: float
    whole: bool = False

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is such a number."""
        kinds = int if self.whole else (int, float)
        # Compared as it is: an integer may be too long for a float.
        if (
            isinstance(value, bool)
            or not isinstance(value, kinds)
            or not self.low <= value <= self.high
        ):
            kind = "a whole number" if self.whole else "a number"
            wanted = f"{kind} from {self.low:g} to {self.high:g}"
            if self.high == math.inf:
                wanted = f"{kind} of {self.low:g} or more"
            raise Misfit(wanted, name, value)


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is one of them, and of its type."""
        if not any(
            type(value) is type(one) and value == one for one in self.values
        ):
            known = " or ".join(map(str, self.values))
            raise Misfit(known, name, value)


FLAG = Choice((True, False))


class Anything:
    """Any value: of what is checked elsewhere."""

    def check(self, value: Any, name: str) -> None:
        """Take it."""


ANYTHING = Anything()


@dataclass(frozen=True)
class Text:
    """Text that is not empty."""

    longest: int = 1000

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is such a text."""
        if not isinstance(value, str) or not 0 < len(value) <= self.longest:
            wanted = f"a text of up to {self.longest} characters"
            raise Misfit(wanted, name, value)


@dataclass(frozen=True)
class ListOf:
    """Values of one kind, in a list."""

    item: Rule
    longest: int

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is a list of them."""
        if not isinstance(value, list) or not 0 < len(value) <= self.longest:
            raise Misfit(f"a list of up to {self.longest}", name, value)
        for one in value:
            self.item.check(one, name)


@dataclass(frozen=True)
class Maybe:
    """A value, or null."""

    item: Rule

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is null, or fits."""
        if value is not None:
            self.item.check(value, name)


@dataclass(frozen=True)
class Named:
    """Values of one kind, by names that are free."""

    item: Rule

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is an object of them."""
        if not isinstance(value, dict) or len(value) > MOST_NAMES:
            raise Misfit(f"an object of up to {MOST_NAMES} keys", name, value)
        for key, one in value.items():
            self.item.check(one, within(name, key))


@dataclass(frozen=True)
class Table:
    """An object of known keys, some of which it needs.

    Arguments
    ---------
    needed : Mapping[str, Rule]
        Keys that it must have.
    optional : Mapping[str, Rule]
        Keys that it may have.
    others : Rule, optional
        What other keys may hold; without it, there may be none.
    """

    needed: Mapping[str, Rule]
    optional: Mapping[str, Rule] = field(default_factory=dict)
    others: Rule | None = None

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is such an object."""
        if not isinstance(value, dict):
            raise Misfit("an object", name, value)
        for key, rule in self.needed.items():
            if key not in value:
                raise Misfit(f"the key '{key}' in an object", name, value)
            rule.check(value[key], within(name, key))
        for key in sorted(value.keys() - self.needed.keys()):
            other = self.optional.get(key) or self.others
            if other is None:
                unknown = key[:LONGEST_NAME]
                raise Misfit(f"an object without '{unknown}'", name, value)
            other.check(value[key], within(name, key))


@dataclass(frozen=True)
class PlainValues:
    """Plain values that are kept and never used, no deeper than a limit."""

    depth: int = 8

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is finite and of a reasonable size."""
        if isinstance(value, (dict, list)):
            if not self.depth:
                raise Misfit("a note that is less deep", name, value)
            inner = value.values() if isinstance(value, dict) else value
            for one in inner:
                PlainValues(self.depth - 1).check(one, name)
        elif isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                raise Misfit("a shorter note", name, value)
        elif value is not None and not isinstance(value, bool):
            Number(-LARGEST_NOTE, LARGEST_NOTE).check(value, name)


ENCODER_NAME = "model.frontend.architecture"
MOST_LAYERS = 128
FARTHEST_REACH = 8192  # frames that a convolution reaches on each side
MOST_CODING = 1 << 15  # atoms times sweeps: 4096 atoms with 8, 128 with 256

SHARE = Number(0, 1)
POSITIVE = Number(1e-12, 1.0)
CHANNELS = Number(1, 8192, whole=True)
TAPS = Number(1, 63, whole=True)
TOKEN = Maybe(Number(-1, 1 << 20, whole=True))
ACTIVATION = Choice(("gelu", "relu", "silu", "selu", "tanh"))


def _exactly(*values: int) -> Rule:
    """One list and no other."""
    return Choice((list(values),))


# All that WavLM's own configuration holds, of which the encoder uses the first
# part. Strides and kernels are those of the frame grid. How attention is
# computed (`attn_implementation`) is not for a folder to say: it may name code
# on the hub.
ENCODER: dict[str, Rule] = {
    "hidden_size": CHANNELS,
    "num_hidden_layers": Number(1, MOST_LAYERS, whole=True),
    "num_attention_heads": Number(1, 256, whole=True),
    "intermediate_size": Number(1, 1 << 15, whole=True),
    "hidden_act": ACTIVATION,
    "hidden_dropout": SHARE,
    "activation_dropout": SHARE,
    "attention_dropout": SHARE,
    "feat_proj_dropout": SHARE,
    "layerdrop": SHARE,
    "layer_norm_eps": POSITIVE,
    "feat_extract_norm": Choice(("group", "layer")),
    "feat_extract_activation": ACTIVATION,
    "conv_dim": ListOf(CHANNELS, 7),
    "conv_stride": _exactly(5, 2, 2, 2, 2, 2, 2),
    "conv_kernel": _exactly(10, 3, 3, 3, 3, 2, 2),
    "conv_bias": FLAG,
    "num_conv_pos_embeddings": Number(1, 1024, whole=True),
    "num_conv_pos_embedding_groups": Number(1, 1024, whole=True),
    "num_buckets": Number(8, 1 << 16, whole=True),
    "max_bucket_distance": Number(8, 1 << 16, whole=True),
    "do_stable_layer_norm": FLAG,
    "add_adapter": Choice((False,)),
    "num_feat_extract_layers": Choice((7,)),
    "model_type": Choice(("wavlm",)),
}
UNUSED: dict[str, Rule] = {
    "vocab_size": CHANNELS,
    "initializer_range": SHARE,
    "final_dropout": SHARE,
    "apply_spec_augment": FLAG,
    "mask_time_prob": SHARE,
    "mask_time_length": CHANNELS,
    "mask_time_min_masks": Number(0, 8192, whole=True),
    "mask_feature_prob": SHARE,
    "mask_feature_length": CHANNELS,
    "num_codevectors_per_group": CHANNELS,
    "num_codevector_groups": CHANNELS,
    "contrastive_logits_temperature": SHARE,
    "num_negatives": CHANNELS,
    "codevector_dim": CHANNELS,
    "proj_codevector_dim": CHANNELS,
    "diversity_loss_weight": SHARE,
    "ctc_loss_reduction": Choice(("mean", "sum", "none")),
    "ctc_zero_infinity": FLAG,
    "use_weighted_layer_sum": FLAG,
    "classifier_proj_size": CHANNELS,
    "tdnn_dim": ListOf(CHANNELS, 16),
    "tdnn_kernel": ListOf(TAPS, 16),
    "tdnn_dilation": ListOf(TAPS, 16),
    "xvector_output_dim": CHANNELS,
    "num_ctc_classes": CHANNELS,
    "pad_token_id": TOKEN,
    "bos_token_id": TOKEN,
    "eos_token_id": TOKEN,
    "adapter_kernel_size": TAPS,
    "adapter_stride": TAPS,
    "num_adapter_layers": TAPS,
    "output_hidden_size": CHANNELS,
    "transformers_version": Text(40),
}

WAVLM = Table(
    {"type": Text(), "architecture": Table({}, {**ENCODER, **UNUSED})},
    {"normalize": FLAG},
)
TCN = Table(
    {},
    {
        "n_blocks": Number(1, 32, whole=True),
        "n_layers": Number(1, 13, whole=True),
        "n_channels": CHANNELS,
        "n_hidden": CHANNELS,
        "kernel_size": TAPS,
        "norm": Choice(NORMS),
        "box": Number(1, 1 << 16, whole=True),
        "stride": Number(1, 16, whole=True),
        "dropout": SHARE,
    },
)
COMMON: dict[str, Rule] = {
    "type": Choice(("teacher", "student")),
    "frontend": Named(PlainValues()),
    "tcn": TCN,
}
NAMES = {"classes": ListOf(Choice(CLASSES), len(CLASSES))}
MODELS: dict[str, Table] = {
    "teacher": Table(COMMON, NAMES),
    "student": Table(
        COMMON,
        {
            **NAMES,
            "n_atoms": Number(1, 4096, whole=True),
            "n_fft": Number(400, 1 << 14, whole=True),
            "mu": Number(0, 1e6),
            "code_sweeps": Number(1, 1000, whole=True),
            "atoms_per_class": Maybe(
                ListOf(Number(0, 4096, whole=True), len(CLASSES))
            ),
        },
    ),
}


def check_model(model: Any) -> None:
    """Raise unless the ``model`` entry of a config.json can be built and run.

    Arguments
    ---------
    model : Any
        What JSON gave.

    Raises
    ------
    Misfit
        That names the first wrong value.
    """
    Table({"type": COMMON["type"]}, others=PlainValues()).check(model, "model")
    MODELS[model["type"]].check(model, "model")
    frontend = model["frontend"]
    kind = frontend.get("type", "spectrogram")
    if not isinstance(kind, str) or kind not in FRONTENDS:
        raise Misfit(" or ".join(FRONTENDS), "model.frontend.type", kind)
    _frontend_rule(kind).check({"type": kind, **frontend}, "model.frontend")
    if kind == "wavlm":
        _check_encoder(frontend["architecture"])
    _check_tcn(model["tcn"])
    _check_atoms(model)
    coding = model.get("n_atoms", 128) * model.get("code_sweeps", 8)
    if coding > MOST_CODING:
        raise Misfit(
            f"up to {MOST_CODING} atoms x sweeps", "model.n_atoms", coding
        )


def _check_atoms(model: dict[str, Any]) -> None:
    """Raise unless the atoms of the classes are all atoms."""
    numbers = model.get("atoms_per_class")
    if numbers is None:
        return
    n_atoms = model.get("n_atoms", 128)
    if len(numbers) != len(CLASSES) or sum(numbers) != n_atoms:
        raise Misfit(
            f"{len(CLASSES)} numbers that sum up to {n_atoms}",
            "model.atoms_per_class",
            numbers,
        )


def _frontend_rule(kind: str) -> Table:
    """What the settings of a front end may be."""
    if kind == "wavlm":
        return WAVLM
    limits = FRONTENDS[kind].limits
    return Table(
        {"type": Text()},
        {name: Number(*ends, whole=True) for name, ends in limits.items()},
    )


def _check_tcn(tcn: dict[str, Any]) -> None:
    """Raise if the layers together are too many, or reach too far."""
    kernel_size, n_layers = tcn.get("kernel_size", 3), tcn.get("n_layers", 5)
    if kernel_size % 2 == 0:
        raise Misfit("an odd number", "model.tcn.kernel_size", kernel_size)
    depth = n_layers * tcn.get("n_blocks", 3)
    if depth > MOST_LAYERS:
        raise Misfit(f"up to {MOST_LAYERS} layers", "model.tcn.n_blocks", depth)
    reach = 2 ** (n_layers - 1) * (kernel_size // 2)
    if reach > FARTHEST_REACH:
        raise Misfit(
            f"a reach up to {FARTHEST_REACH} frames",
            "model.tcn.n_layers",
            reach,
        )


def _check_encoder(architecture: dict[str, Any]) -> None:
    """Raise if sizes of WavLM do not divide as they must."""
    size = architecture.get("hidden_size", 768)
    for name, default in (
        ("num_attention_heads", 12),
        ("num_conv_pos_embedding_groups", 16),
    ):
        if size % architecture.get(name, default):
            raise Misfit(
                f"a divisor of the hidden size {size}",
                f"{ENCODER_NAME}.{name}",
                architecture.get(name, default),
            )
    if len(architecture.get("conv_dim", [0] * 7)) != 7:
        raise Misfit(
            "7 numbers", f"{ENCODER_NAME}.conv_dim", architecture["conv_dim"]
        )


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
                content = stream.read(LARGEST_FILE + 1)
            if len(content) <= LARGEST_FILE:
                return content
            reason = f"more than {LARGEST_FILE} bytes"
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
