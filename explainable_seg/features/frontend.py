"""Front ends of the models behind one call: audio in, features out."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

import torch

from explainable_seg.errors import ModelError, SettingsError
from explainable_seg.features.spectrogram import (
    LogPowerSpectrogram,
    frame_mask,
    instance_norm,
    require_frame,
    sample_mask,
)

if TYPE_CHECKING:
    from transformers import WavLMModel

ARCHITECTURE = (  # what of WavLM's own configuration makes the encoder
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout",
    "activation_dropout",
    "attention_dropout",
    "feat_proj_dropout",
    "layerdrop",
    "layer_norm_eps",
    "feat_extract_norm",
    "feat_extract_activation",
    "conv_dim",
    "conv_stride",
    "conv_kernel",
    "conv_bias",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
    "num_buckets",
    "max_bucket_distance",
    "do_stable_layer_norm",
)


class WavLMFeatures(torch.nn.Module):
    """WavLM (Chen et al., 2022) as a frozen front end.

    Its convolutions give frame t the samples ``[320 t, 320 t + 400)``: the
    house frame grid. The encoder stays in evaluation mode whatever
    ``train()`` is asked for, so that a Brain cannot switch its dropout on;
    only the weights of the sum over hidden states are trained.

    Arguments
    ---------
    source : str, optional
        Hub name or folder from which SpeechBrain's wrapper loads the encoder.
    save_path : str, optional
        Where the wrapper keeps what it downloads; the hub's cache by default.
    architecture : dict, optional
        Arguments of ``transformers.WavLMConfig`` in place of ``source``, of
        which those that make the encoder are used (:data:`ARCHITECTURE`). It
        is then made with random weights, to be loaded afterwards.
    normalize : bool, optional
        Whether each waveform is brought to zero mean and unit variance, by
        default as the preprocessor configuration of the source says.

    Raises
    ------
    ModelError
        If neither or both of ``source`` and ``architecture`` are given, or
        the source cannot be loaded.
    """

    def __init__(
        self,
        source: Optional[str] = None,
        save_path: Optional[str] = None,
        architecture: Optional[dict[str, Any]] = None,
        normalize: Optional[bool] = None,
    ):
        super().__init__()
        if (source is None) == (architecture is None):
            raise ModelError(
                "expected either `source` or `architecture` for WavLM, "
                "got both or neither"
            )
        if source is not None:
            encoder, source_normalizes = _load_encoder(source, save_path)
        else:
            # Imported on use: transformers takes longer than a segmentation.
            from transformers import WavLMConfig, WavLMModel

            chosen = _encoder_settings(architecture or {}, WavLMConfig())
            # How attention is computed may name code on the hub: we say it.
            encoder = WavLMModel(
                WavLMConfig(**chosen, attn_implementation="eager")
            )
            source_normalizes = False
        self.source = source  # None if the weights came with the model
        self.normalize = source_normalizes if normalize is None else normalize
        self.encoder = encoder.eval().requires_grad_(False)
        n_states = encoder.config.num_hidden_layers + 1
        self.state_weights = torch.nn.Parameter(torch.zeros(n_states))

    @property
    def n_features(self) -> int:
        """Number of feature channels."""
        return int(self.encoder.config.hidden_size)

    @property
    def config(self) -> dict[str, Any]:
        """Arguments that rebuild the module without its source."""
        architecture = self.encoder.config.to_diff_dict()
        return {
            "type": "wavlm",
            "architecture": {
                name: architecture[name]
                for name in ARCHITECTURE
                if name in architecture
            },
            "normalize": self.normalize,
        }

    def train(self, mode: bool = True) -> "WavLMFeatures":
        """Set the mode of the module, never that of the frozen encoder."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(
        self, wav: torch.Tensor, lengths: Optional[torch.Tensor] = None
    ) -> torch.Tensor:
        """Features of a batch.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.
        lengths : torch.Tensor, optional [shape=(B,)]
            Samples of each item before its padding, at least 400; all N by
            default. What is behind them changes no feature, but for encoders
            that normalise the first convolution over time (``feat_extract_norm:
            group``, WavLM Base): these were trained with silent padding.

        Returns
        -------
        torch.Tensor [shape=(B, T, n_features)]
            Weighted sum of the hidden states, instance-normalised over time;
            zero on frames with padding.
        """
        require_frame(wav)
        mask = None
        if lengths is None:
            known = wav.new_ones(wav.shape, dtype=torch.bool)
        else:
            require_frame(wav[:, : int(lengths.min())])
            known = sample_mask(lengths, wav.shape[1])
            wav, mask = wav * known, known.long()
        if self.normalize:
            wav = instance_norm(wav, known)
        states = self._hidden_states(wav, mask)
        weights = self.state_weights.softmax(dim=0)
        features = torch.einsum("s,sbtd->btd", weights, states)
        return instance_norm(features.float(), frame_mask(known))

    @torch.no_grad()
    def _hidden_states(
        self, wav: torch.Tensor, mask: Optional[torch.Tensor]
    ) -> torch.Tensor:
        """All hidden states [S, B, T, n_features] of the encoder."""
        # On a CPU, attention over a batch in bf16 takes some twenty times what
        # it takes over its items one after the other.
        slow = wav.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        size = 1 if slow else len(wav)
        masks = [None] * len(wav) if mask is None else mask.split(size)
        parts = [
            torch.stack(
                self.encoder(
                    items, attention_mask=known, output_hidden_states=True
                ).hidden_states
            )
            for items, known in zip(wav.split(size), masks)
        ]
        return torch.cat(parts, dim=1)


