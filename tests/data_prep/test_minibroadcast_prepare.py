"""MiniBroadcast: made once, complete, repeatable, and prepared."""

import json

import pytest

from data_prep.minibroadcast_prepare import VERSION, main, prepare_minibroadcast
from explainable_seg.classes import CLASSES
from explainable_seg.composer.clips import read_clips
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.errors import CorpusError

pytest.importorskip("espeakng_loader")
pytest.importorskip("symusic")
MINUTES = (1.0, 0.6, 0.6)
SETTINGS = {
    "version": VERSION,
    "seed": 2,
    "minutes": dict(zip(("train", "dev1", "test"), MINUTES)),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus whose making was once interrupted, and its manifests."""
    data = tmp_path_factory.mktemp("data")
    output = tmp_path_factory.mktemp("output")
    stamp = data / "minibroadcast.json"
    stamp.write_text(json.dumps({**SETTINGS, "complete": False}))
    (data / ".clips" / "dev1").mkdir(parents=True)
    (data / "clips").mkdir()
    (data / "clips" / "clips.csv").write_text("half a fi")
    prepare_minibroadcast(data, output, minutes=MINUTES, seed=2)
    return data, output


def times(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_manifests_have_every_class(corpus):
    _, output = corpus
    summary = json.loads((output / "summary.json").read_text())
    for part, minutes in zip(("train", "dev", "test"), MINUTES):
        regions = read_manifest(output / f"{part}.csv")
        seconds = sum(region.duration for region in regions)
        assert seconds == pytest.approx(60 * minutes, abs=0.5)
        assert all(uem for r in regions for uem in r.uems.values())
        classes = summary["parts"][part]["classes"]
        assert set(classes) == set(CLASSES)
        assert classes["speech"]["seconds"] > 5


def test_training_clips_stay_and_the_others_go(corpus):
    data, _ = corpus
    clips = read_clips(data / "clips" / "clips.csv")
    assert {clip.label for clip in clips} == {"speech", "music", "noise"}
    assert {p.name for p in data.iterdir()} == {
        "audio",
        "clips",
        "composed.json",
        "lists",
        "minibroadcast.json",
        "rttms_segmentation",
    }


def test_second_run_makes_nothing(corpus, tmp_path):
    data, output = corpus
    before = times(data)
    prepare_minibroadcast(data, tmp_path, minutes=MINUTES, seed=2)
    assert times(data) == before
    for name in ("train.csv", "dev.csv", "test.csv"):
        ours = (tmp_path / name).read_text().replace(str(tmp_path), "")
        theirs = (output / name).read_text().replace(str(output), "")
        assert ours == theirs


@pytest.mark.parametrize("change", [{"seed": 3}, {"minutes": (2, 1, 1)}])
def test_other_settings_are_refused(corpus, tmp_path, change):
    data, _ = corpus
    with pytest.raises(CorpusError, match="choose another") as error:
        prepare_minibroadcast(
            data, tmp_path, **{"minutes": MINUTES, "seed": 2, **change}
        )
    assert "\n" not in str(error.value)
    assert "minibroadcast.json" in str(error.value)


@pytest.mark.parametrize("stamp", ["", "[]", "{}", "null"])
def test_a_broken_stamp_is_refused(tmp_path, stamp):
    (tmp_path / "minibroadcast.json").write_text(stamp)
    with pytest.raises(CorpusError, match="minibroadcast.json"):
        prepare_minibroadcast(tmp_path, tmp_path / "out")


def test_a_foreign_folder_is_left_alone(tmp_path):
    show = tmp_path / "lists" / "AragonRadio" / "train.txt"
    show.parent.mkdir(parents=True)
    show.write_text("20080101_10-00-00\n")
    with pytest.raises(CorpusError, match="lists without minibroadcast.json"):
        prepare_minibroadcast(tmp_path, tmp_path / "out")
    assert times(tmp_path).keys() == {show}


def test_skip_prep_does_nothing(tmp_path):
    prepare_minibroadcast(tmp_path / "a", tmp_path / "b", skip_prep=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        ["--seed", "-1"],
        ["--processes", "0"],
        ["--minutes", "0", "1", "1"],
        ["--minutes", "nan", "1", "1"],
        ["--minutes", "1"],
        ["--minutes", "a", "b", "c"],
    ],
)
def test_bad_options_are_one_line(tmp_path, capsys, options):
    folders = ["--data_folder", str(tmp_path / "a"), "--output_folder", "b"]
    with pytest.raises(SystemExit) as stop:
        main([*folders, *options])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and options[0].strip("-") in error
    assert not list(tmp_path.iterdir())


def test_command_line_prepares(corpus, tmp_path):
    data, _ = corpus
    main(
        ["--data_folder", str(data), "--output_folder", str(tmp_path / "out")]
        + ["--minutes", *map(str, MINUTES), "--seed", "2"]
    )
    assert (tmp_path / "out" / "train.csv").is_file()
