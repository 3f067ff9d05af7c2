"""The three forms of OpenBMAT's annotations, in and out."""

import json

import pytest
from annotation.rows import NAMES, TURNS, annotate, ticks
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.annotation.bmat import (
    BMAT_LABELS,
    read_bmat_csv,
    read_bmat_json,
    read_bmat_tsv,
    write_bmat_csv,
    write_bmat_json,
    write_bmat_tsv,
)
from explainable_seg.annotation.turns import class_spans
from explainable_seg.errors import AnnotationError

NAME = "Spain_News_12_345"
CODES = "1_Music 2_FgMusic 3_Similar 4_BgMusic 5_BgMusicVL".split()
ORIGINAL = "music fg-music similar bg-music bgvl-music".split()


def write(tmp_path, name, text):
    """A file of a text."""
    file = tmp_path / name
    file.write_text(text)
    return file


def read_tree(tmp_path, tree):
    """What the JSON reader makes of an object."""
    return read_bmat_json(write(tmp_path, "a.json", json.dumps(tree)))


@pytest.mark.parametrize("label", [*CODES, *ORIGINAL])
def test_every_spelling_of_music_is_music(label):
    spans = class_spans(annotate([(0, 10, label)]), BMAT_LABELS, "a.tsv")
    assert list(spans) == ["music"]
    assert spans["music"].duration() == pytest.approx(0.001)


@pytest.mark.parametrize("label", ["6_NoMusic", "no-music"])
def test_no_music_is_no_music_and_says_nothing_else(label):
    spans = class_spans(annotate([(0, 10, label)]), BMAT_LABELS, "a.tsv")
    assert list(spans) == ["music"] and not spans["music"]


@pytest.mark.parametrize("label", ["7_Speech", "musik", "no music", "speech"])
def test_other_labels_are_refused(label):
    with pytest.raises(AnnotationError, match=f"got '{label}'"):
        class_spans(annotate([(0, 10, label)]), BMAT_LABELS, "a.tsv")


def test_tsv(tmp_path):
    text = "0.0\t12.48\tno-music\n12.48\t60\tbg-music\n"
    found = read_bmat_tsv(write(tmp_path, f"{NAME}.tsv", text))
    assert found.uri == NAME
    assert ticks(found) == [
        (0, 124800, "no-music"),
        (124800, 600000, "bg-music"),
    ]
    assert [track for _, track in found.itertracks()] == [1, 2]


def test_tsv_of_a_class_alone_needs_the_duration(tmp_path):
    file = write(tmp_path, f"{NAME}.tsv", "music\n")
    assert ticks(read_bmat_tsv(file, 60.0)) == [(0, 600000, "music")]
    with pytest.raises(AnnotationError, match="or the duration, got 'music'"):
        read_bmat_tsv(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 music\n1 2", "got 2, in .*tsv:2;"),
        ("0 1 music\nmusic", "got 1, in .*tsv:2;"),
        ("0 1 no music\n", "got 4"),
        ("2 1 music\n", "at or after 2 s, got 1"),
    ],
)
def test_tsv_that_is_bad_is_named(tmp_path, text, message):
    with pytest.raises(AnnotationError, match=message):
        read_bmat_tsv(write(tmp_path, "a.tsv", text), 60.0)


def test_csv(tmp_path):
    text = (
        f"17,{NAME}.wav,0.0,12.48,6_NoMusic,x,x\n\n"
        f'18,"{NAME}.wav", 12.48 ,60.0,4_BgMusic,,"a,b"\n'
        "19,France.v2.Talk,0,1,1_Music,x,x"
    )
    found = read_bmat_csv(write(tmp_path, "annotator_a.csv", text))
    assert list(found) == [NAME, "France.v2.Talk"]
    assert ticks(found[NAME]) == [
        (0, 124800, "6_NoMusic"),
        (124800, 600000, "4_BgMusic"),
    ]
    assert [track for _, track in found[NAME].itertracks()] == [1, 3]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,a.wav,0,1,1_Music,x", "expected 7 columns, got 6"),
        ("1,a.wav,0;5,1,1_Music,x,x", "as start, got '0;5'"),
        ("1,a.wav,2,1,1_Music,x,x", "at or after 2 s"),
        ("1,a.wav,0,1, ,x,x", "got 'a.wav' and ''"),
        ('1,"a"b,0,1,1_Music,x,x', "expected comma-separated values"),
    ],
)
def test_csv_that_is_bad_is_named(tmp_path, line, message):
    text = "1,a.wav,0,1,1_Music,x,x\n" + line
    with pytest.raises(AnnotationError, match=message) as info:
        read_bmat_csv(write(tmp_path, "a.csv", text))
    assert "a.csv:2;" in str(info.value)


def test_json_sorts_by_number_and_ignores_agreement(tmp_path):
    spans = {
        str(number): {"start": number, "end": number + 1, "class": "music"}
        for number in (10, 9, 0)
    }
    tree = {"annotations": {"b": {NAME: spans}, "a": {}}, "agreement": 3}
    found = read_tree(tmp_path, tree)
    assert list(found) == ["b", "a"]
    tracks = [track for _, track in found["b"][NAME].itertracks()]
    assert tracks == [0, 9, 10]
    assert found["b"][NAME].uri == NAME


