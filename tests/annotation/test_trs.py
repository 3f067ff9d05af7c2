"""TRS files in."""

import logging

import pytest
from pyannote.core import Segment, Timeline

from explainable_seg.annotation.trs import read_trs
from explainable_seg.errors import AnnotationError

HEAD = """\
<?xml version="1.0" encoding="{encoding}"?>
<!DOCTYPE Trans SYSTEM "trans-14.dtd">
<Trans audio_filename="stale_name">
<Speakers><Speaker id="s1" name="Zoé"/><Speaker id="s2" name="B"/></Speakers>
<Episode>
"""
FIRST_LINE = 6
TAIL = "\n</Episode>\n</Trans>\n"


def read_body(tmp_path, body, encoding="ISO-8859-1", bytes_as=None):
    """What the reader makes of sections and turns."""
    file = tmp_path / "late show.v2.trs"
    text = HEAD.format(encoding=encoding) + body + TAIL
    file.write_bytes(text.encode(bytes_as or encoding))
    return read_trs(file)


def report(*turns):
    """A section of turns, one a line."""
    lines = "\n".join(turns)
    return f'<Section type="report" startTime="0" endTime="9">{lines}</Section>'


def turn(start, end, inside="", speakers=""):
    """A turn with marks inside."""
    named = f' speaker="{speakers}"' if speakers else ""
    return (
        f'<Turn{named} startTime="{start}" endTime="{end}">'
        f'<Sync time="{start}"/>{inside}</Turn>'
    )


def background(time, type_, level='level="high"'):
    """A background mark."""
    return f'<Background time="{time}" type="{type_}" {level}/>'


def event(desc, extent, type_="noise"):
    """An event mark."""
    return f'<Event desc="{desc}" type="{type_}" extent="{extent}"/>'


def rows(annotation):
    """Sorted (start, end, label)."""
    return sorted(
        (segment.start, segment.end, label)
        for segment, _, label in annotation.itertracks(yield_label=True)
    )


def test_uri_is_that_of_the_file(tmp_path):
    found = read_body(tmp_path, report(turn(0, 1)))
    assert found.uri == found.turns.uri == found.covered.uri == "late_show.v2"


def test_speakers_of_a_turn_each_get_the_whole_turn(tmp_path):
    body = report(
        turn(0, 2, "bonjour", "s1"),
        turn(2, 3.5, '<Who nb="1"/>oui<Who nb="2"/>non', "s1  s2"),
        turn(3.5, 4),
        turn(4, 5, speakers="s2 s2"),
    )
    found = read_body(tmp_path, body)
    assert rows(found.turns) == [
        (0, 2, "s1"),
        (2, 3.5, "s1"),
        (2, 3.5, "s2"),
        (4, 5, "s2"),
    ]
    assert found.covered == Timeline([Segment(0, 5)])


def test_tracks_are_lines(tmp_path):
    body = report(turn(0, 2, speakers="s1"), turn(2, 3, speakers="s1 s2"))
    found = read_body(tmp_path, body)
    assert [track for _, track in found.turns.itertracks()] == [
        FIRST_LINE,
        FIRST_LINE + 1,
        f"{FIRST_LINE + 1}:s2",
    ]


def test_turns_are_sorted_and_gaps_are_not_covered(tmp_path):
    body = report(turn(5, 6, speakers="s1"), turn(0, 2), turn(2, 3))
    found = read_body(tmp_path, body)
    assert found.covered == Timeline([Segment(0, 3), Segment(5, 6)])


def test_turns_of_no_duration_are_counted_and_their_marks_hold(
    tmp_path, caplog
):
    empty = turn(2, 2, background(1, "music"), "s2")
    found = read_body(
        tmp_path, report(turn(0, 2, speakers="s1"), empty, turn(2, 4))
    )
    assert found.dropped == 1
    assert "dropped 1 turns of no duration" in caplog.text
    assert rows(found.turns) == [(0, 2, "s1")]
    assert rows(found.backgrounds) == [(1, 4, "music")]


