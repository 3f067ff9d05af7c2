"""Scores of other systems: each format by hand, and what is refused."""

import json

import numpy as np
import pytest
import soundfile

from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import Region
from explainable_seg.corpora.scores import LEAST, Scores, ScoreSource
from explainable_seg.errors import (
    AnnotationError,
    CorpusError,
    ExplainableSegError,
)
from explainable_seg.frames import UNKNOWN

N_FRAMES = 49  # of a second
RATE = 16000


@pytest.fixture
def region(tmp_path):
    """A second of silence, of which nothing is known."""
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    return Region(
        id="mine/a",
        duration=1.0,
        wav=str(tmp_path / "a.wav"),
        start=0,
        stop=RATE,
        sample_rate=RATE,
        recording="a",
        rttm=None,
        uems=dict.fromkeys(CLASSES),
    )


@pytest.fixture
def folder(tmp_path):
    """Where scores are."""
    (tmp_path / "scores").mkdir()
    return tmp_path / "scores"


def targets(folder, region, classes, **others):
    """Targets [T, 4] of a region of which nothing else is known."""
    settings = {"folder": str(folder), "classes": classes, **others}
    scores = Scores(ScoreSource.of(settings), [region])
    return scores.over(np.full((N_FRAMES, 4), UNKNOWN, np.int8), region)


def heard(column):
    """First and last frame of a run that is likely, and how likely."""
    frames = np.flatnonzero(column > 0.5)
    assert len(frames) == frames[-1] - frames[0] + 1
    assert set(column.tolist()) == {np.float16(LEAST), np.float16(1 - LEAST)}
    return frames[0], frames[-1]


def write_npz(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)


def test_columns_of_an_array_are_classes(folder, region):
    said = np.linspace(0.1, 0.9, 2 * N_FRAMES).reshape(-1, 2)
    write_npz(folder, net=said.astype(np.float16))
    found = targets(
        folder,
        region,
        {"music": "net/first", "overlap": "net/second"},
        columns={"net": ["first", "second"]},
    )
    assert found.dtype == np.float16
    np.testing.assert_allclose(found[:, [1, 3]], said, atol=1e-3)
    assert (found[:, [0, 2]] == UNKNOWN).all()


def test_the_highest_of_several_labels_counts(folder, region):
    one, two = np.full(N_FRAMES, 0.2), np.linspace(0, 0.5, N_FRAMES)
    write_npz(folder, music=one, singing=two)
    found = targets(folder, region, {"music": ["music", "singing"]})
    np.testing.assert_allclose(found[:, 1], np.maximum(one, two), atol=1e-3)


def test_a_score_is_never_a_label(folder, region):
    write_npz(folder, speech=np.arange(N_FRAMES) % 2)
    column = targets(folder, region, {"speech": "speech"})[:, 0]
    assert 0 < column.min() < 0.002 and 0.998 < column.max() < 1
    assert np.isfinite(np.log(column / (1 - column))).all()


RTTM = (
    "SPEAKER a 1 0.2 0.4 <NA> <NA> Anna <NA> <NA>\n"
    "SPEAKER a 1 0.4 0.4 <NA> <NA> Ben <NA> <NA>\n"
)
INA = "labels\tstart\tstop\nmale\t0.0\t0.4\nnoEnergy\t0.4\t1.0\n"
PYANNOTE = {
    "pyannote": "Annotation",
    "content": [
        {"segment": {"start": 0.2, "end": 0.6}, "track": 0, "label": "A"},
        {"segment": {"start": 0.4, "end": 0.8}, "track": 1, "label": "B"},
    ],
}
TIMELINE = {"pyannote": "Timeline", "content": [{"start": 0.2, "end": 0.6}]}
DIARIZATION = {"diarization": [{"speaker": "A", "start": 0.2, "end": 0.6}]}
SEGMENTS = {
    "segments": [{"start": 0.2, "end": 0.6, "label": "music"}],
    "probabilities": [],
}


