"""No file, however broken, gets anything but a checked object or one error."""

import logging

import pytest
from annotation.fuzzing import FORMATS, fuzz, outcome_of
from annotation.mutations import KINDS, mutate
from hypothesis import (
    example,
    given,
    settings,
    strategies as st,
)

from explainable_seg.errors import AnnotationError, CorpusError

FILES = 2000


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Thousands of broken files are no news."""
    caplog.set_level(logging.ERROR, logger="explainable_seg")


@pytest.mark.parametrize("seed", range(2))
def test_mutated_files_are_read_or_refused(seed, tmp_path):
    counts, wrong = fuzz(FILES // 2, tmp_path, seed)
    assert not wrong
    for name in FORMATS:
        assert counts[name, "read"] and counts[name, "refused"]


@pytest.mark.parametrize("name", KINDS)
def test_no_mistake_is_believed_in_silence(name, tmp_path):
    """Row 1.13; ``python tests/annotation/mutations.py`` makes 1,000 each."""
    counts, wrong = mutate(name, 200, tmp_path)
    assert not wrong, "\n".join(wrong)
    outcomes = {outcome for _, outcome in counts}
    assert {"same", "refused"} <= outcomes


@pytest.mark.parametrize("name", FORMATS)
def test_the_files_that_are_mutated_are_valid(name, tmp_path):
    format_ = FORMATS[name]
    encoding = "latin-1" if name == "trs" else "utf-8"
    content = format_.valid.encode(encoding)
    assert outcome_of(format_, tmp_path / "show.x", content) == "read"


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=200))
@example(content=b"")
@example(content=b"\xef\xbb\xbf")
@example(content=b"\xff\xfe\x00")
@example(content=b"\x00\x00\x00")
@example(content=b"[" * 100_000)
@example(content=b"<Trans>" * 20_000)
def test_arbitrary_bytes_are_read_or_refused(content, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bytes")
    for format_ in FORMATS.values():
        outcome = outcome_of(format_, folder / "show.x", content)
        assert outcome in ("read", "refused")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_not_there_is_refused(name, tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises((AnnotationError, CorpusError)) as info:
            FORMATS[name].check(path)
        assert str(path) in str(info.value)