def test_background_lasts_across_turns_and_sections(tmp_path):
    body = report(
        turn(0, 2, background(1, "music other")),
        turn(2, 4, speakers="s1"),
    ) + (
        '<Section type="nontrans" startTime="4" endTime="6">'
        f"{turn(4, 6)}</Section>"
    )
    found = read_body(
        tmp_path, body + report(turn(6, 8, background(7, "shh")), turn(8, 9))
    )
    assert rows(found.backgrounds) == [
        (1, 7, "music"),
        (1, 7, "other"),
        (7, 9, "shh"),
    ]
    assert found.nontrans == Timeline([Segment(4, 6)])


def test_level_off_is_none_and_a_missing_level_is_on(tmp_path):
    body = report(
        turn(0, 4, background(1, "Music", "") + background(2, "other")),
        turn(4, 9, background(4, "other", 'level="off"')),
    )
    assert rows(read_body(tmp_path, body).backgrounds) == [
        (1, 2, "music"),
        (2, 4, "other"),
    ]


def test_marks_hold_in_the_order_of_their_times(tmp_path):
    body = report(
        turn(0, 9, background(5, "shh") + background(1, "music")),
        turn(9, 10, background(20, "other")),
    )
    assert rows(read_body(tmp_path, body).backgrounds) == [
        (1, 5, "music"),
        (5, 10, "shh"),
    ]


def test_events_reach_from_the_mark_before_to_the_mark_after(tmp_path):
    inside = (
        "a" + event("pap", "begin") + 'b<Sync time="2"/>c'
        f'{event("pap", "end")}d<Sync time="3"/>e{event("ch", "begin")}f'
    )
    body = report(
        turn(1, 4, inside),
        turn(4, 6, f'g<Sync time="5"/>h{event("ch", "end")}i'),
    )
    found = read_body(tmp_path, body)
    assert rows(found.events) == [(1, 3, "pap"), (3, 6, "ch")]


def test_nested_events_close_the_last_that_is_open(tmp_path):
    begin, end = event("b", "begin"), event("b", "end")
    inside = f'{begin}<Sync time="1"/>{begin}{end}<Sync time="2"/>{end}'
    found = read_body(tmp_path, report(turn(0, 3, inside)))
    assert rows(found.events) == [(0, 3, "b"), (1, 2, "b")]


def test_other_events_are_none(tmp_path, caplog):
    inside = (
        event("rire", "instantaneous")
        + event("pers", "begin", "entities")
        + event("en", "end", "language")
        + event("b", "previous")
        + event("b", "begin")
        + event("ch", "end")
    )
    found = read_body(tmp_path, report(turn(0, 3, inside)))
    assert not rows(found.events)
    assert "left out 2 marks" in caplog.text


@pytest.mark.parametrize(
    ("encoding", "bytes_as", "used"),
    [
        ("ISO-8859-1", "ISO-8859-1", None),
        ("UTF-8", "UTF-8", None),
        ("UTF-16", "UTF-16", None),
        ("UTF-8", "ISO-8859-1", "read as cp1252"),
        ("US-ASCII", "UTF-8", "read as utf-8"),
        ("no-such-code", "UTF-8", "read as utf-8"),
    ],
)
def test_encodings(tmp_path, caplog, encoding, bytes_as, used):
    body = report(turn(0, 2, event("été", "begin") + event("été", "end")))
    with caplog.at_level(logging.WARNING):
        found = read_body(tmp_path, body, encoding, bytes_as)
    assert found.events.labels() == ["été"]
    assert (used in caplog.text) if used else not caplog.text