@pytest.mark.parametrize(
    "name, text, label, expected",
    [
        # A frame is centred on 0.0125 + 0.02 t seconds.
        ("a.rttm", RTTM, "Anna", (10, 29)),
        ("a.rttm", RTTM, "any", (10, 39)),
        ("a.rttm", RTTM, "several", (20, 29)),
        ("a.csv", INA, "male", (0, 19)),
        ("a.csv", "start,end,label\n0.2,0.6,music\n", "music", (10, 29)),
        ("a.json", json.dumps(PYANNOTE), "B", (20, 39)),
        ("a.json", json.dumps(PYANNOTE), "several", (20, 29)),
        ("a.json", json.dumps(TIMELINE), "any", (10, 29)),
        ("a.json", json.dumps(DIARIZATION), "any", (10, 29)),
        ("a.json", json.dumps(SEGMENTS), "music", (10, 29)),
    ],
)
def test_decisions_of_a_system(folder, region, name, text, label, expected):
    (folder / "system/deeper").mkdir(parents=True)
    for place, source in (
        (folder / name, label),
        (folder / "system/deeper" / name, f"system/{label}"),
    ):
        place.write_text(text)
        column = targets(folder, region, {"sp": source})[:, 0]
        assert heard(column) == expected
        place.unlink()


def test_probabilities_of_our_own_models(folder, region):
    said = np.linspace(0.2, 0.8, 2 * N_FRAMES).reshape(-1, 2)
    content = {
        "start": 0.0,
        "classes": ["speech", "music"],
        "segments": [],
        "probabilities": said.tolist(),
    }
    (folder / "a.json").write_text(json.dumps(content))
    found = targets(folder, region, {"noise": "music"})
    np.testing.assert_allclose(found[:, 2], said[:, 1], atol=1e-3)
    content["start"] = 4.0
    (folder / "a.json").write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match="part of a recording"):
        targets(folder, region, {"noise": "music"})


def test_nothing_found_is_unlikely_everywhere(folder, region, tmp_path):
    (folder / "a.rttm").write_text("")
    (folder / "b.rttm").write_text(RTTM.replace(" a ", " b "))
    other = Region(**{**region.__dict__, "id": "mine/b", "recording": "b"})
    source = ScoreSource.of({"folder": str(folder), "classes": {"sp": "Anna"}})
    scores = Scores(source, [region, other])
    unknown = np.full((N_FRAMES, 4), UNKNOWN)
    assert (scores.over(unknown, region)[:, 0] == np.float16(LEAST)).all()
    assert heard(scores.over(unknown, other)[:, 0]) == (10, 29)


def test_scores_stand_in_for_labels_of_their_class_alone(folder, region):
    write_npz(folder, music=np.full(N_FRAMES, 0.25))
    settings = {"folder": str(folder), "classes": {"music": "music"}}
    scores = Scores(ScoreSource.of(settings), [region])
    found = scores.over(np.tile([1, 0, UNKNOWN, 0], (N_FRAMES, 1)), region)
    assert found.tolist() == [[1, 0.25, UNKNOWN, 0]] * N_FRAMES


def test_a_stretch_has_the_scores_of_its_frames(folder, region):
    ramp = np.linspace(0.1, 0.9, N_FRAMES)
    write_npz(folder, music=ramp)
    later = Region(
        **{**region.__dict__, "start": 3200, "duration": 0.8}  # 10 frames on
    )
    settings = {"folder": str(folder), "classes": {"music": "music"}}
    scores = Scores(ScoreSource.of(settings), [later])
    found = scores.over(np.zeros((5, 4)), later, 0.1)[:, 1]
    np.testing.assert_allclose(found, ramp[15:20], atol=1e-3)
    assert scores.spans(later, "music") == [(0.3025, 0.8)]
    assert scores.spans(later, "speech") is None


def test_corpora_say_who_has_scores(folder, region):
    write_npz(folder, music=np.full(N_FRAMES, 0.25))
    other = Region(**{**region.__dict__, "id": "theirs/b", "recording": "b"})
    settings = {"folder": str(folder), "classes": {"music": "music"}}
    with pytest.raises(CorpusError, match="one file of scores of b"):
        Scores(ScoreSource.of(settings), [region, other])
    source = ScoreSource.of({**settings, "corpora": ["mine"]})
    scores = Scores(source, [region, other])
    assert (scores.over(np.zeros((4, 4)), other) == 0).all()
    assert scores.spans(other, "music") is None
    source = ScoreSource.of({**settings, "corpora": ["mien"]})
    with pytest.raises(CorpusError, match="got none, of the corpora mien"):
        Scores(source, [region, other])


def array(**changes):
    """Writes an array of scores, but for some frames."""

    def write(folder):
        values = np.full(changes.get("n", N_FRAMES), 0.5)
        values[3] = changes.get("value", 0.5)
        write_npz(folder, music=values)
        path = folder / "a.npz"
        path.write_bytes(path.read_bytes()[: changes.get("keep")])

    return write


