"""Headers, and copies of audio at 16 kHz."""

import numpy as np
import pytest
import soundfile
from pyannote.core import Timeline

from explainable_seg.audio.sound_files import decoded_length, read_header
from explainable_seg.corpora.recording import convert, make_recording
from explainable_seg.errors import AudioError


def tone(seconds, rate, hertz=440.0):
    """A sine of amplitude 0.5."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(seconds * rate) / rate)


def recording(path):
    """A recording in which music is annotated."""
    return make_recording(
        "show", path, read_header(path), {"music": Timeline()}
    )


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_a_copy_sounds_like_the_mean_of_the_channels(tmp_path, rate):
    left, right = tone(2, rate), tone(2, rate, 1000.0)
    path = tmp_path / "show.wav"
    soundfile.write(path, np.stack([left, right], 1), rate)
    one = convert(recording(path), tmp_path / "copies")
    assert one.wav == tmp_path / "copies" / "show.flac"
    audio, found = soundfile.read(one.wav)
    assert found == 16000 == one.header.sample_rate
    assert abs(len(audio) - 32000) <= 1 and len(audio) == one.header.n_samples
    expected = (tone(2, 16000) + tone(2, 16000, 1000.0)) / 2
    middle = slice(800, 31000)
    np.testing.assert_allclose(audio[middle], expected[middle], atol=2e-3)


def test_long_audio_is_converted_in_blocks(tmp_path, monkeypatch):
    path = tmp_path / "show.wav"
    soundfile.write(path, tone(2, 22050), 22050)
    one = convert(recording(path), tmp_path / "whole")
    monkeypatch.setattr("explainable_seg.audio.stream.BLOCK", 1000)
    two = convert(recording(path), tmp_path / "blocks")
    whole, blocks = soundfile.read(one.wav)[0], soundfile.read(two.wav)[0]
    np.testing.assert_allclose(whole, blocks, atol=1e-4)


def test_a_whole_copy_is_kept_and_another_replaced(tmp_path):
    path = tmp_path / "show.wav"
    soundfile.write(path, tone(1, 8000), 8000)
    copy = convert(recording(path), tmp_path).wav
    content = copy.read_bytes()
    made = copy.stat().st_mtime_ns
    convert(recording(path), tmp_path)
    assert copy.stat().st_mtime_ns == made
    copy.write_bytes(b"no audio")
    convert(recording(path), tmp_path)
    assert copy.read_bytes() == content
    for seconds, rate in ((2, 16000), (1, 8000)):
        soundfile.write(copy, tone(seconds, rate), rate)
        convert(recording(path), tmp_path)
        assert copy.read_bytes() == content


@pytest.mark.parametrize("damage", ["cut", "header"])
def test_of_audio_that_is_shorter_than_its_header_there_is_a_copy(
    tmp_path, damage
):
    path = tmp_path / "show.flac"
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.uniform(-0.5, 0.5, 80000), 8000)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[60000:]
    else:
        content[22:26] = (90000).to_bytes(4, "big")  # total samples
    path.write_bytes(content)
    there = decoded_length(path)
    copy = convert(recording(path), tmp_path / "copies")
    assert copy.header.duration == pytest.approx(there.duration, abs=1e-4)
    assert (there.n_samples == 80000) == (damage == "header")


def test_audio_that_became_shorter_is_refused(tmp_path):
    path = tmp_path / "show.flac"
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.uniform(-0.5, 0.5, 80000), 8000)
    before = recording(path)
    path.write_bytes(path.read_bytes()[:60000])
    with pytest.raises(AudioError, match="show.flac") as info:
        convert(before, tmp_path / "copies")
    assert "\n" not in str(info.value)
    assert not list((tmp_path / "copies").iterdir())


def test_header_of_any_rate_and_channels(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((441, 2)), 44100)
    header = read_header(tmp_path / "a.wav")
    assert header == (44100, 441)
    assert header.duration == 0.01


def test_bad_audio_is_one_line(tmp_path):
    """Row "all audio": header readable, rate from 8 kHz, duration above 0."""
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "slow.wav", np.zeros(400), 7999)
    names = "text.wav", "folder.wav", "empty.wav", "slow.wav", "missing.wav"
    for name in names:
        with pytest.raises(AudioError, match=name) as info:
            read_header(tmp_path / name)
        assert "\n" not in str(info.value)