def _encoder_settings(
    architecture: dict[str, Any], defaults: Any
) -> dict[str, Any]:
    """What makes the encoder, each value of the type of its default."""
    settings = {}
    for name in ARCHITECTURE:
        if name in architecture:
            value = architecture[name]
            is_float = isinstance(getattr(defaults, name), float)
            settings[name] = float(value) if is_float else value
    return settings


def _load_encoder(
    source: str, save_path: Optional[str]
) -> tuple["WavLMModel", bool]:
    """Encoder of a source, and whether its preprocessor normalises audio."""
    from huggingface_hub.constants import HF_HUB_CACHE

    from speechbrain.integrations.huggingface.wavlm import WavLM

    try:
        wrapper = WavLM(
            source, save_path or HF_HUB_CACHE, freeze=True, output_norm=False
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"expected a WavLM model at '{source}', got: {reason}; give a "
            "local folder or a hub name"
        ) from error
    return wrapper.model, bool(wrapper.normalize_wav)


FrontEnd = Union[LogPowerSpectrogram, WavLMFeatures]
"""A module with ``n_features`` and ``config``, the arguments of
:func:`make_frontend` that rebuild it. It maps audio [B, N] at 16 kHz to
features [B, T, n_features] on the house frame grid."""


class FrontEndKind(NamedTuple):
    """How front ends of a kind are made.

    Arguments
    ---------
    make : Callable
        Takes their arguments and gives a :data:`FrontEnd`.
    limits : Mapping[str, tuple[int, int]]
        Arguments, whole numbers, that the config.json of a model folder may
        give: each with the lowest and the highest value that can be run.
    """

    make: Callable[..., Any]
    limits: Mapping[str, tuple[int, int]] = {}


FRONTENDS: dict[str, FrontEndKind] = {
    "spectrogram": FrontEndKind(LogPowerSpectrogram, {"n_fft": (400, 1 << 14)}),
    "wavlm": FrontEndKind(WavLMFeatures),  # models/config.py has its limits
}
"""Front ends by name; one that is added here is built, saved and loaded."""


def make_frontend(type: str = "spectrogram", **arguments: Any) -> FrontEnd:
    """Front end by name.

    Arguments
    ---------
    type : str
        One of FRONTENDS.
    **arguments : dict
        Arguments of the front end.

    Returns
    -------
    FrontEnd
        Module with ``n_features`` and ``config``; maps audio [B, N] to
        features [B, T, n_features] on the house frame grid.

    Raises
    ------
    ValueError
        If the type is unknown.

    Example
    -------
    >>> make_frontend("spectrogram", n_fft=1024).n_features
    513
    """
    if type not in FRONTENDS:
        known = ", ".join(FRONTENDS)
        raise SettingsError(f"expected a front end among {known}, got '{type}'")
    return FRONTENDS[type].make(**arguments)