def write_alone(path):
    """One array, which has no name."""
    with open(path, "wb") as stream:
        np.save(stream, np.full(N_FRAMES, 0.5))


@pytest.mark.parametrize(
    "write, said",
    [
        (lambda f: None, "expected one file of scores of a .*got none"),
        (array(n=N_FRAMES + 2), "expected 49 frames .*got 51 of music"),
        (array(n=N_FRAMES - 2), "expected 49 frames .*got 47 of music"),
        (array(value=np.nan), r"from 0 to 1, got \[nan\] of music in frame 3"),
        (array(value=1.5), r"from 0 to 1, got \[1.5\] of music in frame 3"),
        (array(value=-0.1), r"got \[-0.1\] of music in frame 3"),
        (lambda f: (f / "a.npz").write_text("x"), "expected arrays of NumPy"),
        (lambda f: write_alone(f / "a.npz"), "expected arrays of NumPy"),
        (array(keep=400), "expected arrays of NumPy"),
        (
            lambda f: write_npz(f, music=np.zeros(0)),
            "expected 49 frames .*got 0 of music",
        ),
        (
            lambda f: write_npz(f, other=np.zeros(N_FRAMES)),
            "expected scores of music, got other",
        ),
        (
            lambda f: write_npz(f, music=np.zeros((N_FRAMES, 2))),
            "expected scores of music",
        ),
        (
            lambda f: write_npz(f, music=np.array(["x"] * N_FRAMES)),
            "expected numbers",
        ),
        (
            lambda f: [array()(f), (f / "a.csv").write_text(INA)],
            r"got .*a.csv and .*a.npz",
        ),
        (
            lambda f: (f / "a.rttm").write_text(RTTM),
            "each label somewhere, got music in none of 1 recordings",
        ),
        (
            lambda f: (f / "a.rttm").write_text(RTTM.replace(" a ", " b ")),
            "turns of a alone, got b",
        ),
        (
            lambda f: (f / "a.csv").write_text(INA.replace("1.0", "9.0")),
            "expected times within 0 to 1.000 s",
        ),
        (lambda f: (f / "a.csv").write_text("a,b\n1,2\n"), "segments with"),
        (lambda f: (f / "a.json").write_text("{"), "segments with"),
        (lambda f: (f / "a.json").write_text("[1]"), "got 'list'"),
        (lambda f: (f / "a.json").write_text('{"x": 1}'), "got 'x'"),
        (
            lambda f: (f / "a.json").write_text('{"segments": [{"start": 1}]}'),
            "segments with",
        ),
        (
            lambda f: (f / "a.json").write_text('{"probabilities": [[1]]}'),
            "got ''classes''",
        ),
    ],
)
def test_what_is_no_score_is_refused_in_a_line(folder, region, write, said):
    write(folder)
    with pytest.raises(ExplainableSegError, match=said) as error:
        targets(folder, region, {"music": "music"})
    assert str(folder) in str(error.value) and "\n" not in str(error.value)
    assert ";" in str(error.value)


@pytest.mark.parametrize("n_frames", [N_FRAMES - 1, N_FRAMES + 1])
def test_resampling_may_add_a_frame_or_take_one(folder, region, n_frames):
    write_npz(folder, music=np.full(n_frames, 0.25))
    found = targets(folder, region, {"music": "music"})
    assert (found[:, 1] == 0.25).all()


@pytest.mark.parametrize(
    "settings",
    [
        "FOLDER",
        {"classes": {"speech": "a"}},
        {"folder": "x"},
        {"folder": "x", "classes": {}},
        {"folder": "x", "classes": {"singing": "a"}},
        {"folder": "x", "classes": {"sp": "a", "speech": "b"}, "what": 1},
        {"folder": "x", "classes": {"speech": 3}},
        {"folder": "x", "classes": {"speech": []}},
        {"folder": "x", "classes": ["speech"]},
        {"folder": "x", "classes": {"speech": "a"}, "columns": ["a"]},
        {"folder": "x", "classes": {"speech": "a"}, "corpora": [1]},
    ],
)
def test_settings_that_are_none_are_refused(settings):
    with pytest.raises(ExplainableSegError, match="setting 'scores'"):
        ScoreSource.of(settings)


def test_a_folder_that_is_not_there(tmp_path, region):
    with pytest.raises(CorpusError, match="folder of scores, got none"):
        targets(tmp_path / "nowhere", region, {"music": "music"})
