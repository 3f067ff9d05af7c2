"""Voices: known languages, active where they say, the same every time."""

import os
import sys

import numpy as np
import pytest

from explainable_seg.composer.engine import Espeak, in_fresh_process
from explainable_seg.composer.speech import (
    FEMALE_VOICES,
    GRAMMARS,
    LONGEST,
    MALE_VOICES,
    SHORTEST,
    active_spans,
    draw_text,
    speak,
)
from explainable_seg.errors import ExplainableSegError

pytest.importorskip("espeakng_loader")
VOICES = FEMALE_VOICES + MALE_VOICES


def generator(seed=0):
    return np.random.default_rng(seed)


def rms(audio):
    return float(np.sqrt(np.mean(np.square(audio))))


def pitch(audio):
    """Median pitch of the voiced frames, Hz, by autocorrelation."""
    pitches = []
    for start in range(0, len(audio) - 1024, 512):
        frame = audio[start : start + 1024] - audio[start : start + 1024].mean()
        if rms(frame) > 0.05:
            power = np.abs(np.fft.rfft(frame, 4096)) ** 2
            correlation = np.fft.irfft(power)[40:230]
            pitches.append(16000 / (40 + correlation.argmax()))
    return np.median(pitches)


@pytest.fixture(scope="module")
def spoken():
    """One utterance of each voice."""
    return {voice.name: speak(voice, 0.0, generator())[0] for voice in VOICES}


def test_voices_are_many_and_each_has_its_own_variant():
    assert len(VOICES) >= 12
    assert len({voice.variant for voice in VOICES}) == len(VOICES)
    languages = {voice.language[:2] for voice in VOICES}
    assert len(languages) >= 4 and languages <= set(GRAMMARS)


def test_every_voice_speaks(spoken):
    for name, utterance in spoken.items():
        seconds = len(utterance.audio) / 16000
        assert SHORTEST <= seconds <= LONGEST, name
        assert utterance.audio.dtype == np.float32
        assert np.abs(utterance.audio).max() <= 0.9 + 1e-6, name
        assert 0.03 < rms(utterance.audio) < 0.1, name
        assert abs(utterance.audio.mean()) < 1e-3, name


def test_spans_hold_the_energy(spoken):
    for name, utterance in spoken.items():
        active = np.zeros(len(utterance.audio), dtype=bool)
        for start, end in utterance.spans:
            active[round(start * 16000) : round(end * 16000)] = True
        energy = np.square(utterance.audio)
        assert energy[active].sum() > 0.9999 * energy.sum(), name
        assert utterance.spans[0][0] < 0.03, name
        gaps = np.diff(np.array(utterance.spans).ravel())[1::2]
        assert (gaps >= 0.3 - 1e-9).all(), name


def test_women_speak_higher_than_men(spoken):
    female = [pitch(spoken[voice.name].audio) for voice in FEMALE_VOICES]
    male = [pitch(spoken[voice.name].audio) for voice in MALE_VOICES]
    assert np.median(female) > 1.4 * np.median(male)


def test_energy_moves_at_the_pace_of_syllables(spoken):
    audio = np.concatenate([u.audio for u in spoken.values()])
    frames = audio[: len(audio) // 160 * 160].reshape(-1, 160)
    envelope = np.sqrt(np.square(frames).mean(axis=1))
    power = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
    rate = np.fft.rfftfreq(len(envelope), 0.01)
    syllables = power[(rate > 2) & (rate < 8)].sum()
    assert syllables > 0.3 * power[rate > 0.5].sum()


def test_same_seed_same_samples_whatever_came_before():
    first = speak(VOICES[1], 8.0, generator(3))
    speak(VOICES[2], 4.0, generator(4))
    again = speak(VOICES[1], 8.0, generator(3))
    other = speak(VOICES[1], 8.0, generator(5))
    assert len(first) == len(again)
    for one, two in zip(first, again):
        np.testing.assert_array_equal(one.audio, two.audio)
        assert one.spans == two.spans
    assert len(first[0].audio) != len(other[0].audio)


def test_active_spans_bridge_short_pauses_only():
    tone = 0.1 * np.sin(np.arange(16000))
    silence = np.zeros(16000)
    audio = np.concatenate([silence, tone, silence[:3200], tone, silence, tone])
    assert active_spans(audio) == ((1.0, 3.2), (4.2, 5.2))
    assert active_spans(silence) == ()


def test_texts_differ_and_hold_no_placeholder():
    for language in GRAMMARS:
        texts = {draw_text(language, 12, generator(i)) for i in range(200)}
        assert len(texts) > 190, language
        assert not any(set("{}|") & set(text) for text in texts)
        assert all(len(text.split()) >= 12 for text in texts)


def speak_as(voice):
    Espeak().say("Good evening.", voice)


def missing_library():
    Espeak(library="/nowhere/libespeak-ng.so")


def missing_data(folder):
    Espeak(data=str(folder))


@pytest.mark.parametrize(
    "function, arguments, words",
    [
        (speak_as, ("en-us+nobody",), "nobody"),
        (speak_as, ("tlh-klingon+f1",), "tlh-klingon"),
        (missing_library, (), "/nowhere/libespeak-ng.so"),
        (missing_data, ("/nowhere",), "phontab"),
        (os._exit, (7,), "exit code 7"),
    ],
)
def test_errors_are_one_line(function, arguments, words):
    with pytest.raises(ExplainableSegError, match=words) as error:
        in_fresh_process(function, *arguments)
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value) and ";" in str(error.value)


def test_data_in_too_deep_a_folder_is_refused(tmp_path):
    deep = tmp_path / ("d" * 160)
    deep.mkdir()
    (deep / "phontab").touch()
    with pytest.raises(ExplainableSegError, match="shorter path"):
        in_fresh_process(missing_data, deep)


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ExplainableSegError, match="pip install"):
        speak(VOICES[0], 1.0, generator())
