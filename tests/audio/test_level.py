"""Recordings are brought to one level, whatever their blocks."""

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.audio import level as level_module
from explainable_seg.audio.level import (
    MAX_GAIN_DB,
    at_level,
    frame_powers,
    levelled,
    recording_level,
)

RATE = 16000


def noise(seconds, db, seed=0):
    """White noise [N] of a level, dB re full scale."""
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(round(seconds * RATE)).astype(np.float32)
    return sound * np.float32(10 ** (db / 20))


def level_of(audio):
    """Level of a sound, dB re full scale."""
    return recording_level(frame_powers(audio))


@pytest.fixture
def short_pieces(monkeypatch):
    """A minute lasts a second, so that ten of them are soon over."""
    monkeypatch.setattr(level_module, "PIECE", RATE)


@settings(max_examples=25, deadline=None)
@given(db=st.floats(-44.0, 10.0), seconds=st.floats(0.02, 3.0))
def test_any_recording_is_heard_at_the_level(db, seconds):
    assert level_of(at_level(noise(seconds, db), -20.0)) == pytest.approx(
        -20.0, abs=1e-3
    )


def test_pauses_do_not_count():
    sound = noise(4.0, -30.0)
    spoken = np.concatenate([sound, np.zeros(30 * RATE, dtype=np.float32)])
    np.testing.assert_allclose(
        at_level(spoken, -20.0)[: len(sound)], at_level(sound, -20.0), rtol=0.02
    )


def test_hiss_stays_quiet_and_silence_silent():
    hiss = noise(2.0, -80.0)
    expected = level_of(hiss) + MAX_GAIN_DB
    assert level_of(at_level(hiss, -20.0)) == pytest.approx(expected, abs=1e-3)
    assert not at_level(np.zeros(RATE, dtype=np.float32), -20.0).any()


def test_without_a_level_the_blocks_are_what_they_were():
    blocks = [noise(0.1, -30.0), noise(0.2, -10.0)]
    assert [id(block) for block in levelled(blocks, None)] == [*map(id, blocks)]
    assert at_level(blocks[0], None) is blocks[0]


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 13 * RATE), max_size=20))
def test_blocks_do_not_matter(cuts):
    parts = [noise(1.3, db, seed) for seed, db in enumerate(range(-45, -5, 4))]
    sound = np.concatenate(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(level_module, "PIECE", RATE)
        blocks = levelled(np.split(sound, sorted(cuts)), -20.0)
        heard = np.concatenate(list(blocks))
        np.testing.assert_array_equal(heard, at_level(sound, -20.0))


def test_a_long_recording_is_followed(short_pieces):
    loud, quiet = noise(15.0, -10.0), noise(25.0, -30.0)
    heard = at_level(np.concatenate([loud, quiet]), -20.0)
    gains = heard / np.concatenate([loud, quiet])
    assert np.ptp(gains[: 15 * RATE]) < 0.01  # one gain for what is alike
    # Ten pieces after the change, nothing is left of the loud part.
    assert level_of(heard[-10 * RATE :]) == pytest.approx(-20.0, abs=0.01)


def test_a_gain_becomes_another_without_a_click(short_pieces):
    sound = np.concatenate([noise(15.0, -10.0), noise(15.0, -30.0)])
    gains_db = 20 * np.log10(at_level(sound, -20.0) / sound)
    assert np.ptp(gains_db) > 19
    # In a second at most 20 dB, in a sample a hundredth.
    assert np.abs(np.diff(gains_db)).max() < 0.01


def test_the_end_has_the_level_of_what_was_before(short_pieces):
    spoken = np.concatenate([noise(20.0, -30.0), noise(0.5, -70.0)])
    heard = at_level(spoken, -20.0)
    assert level_of(heard[-RATE // 2 :]) == pytest.approx(-60.0, abs=0.1)


def test_no_more_than_ten_pieces_are_read_ahead(short_pieces):
    read = []

    def blocks():
        for number in range(30):
            read.append(number)
            yield noise(1.0, -30.0, number)

    heard = levelled(blocks(), -20.0)
    for number in range(30):
        next(heard)
        assert len(read) == max(10, number + 1)


def bursts(number, seconds, length=30.0):
    """Full scale bursts [N] of so many seconds each, the first after 0.5 s."""
    sound = np.zeros(round(length * RATE), dtype=np.float32)
    for start in np.linspace(0.5, length - 1.5, number) * RATE:
        place = sound[int(start) : int(start) + round(seconds * RATE)]
        place[:] = 0.99 * np.sign(noise(2.0, 0.0)[: len(place)])
    return sound


@pytest.mark.parametrize(
    "number, seconds",
    [(1, 0.05), (10, 0.05), (30, 0.05), (60, 0.01), (1, 0.3), (3, 0.3), (1, 1)],
)
@pytest.mark.parametrize("spoken_db", [-25.0, -45.0])
def test_no_click_sets_the_level(number, seconds, spoken_db):
    spoken = noise(30.0, spoken_db)
    clicked = np.clip(spoken + bursts(number, seconds), -1, 1)
    assert level_of(clicked) == pytest.approx(spoken_db, abs=3)


def test_a_short_sound_in_silence_has_its_own_level():
    sound = np.zeros(60 * RATE, dtype=np.float32)
    sound[:800] = noise(0.05, -30.0)
    assert level_of(sound) == pytest.approx(-30.0, abs=0.5)


def test_nothing_is_louder_than_full_scale():
    clicked = noise(30.0, -40.0) + bursts(3, 0.05)
    (heard,) = levelled([clicked], -20.0)
    assert np.abs(heard).max() == 1.0
    np.testing.assert_array_equal(heard, at_level(clicked, -20.0))
