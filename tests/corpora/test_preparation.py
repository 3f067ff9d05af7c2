"""Steps that all preparations share: read in parts, check, write."""

import os
from functools import partial

import pytest
from pyannote.core import Segment, Timeline

from explainable_seg.annotation.rttm import read_rttm, read_uem
from explainable_seg.audio.sound_files import AudioHeader
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.preparation import (
    CHUNK,
    check_classes,
    published_count_notes,
    read_parts,
    write_corpus,
)
from explainable_seg.corpora.recording import make_recording
from explainable_seg.errors import CorpusError, ExplainableSegError

HEADER = AudioHeader(16000, 160000)


def recording(folder, uri="show", known=None, **seconds):
    """A recording that starts with some seconds of each class."""
    spans = {name: Timeline([Segment(0, end)]) for name, end in seconds.items()}
    wav = folder / f"{uri}.wav"
    wav.touch()
    return make_recording(uri, wav, HEADER, spans, known)


def read_number(folder, number):
    """Recording of an item, and the process that read it in its name."""
    if number < 0:
        raise CorpusError(f"expected a number from 0, got {number}")
    return recording(folder, f"{number}_{os.getpid()}", speech=number % 5)


@pytest.mark.parametrize("processes", [1, 2])
def test_parts_keep_their_order_in_several_processes(tmp_path, processes):
    items = {"train": range(3 * CHUNK), "test": range(100, 103)}
    parts = read_parts(items, partial(read_number, tmp_path), processes)
    readers = set()
    for part, numbers in items.items():
        found = [r.uri.split("_") for r in parts[part]]
        assert [int(number) for number, _ in found] == list(numbers)
        readers |= {int(process) for _, process in found}
    assert (os.getpid() in readers) == (processes == 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_another_process_arrives_whole(tmp_path, processes):
    items = {"train": [*range(2 * CHUNK), -7]}
    with pytest.raises(CorpusError, match="expected a number from 0, got -7$"):
        read_parts(items, partial(read_number, tmp_path), processes)


def test_a_class_that_is_nowhere_was_not_annotated(tmp_path):
    some = recording(tmp_path, speech=2, noise=1)
    none = recording(tmp_path, speech=2, noise=0)
    unknown = recording(tmp_path, speech=2)
    check_classes({"train": [some, none], "dev": [unknown]})
    with pytest.raises(CorpusError, match="some noise .* 1 recordings") as info:
        check_classes({"train": [some], "dev": [none, unknown]})
    assert "in part dev" in str(info.value)


def test_a_class_that_is_annotated_nowhere_is_not_missed(tmp_path):
    known = {"speech": Timeline([Segment(0, 10)]), "noise": Timeline()}
    one = recording(tmp_path, known=known, speech=2, noise=5)
    assert set(one.spans) == set(one.annotated) == {"speech"}
    check_classes({"train": [one]})


def test_counts_that_are_not_as_published_are_told(caplog):
    published = {"dev": 254, "eval": 259, "train": 1}
    notes = published_count_notes(published, {"dev": 254, "eval": 3})
    assert notes == [
        "eval: 3 recordings, published are 259",
        "train: 0 recordings, published are 1",
    ]
    assert [record.message for record in caplog.records] == notes


def test_classes_that_are_known_alike_share_a_uem(tmp_path):
    whole = Timeline([Segment(0, 10)])
    known = {
        "speech": whole,
        "music": whole,
        "noise": Timeline([Segment(2, 3), Segment(5, 20)]),
        "overlap": Timeline(),
    }
    one = recording(
        tmp_path, known=known, speech=3, music=1, noise=6, overlap=9
    )
    write_corpus("toy", tmp_path / "out", {"train": [one]})
    (region,) = read_manifest(tmp_path / "out" / "train.csv")
    uem = tmp_path / "out" / "uem"
    assert region.uems == {
        "speech": str(uem / "show.uem"),
        "music": str(uem / "show.uem"),
        "noise": str(uem / "show.noise.uem"),
        "overlap": None,
    }
    assert read_uem(uem / "show.noise.uem")["show"] == Timeline(
        [Segment(2, 3), Segment(5, 10)]
    )
    heard = read_rttm(region.rttm)["show"]
    assert heard.label_timeline("noise") == Timeline(
        [Segment(2, 3), Segment(5, 6)]
    )
    assert "overlap" not in heard.labels()


def test_two_recordings_of_one_uri_are_refused(tmp_path):
    (tmp_path / "b").mkdir()
    first = recording(tmp_path, speech=1)
    second = recording(tmp_path / "b", speech=1)
    for other in (first, second):
        parts = {"train": [first], "test": [other]}
        with pytest.raises(CorpusError, match="got show for two") as info:
            write_corpus("toy", tmp_path / "out", parts)
        assert str(other.wav) in str(info.value)
    assert not (tmp_path / "out").exists()


def test_a_part_without_recordings_is_refused(tmp_path):
    parts = {"train": [recording(tmp_path, speech=1)], "dev": []}
    with pytest.raises(CorpusError, match="none in dev"):
        write_corpus("toy", tmp_path / "out", parts)
    assert not (tmp_path / "out").exists()


def test_manifests_of_an_earlier_run_go_and_other_files_stay(tmp_path):
    one = recording(tmp_path, speech=1)
    out = tmp_path / "out"
    write_corpus("toy", out, {"train": [one]}, subsets={"test_a": [one]})
    (out / "mine.csv").write_text("a table of my own")
    (out / "train.json").write_text("a file of my own")
    write_corpus("toy", out, {"train": [one]}, subsets={"test_b": [one]})
    assert {path.name for path in out.iterdir() if path.is_file()} == {
        "train.csv",
        "test_b.csv",
        "summary.json",
        "mine.csv",
        "train.json",
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"parts": [1]}', "null"])
def test_a_strange_summary_is_replaced(tmp_path, text):
    (tmp_path / "summary.json").write_text(text)
    write_corpus("toy", tmp_path, {"train": [recording(tmp_path, speech=1)]})
    assert '"corpus": "toy"' in (tmp_path / "summary.json").read_text()


def test_nothing_is_removed_where_something_is_in_the_way(tmp_path):
    one = recording(tmp_path, speech=1)
    out = tmp_path / "out"
    write_corpus("toy", out, {"train": [one]})
    (out / "test.csv").mkdir()
    parts = {"train": [one], "test": [recording(tmp_path, "b", speech=1)]}
    with pytest.raises(ExplainableSegError, match="got a folder.*test.csv"):
        write_corpus("toy", out, parts)
    assert (out / "train.csv").is_file()
