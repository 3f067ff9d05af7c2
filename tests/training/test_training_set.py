"""The training set of a recipe: what its keys change, and what is kept."""

import io
import os

import numpy as np
import pytest
import soundfile
import torch
from toy_clips import write_toy_clips

from explainable_seg.classes import CLASSES
from explainable_seg.composer.clips import write_clips
from explainable_seg.composer.on_air import ON_AIR, ON_AIR_AUGMENT
from explainable_seg.errors import CorpusError, SettingsError
from explainable_seg.training.training_set import make_training_set

RATE = 16000
RTTM = "SPEAKER a 1 0.000 1.000 <NA> <NA> speech <NA> <NA>\n"
OVERLAP = CLASSES.index("overlap")


def wav(seconds):
    """Bytes of a recording of silence."""
    stream = io.BytesIO()
    silence = np.zeros(round(seconds * RATE))
    soundfile.write(stream, silence, RATE, format="WAV", subtype="FLOAT")
    return stream.getvalue()


WAV = wav(4.0)


@pytest.fixture
def arguments(tmp_path):
    """A recording of three seconds of faint hiss, and a list of toy clips."""
    hiss = np.random.default_rng(0).standard_normal(3 * RATE)
    soundfile.write(tmp_path / "a.wav", 0.003 * hiss, RATE, subtype="FLOAT")
    (tmp_path / "a.rttm").write_text("")
    (tmp_path / "train.csv").write_text(
        "ID,duration,wav,start,stop,sample_rate,recording,rttm,"
        "speech_uem,music_uem,noise_uem,overlap_uem\n"
        f"a,3.0,{tmp_path}/a.wav,0,{3 * RATE},{RATE},a,{tmp_path}/a.rttm,,,,\n"
    )
    write_clips(tmp_path / "clips.csv", write_toy_clips(tmp_path / "clips"))
    return {
        "manifest": str(tmp_path / "train.csv"),
        "window": 1.0,
        "seed": 0,
        "clips": str(tmp_path / "clips.csv"),
        "composed_share": 1.0,
        "augment": None,
    }


def test_more_scenes_of_two_voices_give_more_overlap(arguments):
    few, many = (
        make_training_set(**arguments, overlap_factor=factor)
        for factor in (0.0, 8.0)
    )
    shares = [
        np.mean([chunks[i]["targets"][:, OVERLAP] == 1 for i in range(60)])
        for chunks in (few, many)
    ]
    assert shares[0] == 0 and shares[1] > 0.05


def test_kept_chunks_of_other_settings_are_refused(arguments, tmp_path):
    kept = {**arguments, "cache_folder": tmp_path / "kept", "n_distinct": 3}
    make_training_set(**kept)
    make_training_set(**kept)
    for change in (
        {"overlap_factor": 2.0},
        {"level": -20.0},
        {"seed": 1},
        {"style": "on_air"},
    ):
        with pytest.raises(CorpusError, match="kept"):
            make_training_set(**{**kept, **change})


def test_style_and_augmentation_by_name(arguments):
    assert make_training_set(**arguments).augment is None
    given = {**arguments, "style": "on_air", "augment": "on_air"}
    chunks = make_training_set(**given)
    composed = chunks.sources[1].composer.style
    assert composed == ON_AIR.with_overlap(1.0)
    assert chunks.augment == ON_AIR_AUGMENT
    assert chunks[3]["wav"].shape == (RATE,)
    for key in ("style", "augment"):
        with pytest.raises(SettingsError, match=f"got 'air'.*key {key}"):
            make_training_set(**{**given, key: "air"})


def test_recordings_are_brought_to_the_level(arguments):
    recorded = {**arguments, "composed_share": 0.0, "window": 3.0}
    for level, expected in ((None, -50.5), (-30.0, -30.0)):
        audio = make_training_set(**recorded, level=level)[0]["wav"]
        power = 10 * np.log10(np.square(audio.numpy()).mean())
        assert power == pytest.approx(expected, abs=0.1)


def changed(path, seconds=5.0):
    """A file that looks as if it had been written at another time."""
    status = os.stat(path)
    os.utime(path, (status.st_atime, status.st_mtime + seconds))


