"""Which recordings train, tune and test."""

import numpy as np
import pytest
from hypothesis import (
    given,
    strategies as st,
)

from explainable_seg.corpora.recording import (
    check_disjoint,
    find_lists,
    hold_out,
    split_by_lists,
)
from explainable_seg.errors import CorpusError

NAMES = st.lists(
    st.text("abc123", min_size=1, max_size=4), min_size=2, unique=True
)
SHARES = st.floats(0, 1, exclude_min=True, exclude_max=True)


@given(names=NAMES, share=SHARES, seed=st.integers(0, 99), data=st.data())
def test_every_name_is_kept_or_held_out_whatever_the_order(
    names, share, seed, data
):
    def stratum(name):
        return name[0]

    kept, held_out = hold_out(names, share, seed, stratum)
    assert sorted(kept + held_out) == sorted(names)
    assert kept and held_out
    assert (kept, held_out) == (sorted(kept), sorted(held_out))
    shuffled = data.draw(st.permutations(names))
    assert hold_out(shuffled, share, seed, stratum) == (kept, held_out)


@given(share=SHARES, seed=st.integers(0, 99))
def test_each_stratum_gives_its_share(share, seed):
    names = [f"{group}{n}" for group in "xyz" for n in range(20)]
    _, held_out = hold_out(names, share, seed, lambda name: name[0])
    for group in "xyz":
        chosen = sum(name[0] == group for name in held_out)
        assert abs(chosen - 20 * share) <= 1


def test_the_seed_decides_and_all_names_have_their_turn():
    names = list("abcdefgh")
    found = [tuple(hold_out(names, 0.25, seed)[1]) for seed in range(60)]
    assert set("".join(map("".join, found))) == set(names)
    counts = np.unique(list("".join(map("".join, found))), return_counts=True)
    assert counts[1].min() > 4
    assert tuple(hold_out(names, 0.25, 7)[1]) == found[7]


@pytest.mark.parametrize(
    ("names", "share", "seed", "said"),
    [
        ("a", 0.5, 0, "at least 2 recordings"),
        ("ab", 0.0, 0, "got 2 and 0.0"),
        ("ab", 1.0, 0, "got 2 and 1.0"),
        ("ab", float("nan"), 0, "nan"),
        ("ab", 0.5, -1, "a seed from 0, got -1"),
    ],
)
def test_what_cannot_be_held_out_is_refused(names, share, seed, said):
    with pytest.raises(CorpusError, match=said) as info:
        hold_out(list(names), share, seed)
    assert "\n" not in str(info.value)


def test_a_list_names_what_is_held_out():
    kept, held_out = split_by_lists(list("dcba"), ["a", "c"], "dev.lst")
    assert (kept, held_out) == (["d", "b"], ["c", "a"])
    for chosen, said in ((["a", "x"], "got x besides"), ("abcd", "all of")):
        with pytest.raises(CorpusError, match=f"{said}.*dev.lst"):
            split_by_lists(list("dcba"), list(chosen), "dev.lst")


def test_a_recording_in_two_parts_is_refused():
    check_disjoint({"train": ["a", "b"], "test": ["c"]})
    with pytest.raises(CorpusError, match="'a' in train and test"):
        check_disjoint({"train": ["a"], "dev": ["c"], "test": ["b", "a"]})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["tst.lst", "trn.lst"], {"train": "trn.lst", "test": "tst.lst"}),
        (["x/Train.txt", "dev1.txt", "dev2.txt", "._train.txt"], None),
        (["testing.txt", "train.csv"], {}),
    ],
)
def test_lists_are_found_by_their_names(tmp_path, files, expected):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    if expected is None:
        expected = {"train": "x/Train.txt", "dev": "dev1.txt"}
    found = find_lists(tmp_path)
    assert found == {part: tmp_path / name for part, name in expected.items()}
    assert list(found) == list(expected)


def test_two_lists_of_a_part_are_refused(tmp_path):
    for name in ("dev.txt", "dev1.lst"):
        (tmp_path / name).touch()
    with pytest.raises(CorpusError, match="of dev, got .*dev.txt and .*dev1"):
        find_lists(tmp_path)
