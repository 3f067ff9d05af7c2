"""XML from strangers."""

import socket
import tracemalloc

import pytest

from explainable_seg.annotation.transcription import read_elements
from explainable_seg.errors import AnnotationError


def read(tmp_path, text):
    """Elements of a text."""
    file = tmp_path / "a.xml"
    file.write_text(text)
    return read_elements(file, "Trans")


def refused(tmp_path, text):
    """The message of a text that is refused."""
    with pytest.raises(AnnotationError) as info:
        read(tmp_path, text)
    assert "\n" not in str(info.value)
    return str(info.value)


@pytest.fixture
def no_network(monkeypatch):
    """Any connection fails the test."""

    def connect(*arguments):
        raise AssertionError(f"connected to {arguments}")

    monkeypatch.setattr(socket.socket, "connect", connect)


def test_elements_come_in_order_with_their_lines(tmp_path):
    found = read(
        tmp_path, '<Trans>\n<a x=" 1\n 2 "/>text<b><c/>\n</b><d/></Trans>'
    )
    assert [(element.tag, element.line) for element in found] == [
        ("Trans", 1),
        ("a", 2),
        ("b", 3),
        ("c", 3),
        ("d", 4),
    ]
    assert found[1].attributes == {"x": "1 2"}
    assert found[1].where.endswith("a.xml:2")


def test_billion_laughs_are_refused(tmp_path):
    laughs = "".join(
        f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">\n' for i in range(1, 10)
    )
    message = refused(
        tmp_path,
        f'<!DOCTYPE Trans [\n<!ENTITY l0 "ha">\n{laughs}]>\n<Trans>&l9;</Trans>',
    )
    assert "expected XML without entities" in message
    assert "a.xml:2;" in message


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "{uri}">',
        '<!ENTITY x PUBLIC "id" "{uri}">',
        '<!ENTITY % x SYSTEM "{uri}"> %x;',
    ],
)
def test_external_entities_are_refused(tmp_path, declaration, no_network):
    secret = tmp_path / "secret"
    secret.write_text("<b/>")
    for uri in (secret.as_uri(), "http://127.0.0.1:9/x"):
        message = refused(
            tmp_path,
            f"<!DOCTYPE Trans [{declaration.format(uri=uri)}]>"
            "<Trans>&x;</Trans>",
        )
        assert "without entities" in message


@pytest.mark.parametrize(
    "uri", ["trans-14.dtd", "{bomb}", "http://127.0.0.1:9/trans-14.dtd"]
)
def test_an_external_dtd_is_not_fetched(tmp_path, uri, no_network):
    bomb = tmp_path / "bomb.dtd"
    bomb.write_text('<!ENTITY x "y"> not a DTD')
    uri = uri.format(bomb=bomb.as_uri())
    (found,) = read(tmp_path, f'<!DOCTYPE Trans SYSTEM "{uri}"><Trans/>')
    assert found.tag == "Trans"


def test_deep_nesting_is_flat(tmp_path):
    depth = 50_000
    found = read(tmp_path, "<Trans>" * depth + "</Trans>" * depth)
    assert len(found) == depth


def test_another_format_is_refused(tmp_path):
    message = refused(tmp_path, "\n<html/>")
    assert "expected an outermost element Trans, got html" in message
    assert "a.xml:2;" in message


@pytest.mark.parametrize(
    ("text", "line"), [("", 1), ("<Trans>\n<a>\n</Trans>", 3), ("\n\nx", 3)]
)
def test_bad_syntax_is_named_with_its_line(tmp_path, text, line):
    message = refused(tmp_path, text)
    assert "expected well-formed XML" in message
    assert f"line {line}," in message
    assert f"a.xml:{line};" in message


def test_defaults_of_a_dtd_are_not_filled_in(tmp_path):
    """0.4 MB of them made 0.9 GB."""
    default = f'<!ATTLIST b x CDATA "{"y" * 100_000}">'
    text = f"<!DOCTYPE Trans [{default}]><Trans>{'<b/>' * 40_000}</Trans>"
    tracemalloc.start()
    found = read(tmp_path, text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 40_001 and found[1].attributes == {}
    assert peak < 1e8