def test_decimal_commas(tmp_path):
    body = report(turn("0,25", "1,5", background("0,5", "shh"), "s1"))
    found = read_body(tmp_path, body)
    assert rows(found.turns) == [(0.25, 1.5, "s1")]
    assert rows(found.backgrounds) == [(0.5, 1.5, "shh")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (turn(0, "1,2,3"), "as end, got '1,2,3'"),
        (turn(3, 2), "at or after 3 s, got 2"),
        ('<Turn startTime="0"/>', "Turn with an attribute endTime, got none"),
        (turn(0, 1, "<Sync/>"), "Sync with an attribute time"),
        (turn(0, 1, background(0, "musik")), "music other shh speech, got 'mu"),
        (turn(0, 1, background(0, "")), "Background with an attribute type"),
        (
            turn(0, 1, background(0, "shh", 'level="loud"')),
            "high low off, got 'loud'",
        ),
        (turn(0, 1, event("b", "beg")), "extent among begin end .* got 'beg'"),
        (turn(0, 1, event("b", "end", "nois")), "type among .* got 'nois'"),
        (turn(0, 1, event("&#10;", "end")), "Event with an attribute desc"),
        (turn(0, 1, speakers="Zoé B"), "speaker among s1 s2, got 'Zoé'"),
        ('<Section type="advert"/>', "nontrans report, got 'advert'"),
        ('<Section type="nontrans"/>', "attribute startTime"),
        (turn(0, 1, "</b>"), "got 'mismatched tag"),
    ],
)
def test_a_bad_element_is_named_with_its_line(tmp_path, line, message):
    with pytest.raises(AnnotationError, match=message) as info:
        read_body(tmp_path, report(turn(0, 1), line))
    assert f"late show.v2.trs:{FIRST_LINE + 1};" in str(info.value)
    assert "\n" not in str(info.value)


def test_what_is_not_read_may_be_anything(tmp_path):
    body = (
        '<Section type="report" topic="x" startTime="?" endTime="">'
        '<Turn mode="?" fidelity="x" colour="red" startTime="0" endTime="1">'
        '<Comment desc="?"/><Vocal/></Turn></Section>'
    )
    assert read_body(tmp_path, body).covered.duration() == 1


def test_a_file_without_turns_covers_nothing(tmp_path):
    found = read_body(tmp_path, "")
    assert not found.covered and not found.turns and not found.nontrans


def test_real_files(corpora):
    files = sorted(corpora.glob("allies/*/*.trs"))
    assert files
    for file in files:
        found = read_trs(file)
        assert found.uri == file.stem
        assert found.covered.duration() > 0


@pytest.mark.parametrize(
    "tag",
    [
        '<Turn spaeker="s1" startTime="0" endTime="1">',
        '<Turn Speaker="s1" startTime="0" endTime="1">',
        '<Turn who="s1 s2" startTime="0" endTime="1">',
        '<Turn starttime="0" startTime="0" endTime="1">',
        '<turn speaker="s1" startTime="0" endTime="1">',
        '<Segment speaker="s1" startTime="0" endTime="1">',
        '<Event desc="b" type="noise" extend="begin">',
        '<Event desc="b" type="noise" x="begin">',
        '<Event desc="b" x="lexical" extent="begin">',
        '<Background time="0" type="music" x="off">',
        '<Backgrund at="0">',  # codespell:ignore backgrund
        '<Section x="nontrans" startTime="0" endTime="1">',
    ],
)
def test_a_misspelt_name_is_refused_with_its_line(tmp_path, tag):
    body = report(turn(0, 1), tag + f"</{tag[1:].split()[0]}>")
    with pytest.raises(AnnotationError, match="expected a name") as info:
        read_body(tmp_path, body)
    assert f"late show.v2.trs:{FIRST_LINE + 1};" in str(info.value)


def test_what_is_passed_over_is_told(tmp_path, caplog):
    body = turn(0, 1, '<Music colour="red"/>').replace("<Turn ", '<Turn x="1" ')
    assert read_body(tmp_path, report(body)).covered.duration() == 1
    assert "what TRS does not know: 'Music' 'x'" in caplog.text


def test_files_full_of_strange_names_are_refused(tmp_path):
    names = "".join(f"<q{i}zz/>" for i in range(20))
    with pytest.raises(AnnotationError, match="expected a name"):
        read_body(tmp_path, report(turn(0, 1, names)))


def test_a_message_lists_a_few_speakers_only(tmp_path):
    speakers = "".join(f'<Speaker id="x{i}"/>' for i in range(50_000))
    with pytest.raises(AnnotationError) as info:
        read_body(tmp_path, speakers + report(turn(0, 1, speakers="Zoe")))
    assert len(str(info.value)) < 500


def test_ids_are_compared_with_composed_accents(tmp_path):
    text = report(turn(0, 1, speakers="e\u0301"))
    speaker = '<Speaker id="\xe9"/>'
    found = read_body(tmp_path, speaker + text, encoding="utf-8")
    assert rows(found.turns) == [(0.0, 1.0, "\xe9")]
