"""Codecs, radio and records change the sound and not its time."""

import numpy as np
import pytest

from explainable_seg.composer.augment import (
    CODECS,
    Augment,
    am_radio,
    coded,
    old_record,
)
from explainable_seg.composer.on_air import ON_AIR_AUGMENT
from explainable_seg.errors import SettingsError

RATE = 16000
WAYS = {
    **{
        name: lambda audio, rng, codec=codec: coded(audio, codec, rng)
        for name, codec in CODECS.items()
    },
    "radio": lambda audio, rng: am_radio(audio, 30.0, rng),
    "record": lambda audio, rng: old_record(audio, 30.0, rng),
}
PLAIN = {
    "gain_db": (0.0, 0.0),
    "rare_probability": 0.0,
    "tone_probability": 0.0,
    "telephone_probability": 0.0,
    "click_probability": 0.0,
}


@pytest.fixture
def chunk():
    """A second of sound in the midst of silence."""
    audio = np.zeros(3 * RATE, dtype=np.float32)
    audio[RATE : 2 * RATE] = np.random.default_rng(0).normal(0, 0.1, RATE)
    return audio


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_comes_late(chunk, way, seed):
    sent = WAYS[way](chunk, np.random.default_rng(seed))
    assert sent.shape == chunk.shape and sent.dtype == np.float32
    both = np.fft.rfft([chunk, sent], 1 << 17)
    likeness = np.fft.irfft(both[1] * both[0].conj())
    lag = np.abs(likeness).argmax()
    assert min(lag, (1 << 17) - lag) <= 0.002 * RATE + 1
    powers = np.square(sent).reshape(-1, 160).mean(axis=1)
    loud = np.flatnonzero(powers > 0.1 * powers.max())
    assert abs(loud[0] - 100) <= 1 and abs(loud[-1] - 199) <= 1
    assert not np.array_equal(sent, chunk)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n_samples", [401, 16000])
def test_silence_and_odd_lengths_pass(way, n_samples):
    silence = np.zeros(n_samples, dtype=np.float32)
    sent = WAYS[way](silence, np.random.default_rng(0))
    assert sent.shape == (n_samples,) and np.isfinite(sent).all()
    assert np.abs(sent).max() < 0.02


def test_each_way_can_be_switched_on_alone(chunk):
    settings = [{"codec_probability": {name: 1.0}} for name in CODECS]
    settings += [{"radio_probability": 1.0}, {"record_probability": 1.0}]
    for setting in settings:
        augment = Augment(**PLAIN, **setting)
        once, twice = (
            augment(chunk, np.random.default_rng(3)) for _ in range(2)
        )
        np.testing.assert_array_equal(once, twice)
        assert np.abs(once - chunk).max() > 1e-3
        assert np.abs(once).max() <= 0.9701


def test_what_never_happens_draws_nothing(chunk):
    never = {"codec_probability": dict.fromkeys(CODECS, 0.0)}
    rngs = [np.random.default_rng(5) for _ in range(2)]
    with_names = Augment(**never)(chunk, rngs[0])
    np.testing.assert_array_equal(with_names, Augment()(chunk, rngs[1]))
    assert rngs[0].random() == rngs[1].random()


def test_ways_are_rare_on_the_air():
    chances = [*ON_AIR_AUGMENT.codec_probability.values()]
    chances += [
        ON_AIR_AUGMENT.radio_probability,
        ON_AIR_AUGMENT.record_probability,
    ]
    assert 0 < min(chances) and max(chances) <= 0.05
    assert ON_AIR_AUGMENT.codec_probability.keys() == CODECS.keys()


def test_unknown_codec_is_named():
    with pytest.raises(SettingsError, match="got mp5, in codec_probability"):
        Augment(codec_probability={"mp3": 0.1, "mp5": 0.1})
