"""Corpora on disk: layout, truth, the same bytes, and no work done twice."""

import hashlib

import numpy as np
import pytest
import soundfile
from toy_clips import write_toy_clips

from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.composer.clips import split_groups
from explainable_seg.composer.composer import Composer
from explainable_seg.composer.minibroadcast import write_programmes
from explainable_seg.errors import CorpusError

MINUTES = {"train": 0.5, "dev1": 0.2}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    clips = write_toy_clips(tmp_path_factory.mktemp("clips"))
    return split_groups(clips, {"train": 0.6, "dev1": 0.4}, seed=0)


def checksums(folder):
    """Checksum of every file below a folder."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_layout_and_truth(tmp_path, parts):
    write_programmes(tmp_path, parts, MINUTES, seed=1, programme_duration=10.0)
    assert set(checksums(tmp_path)) == {
        "composed.json",
        "lists/AragonRadio/train.txt",
        "lists/AragonRadio/dev1.txt",
        *(
            f"{folder}/AragonRadio/{name}.{suffix}"
            for name in ("train_000", "train_001", "train_002", "dev1_000")
            for folder, suffix in (
                ("audio", "flac"),
                ("rttms_segmentation", "rttm"),
            )
        ),
    }
    names = (tmp_path / "lists/AragonRadio/train.txt").read_text().split()
    assert names == ["train_000", "train_001", "train_002"]
    info = soundfile.info(tmp_path / "audio/AragonRadio/dev1_000.flac")
    assert (info.samplerate, info.channels) == (16000, 1)
    assert info.subtype == "PCM_16"
    assert info.duration == pytest.approx(12.0)


def test_annotation_is_the_truth_of_the_composer(tmp_path, parts, monkeypatch):
    made = {}
    compose = Composer.compose

    def keep(self, duration, rng):
        programme = compose(self, duration, rng)
        made[len(made)] = programme
        return programme

    monkeypatch.setattr(Composer, "compose", keep)
    write_programmes(
        tmp_path, {"dev1": parts["dev1"]}, {"dev1": 0.5}, seed=2, workers=1
    )
    path = tmp_path / "rttms_segmentation/AragonRadio/dev1_000.rttm"
    annotation = read_rttm(path)["dev1_000"]
    audio, _ = soundfile.read(tmp_path / "audio/AragonRadio/dev1_000.flac")
    np.testing.assert_allclose(audio, made[0].audio, atol=1 / 32768)
    for label, name in zip(
        ("sp", "mu", "no", "ov"), ("speech", "music", "noise", "overlap")
    ):
        turns = annotation.label_timeline(label)
        wanted = made[0].spans[name]
        assert [t for s in turns for t in (s.start, s.end)] == pytest.approx(
            [t for span in wanted for t in span], abs=1e-3
        )


def test_same_seed_gives_the_same_bytes(tmp_path, parts):
    for folder, seed, workers in (("a", 1, 2), ("b", 1, 1), ("c", 2, 2)):
        write_programmes(
            tmp_path / folder, parts, MINUTES, seed=seed, workers=workers
        )
    first, second, third = (checksums(tmp_path / f) for f in "abc")
    assert first == second
    assert set(first) == set(third) and first != third


def test_complete_corpus_is_left_alone(tmp_path, parts):
    write_programmes(tmp_path, parts, MINUTES, seed=1)
    path = tmp_path / "audio/AragonRadio/dev1_000.flac"
    before = path.stat().st_mtime_ns
    write_programmes(tmp_path, parts, MINUTES, seed=1)
    assert path.stat().st_mtime_ns == before
    write_programmes(tmp_path, parts, MINUTES, seed=2)
    assert path.stat().st_mtime_ns > before


def test_incomplete_corpus_is_made_again(tmp_path, parts):
    write_programmes(tmp_path, parts, MINUTES, seed=1)
    before = checksums(tmp_path)
    (tmp_path / "composed.json").unlink()
    (tmp_path / "audio/AragonRadio/dev1_000.flac").write_bytes(b"half")
    write_programmes(tmp_path, parts, MINUTES, seed=1)
    assert checksums(tmp_path) == before


def test_group_in_two_parts_is_refused(tmp_path, parts):
    mixed = {"train": parts["train"], "dev1": parts["train"][:1]}
    with pytest.raises(CorpusError, match="in train and dev1; split"):
        write_programmes(tmp_path, mixed, MINUTES, seed=1)
    assert not list(tmp_path.iterdir())


def test_parts_and_minutes_must_agree(tmp_path, parts):
    with pytest.raises(CorpusError, match="expected minutes for the parts"):
        write_programmes(tmp_path, parts, {"train": 1.0}, seed=1)
