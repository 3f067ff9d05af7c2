"""Chunks of noise, and a tiny WavLM that hears them."""

import numpy as np

from explainable_seg.training.chunks import Chunk

WINDOW = 0.5  # seconds a chunk
TINY_WAVLM = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


class NoiseChunks:
    """Source of noise with random targets, that may tell when it is asked."""

    def __init__(self, on_draw=None):
        self.on_draw = on_draw

    def draw(self, rng):
        """A chunk of noise."""
        if self.on_draw:
            self.on_draw()
        audio = rng.uniform(-0.5, 0.5, 8000).astype(np.float32)
        return Chunk(audio, rng.integers(-1, 2, (24, 4)).astype(np.float16))