@pytest.mark.parametrize(
    "change, named",
    [
        (lambda at: (at / "a.rttm").write_text(RTTM), "manifest"),
        (lambda at: changed(at / "a.wav"), "manifest"),
        (lambda at: (at / "a.wav").write_bytes(WAV), "manifest"),
        (
            lambda at: rewrite(at / "train.csv", "\na,3.0,", "\nb,3.0,"),
            "manifest",
        ),
        (lambda at: rewrite(at / "train.csv", ",,,,", ",a.uem,,,"), "manifest"),
        (lambda at: rewrite(at / "clips.csv", "v0", "v9"), "clips"),
        (lambda at: changed(next((at / "clips").glob("*.wav"))), "clips"),
    ],
)
def test_kept_chunks_of_other_content_are_refused(
    arguments, tmp_path, monkeypatch, change, named
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.uem").write_text("a 1 0.000 3.000\n")
    kept = {**arguments, "cache_folder": tmp_path / "kept", "n_distinct": 3}
    make_training_set(**kept)
    change(tmp_path)
    with pytest.raises(CorpusError, match=f"another {named}, in .*kept"):
        make_training_set(**kept)


def test_kept_chunks_know_their_content_wherever_it_lies(arguments, tmp_path):
    kept = {**arguments, "cache_folder": tmp_path / "kept", "n_distinct": 3}
    make_training_set(**kept)
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("a.wav", "a.rttm", "train.csv", "clips.csv", "clips"):
        (tmp_path / name).rename(moved / name)
    rewrite(moved / "train.csv", str(tmp_path), str(moved))
    kept |= {"manifest": str(moved / "train.csv")}
    make_training_set(**{**kept, "clips": str(moved / "clips.csv")})


def test_kept_chunks_of_other_scores_are_refused(arguments, tmp_path):
    def write(folder, value):
        folder.mkdir(exist_ok=True)
        np.savez(folder / "a.npz", net=np.full(149, value))

    write(tmp_path / "scores", 0.25)
    scores = {"folder": str(tmp_path / "scores"), "classes": {"sp": "net"}}
    kept = {**arguments, "cache_folder": tmp_path / "kept", "n_distinct": 3}
    kept |= {"composed_share": 0.0, "scores": scores}
    chunks = make_training_set(**kept)
    assert (chunks[0]["targets"][:, 0] == 0.25).all()
    make_training_set(**kept)
    write(tmp_path / "moved", 0.25)
    moved = {**scores, "folder": str(tmp_path / "moved")}
    make_training_set(**{**kept, "scores": moved})
    other = {**scores, "classes": {"music": "net"}}
    for change in (None, other):
        with pytest.raises(CorpusError, match="another scores, in .*kept"):
            make_training_set(**{**kept, "scores": change})
    write(tmp_path / "scores", 0.5)
    with pytest.raises(CorpusError, match="another scores, in .*kept"):
        make_training_set(**kept)


def test_composed_chunks_are_labelled_beside_scored_ones(arguments, tmp_path):
    (tmp_path / "scores").mkdir()
    np.savez(tmp_path / "scores/a.npz", net=np.full(149, 0.25))
    scores = {"folder": str(tmp_path / "scores"), "classes": {"sp": "net"}}
    mixed = {**arguments, "composed_share": 0.5, "scores": scores}
    chunks = make_training_set(**mixed)
    loader = torch.utils.data.DataLoader(
        chunks, sampler=range(16), batch_size=16
    )
    (batch,) = loader
    soft = (batch["targets"][..., 0] == 0.25).all(dim=1)
    assert 0 < soft.sum() < 16
    composed = batch["targets"][~soft]
    assert set(composed.unique().tolist()) == {0.0, 1.0}


def test_a_recipe_that_cannot_be_read_is_another_one(arguments, tmp_path):
    kept = {**arguments, "cache_folder": tmp_path / "kept", "n_distinct": 3}
    make_training_set(**kept)
    (tmp_path / "kept/recipe.json").write_text('{"seed')
    with pytest.raises(CorpusError, match="recipe.json"):
        make_training_set(**kept)


def rewrite(path, old, new):
    """Replace text in a file, whose time of change stays."""
    status = os.stat(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
