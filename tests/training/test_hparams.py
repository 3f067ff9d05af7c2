"""The files of hparams/: what a corpus names is what it does otherwise."""

from pathlib import Path

import pytest

from explainable_seg.training.settings import BASE, SettingsFile, read_layer

HPARAMS = Path(__file__).resolve().parents[2] / "hparams"
FILES = [
    path
    for path in sorted(HPARAMS.glob("*/*.yaml"))
    if path.parent.name != "base"
]
IDS = [f"{path.parent.name}/{path.stem}" for path in FILES]


def named_above(path: Path) -> dict:
    """What a corpus says in files of its own, above the base of a stage."""
    layer = read_layer(str(path))
    entries, stands_on = layer.entries, layer.entries.pop(BASE).value
    lowest, *others = [stands_on] if isinstance(stands_on, str) else stands_on
    assert lowest == f"../base/{path.name}"
    for name in others:  # what its stages share
        assert name == f"../base/{path.parent.name}.yaml"
        shared = read_layer(str(path.parent / name)).entries
        assert not shared.keys() & entries.keys() and BASE not in shared
        entries = {**shared, **entries}
    return entries


def resolved(path: Path, filled: str) -> dict:
    """Plain values of a file, with what has no default filled in."""
    file = SettingsFile(str(path))
    lines = [
        f"{name}: {filled}"
        for name, entry in file.entries.items()
        if "!PLACEHOLDER" in entry.text
    ]
    return file.resolved("\n".join(lines))


@pytest.fixture(scope="module")
def bases():
    """Plain values of the files that others stand on, by their stage."""
    stages = {path.stem for path in FILES}
    return {s: resolved(HPARAMS / f"base/{s}.yaml", "f") for s in stages}


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_corpus_stands_on_the_base_of_its_stage(path):
    entries = named_above(path)
    assert entries["corpus"].value == path.parent.name
    assert {"corpus", "prepare"} <= entries.keys()
    assert len(path.read_text().splitlines()) <= 25


def test_what_stages_share_is_said_once():
    stages = {path.stem for path in FILES}
    corpora = {path.parent.name for path in FILES}
    there = {path.stem for path in (HPARAMS / "base").glob("*.yaml")}
    assert stages <= there and there - stages <= corpora


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_corpus_names_what_it_does_otherwise_and_nothing_else(path, bases):
    base = SettingsFile(str(HPARAMS / "base" / path.name))
    ours = SettingsFile(str(path))
    named = named_above(path).keys()
    for name, entry in base.entries.items():
        here, below = (
            text.split("#")[0].split()
            for text in (ours.entries[name].text, entry.text)
        )
        # What has to be given may be named to say what to give.
        if not (name in named and "!PLACEHOLDER" in entry.text):
            assert (here != below) is (name in named), name
    assert ours.entries.keys() == base.entries.keys() | named


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_values_differ_where_they_are_named_or_follow(path, bases):
    base, ours = bases[path.stem], resolved(path, "f")
    named = named_above(path).keys()
    entries = SettingsFile(str(path)).entries
    follows = set(named)
    while more := {
        name
        for name, entry in entries.items()
        if entry.references & follows and name not in follows
    }:
        follows |= more
    assert list(ours) == list(entries)
    for name, value in base.items():
        if name not in follows:
            assert ours[name] == value, name
        elif name in named and "!ref" not in entries[name].text:
            given = "!PLACEHOLDER" in entries[name].text
            assert given or ours[name] != value, name


# Where trainings differ that were tuned one by one: a base is changed for all.
STATED = {
    "albayzin/teacher": {"number_of_epochs": 20, "chunks_per_epoch": 32000},
    "combined/student": {"n_cached": 24000, "max_unsupported": 0.1},
    "dihard3/student": {"batch_size": 32, "cooldown_steps": 8000},
    "minibroadcast/dictionary": {"n_chunks": 1000, "number_of_epochs": 2},
    "minibroadcast/teacher": {"chunks_per_epoch": 5120, "cooldown_steps": 700},
    "minibroadcast/student": {"n_cached": 8000, "max_error_ratio": 1.4},
    "realbroadcast/dictionary": {"n_chunks": 2000, "composed_share": 0.65},
    "realbroadcast/teacher": {"warmup_steps": 200, "number_of_epochs": 12},
    "realbroadcast/student": {"overlap_factor": 2.0, "n_cached": 24000},
}


@pytest.mark.parametrize("name", STATED)
def test_what_results_were_made_with(name):
    ours = resolved(HPARAMS / f"{name}.yaml", "f")
    assert {key: ours[key] for key in STATED[name]} == STATED[name]