def test_json_names_the_first_bad_span_by_number(tmp_path):
    tree = {"annotations": {"a": {NAME: {"10": [], "9": []}}}}
    with pytest.raises(AnnotationError, match=f"a/{NAME}/9;"):
        read_tree(tmp_path, tree)


def nest(span, key="0"):
    """A tree with one span."""
    return {"annotations": {"ann_a": {NAME: {key: span}}}}


GOOD = {"start": 0, "end": 1, "class": "music"}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "expected an object with names, got list"),
        ({}, "expected a member 'annotations', got none"),
        ({"annotations": None}, "got NoneType, in .*json, annotations;"),
        ({"annotations": {"a": 3}}, "got int, in .*json, a;"),
        ({"annotations": {"a": {"n": "x"}}}, "got str, in .*json, a/n;"),
        ({"annotations": {"a\nb": {}}}, r"printable name, got 'a\\nb'"),
        ({"annotations": {"a": {"\ud800": {}}}}, "printable name"),
        (nest(GOOD, key="first"), "running numbers, got 'first'"),
        (nest(GOOD, key="-1"), "running numbers, got '-1'"),
        (nest([0, 1]), f"got list, in .*json, ann_a/{NAME}/0;"),
        (nest({"class": "music"}), "as start, got 'NoneType'"),
        (nest({**GOOD, "start": True}), "as start, got 'bool'"),
        (nest({**GOOD, "start": "0"}), "as start, got 'str'"),
        (nest({**GOOD, "end": float("nan")}), "as end, got 'nan'"),
        (nest({**GOOD, "end": float("inf")}), "as end, got 'inf'"),
        (nest({**GOOD, "end": 10**400}), "as end, got '1000"),
        (nest({**GOOD, "start": 2}), "at or after 2 s, got 1"),
        (nest({**GOOD, "class": None}), "class as text, got NoneType"),
        (nest({**GOOD, "class": "a\nb"}), r"class as text, got 'a\\nb'"),
    ],
)
def test_json_of_another_shape_is_named(tmp_path, tree, message):
    with pytest.raises(AnnotationError, match=message) as info:
        read_tree(tmp_path, tree)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"a": ' * 100_000,
        '{"annotations": {"a": {}, "a": {}}}',
        f'{{"annotations": {"9" * 5000}}}',
    ],
)
def test_what_is_no_json_is_refused(tmp_path, text):
    with pytest.raises(AnnotationError, match="expected JSON"):
        read_bmat_json(write(tmp_path, "a.json", text))


@settings(max_examples=50, deadline=None)
@given(rows=TURNS)
def test_tsv_write_then_read_is_identity(rows, tmp_path_factory):
    file = tmp_path_factory.mktemp("tsv") / "show.tsv"
    write_bmat_tsv(file, annotate(rows))
    assert ticks(read_bmat_tsv(file)) == sorted(rows)


@settings(max_examples=50, deadline=None)
@given(recordings=st.dictionaries(NAMES, TURNS, max_size=3))
def test_csv_write_then_read_is_identity(recordings, tmp_path_factory):
    file = tmp_path_factory.mktemp("csv") / "a.csv"
    write_bmat_csv(
        file, {uri: annotate(rows, uri) for uri, rows in recordings.items()}
    )
    found = read_bmat_csv(file)
    assert {uri: ticks(turns) for uri, turns in found.items()} == {
        uri: sorted(rows) for uri, rows in recordings.items() if rows
    }


@settings(max_examples=50, deadline=None)
@given(
    annotators=st.dictionaries(
        NAMES, st.dictionaries(NAMES, TURNS, max_size=2), max_size=3
    )
)
def test_json_write_then_read_is_identity(annotators, tmp_path_factory):
    file = tmp_path_factory.mktemp("json") / "a.json"
    write_bmat_json(
        file,
        {
            annotator: {
                uri: annotate(rows, uri) for uri, rows in recordings.items()
            }
            for annotator, recordings in annotators.items()
        },
    )
    found = read_bmat_json(file)
    assert {
        annotator: {uri: ticks(turns) for uri, turns in recordings.items()}
        for annotator, recordings in found.items()
    } == {
        annotator: {uri: sorted(rows) for uri, rows in recordings.items()}
        for annotator, recordings in annotators.items()
    }


def test_tsv_and_json_of_the_corpus_agree(corpora):
    folder = corpora / "openbmat" / "annotations"
    compared = 0
    for file in sorted(folder.glob("json/*.json")):
        for annotator, recordings in read_bmat_json(file).items():
            for uri, annotation in recordings.items():
                tsv = folder / "tsv" / file.stem / annotator / f"{uri}.tsv"
                assert ticks(read_bmat_tsv(tsv, 60.0)) == ticks(annotation)
                class_spans(annotation, BMAT_LABELS, str(file))
                compared += 1
    assert compared
