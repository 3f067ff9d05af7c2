"""What the settings of a model may be: a closed set of keys, with ranges.

A folder may come from anybody. Its settings decide how much memory a model
takes and how long a window takes, so each number has a range; no key names
code, or a place to fetch something from.
"""

from typing import Any

from explainable_seg.classes import CLASSES
from explainable_seg.inference.schema import (
    FLAG,
    Choice,
    ListOf,
    Maybe,
    Misfit,
    Named,
    Note,
    Number,
    Rule,
    Table,
    Text,
)
from explainable_seg.models.tcn import NORMS

ENCODER_NAME = "model.frontend.architecture"
MOST_LAYERS = 128
WIDEST = 8192  # frames that a convolution reaches on each side
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

FRONTENDS: dict[str, Table] = {
    "spectrogram": Table(
        {"type": Text()}, {"n_fft": Number(400, 1 << 14, whole=True)}
    ),
    "wavlm": Table(
        {"type": Text(), "architecture": Table({}, {**ENCODER, **UNUSED})},
        {"normalize": FLAG},
    ),
}
TCN = Table(
    {},
    {
        "n_blocks": Number(1, 32, whole=True),
        "n_layers": Number(1, 13, whole=True),
        "n_channels": CHANNELS,
        "n_hidden": CHANNELS,
        "kernel_size": TAPS,
        "norm": Choice(NORMS),
        "dropout": SHARE,
    },
)
COMMON: dict[str, Rule] = {
    "type": Choice(("teacher", "student")),
    "frontend": Named(Note()),
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
    Table({"type": COMMON["type"]}, others=Note()).check(model, "model")
    MODELS[model["type"]].check(model, "model")
    frontend = model["frontend"]
    kind = frontend.get("type", "spectrogram")
    if not isinstance(kind, str) or kind not in FRONTENDS:
        raise Misfit(" or ".join(FRONTENDS), "model.frontend.type", kind)
    FRONTENDS[kind].check({"type": kind, **frontend}, "model.frontend")
    if kind == "wavlm":
        _check_encoder(frontend["architecture"])
    _check_tcn(model["tcn"])
    coding = model.get("n_atoms", 128) * model.get("code_sweeps", 8)
    if coding > MOST_CODING:
        raise Misfit(
            f"up to {MOST_CODING} atoms x sweeps", "model.n_atoms", coding
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
    if reach > WIDEST:
        raise Misfit(
            f"a reach up to {WIDEST} frames", "model.tcn.n_layers", reach
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
