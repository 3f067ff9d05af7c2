"""YAML files and scripts agree, by SpeechBrain's rules and the other way."""

import io
import re
from pathlib import Path

import pytest
import yaml
from hyperpyyaml import resolve_references
from upstream.hparams import KEY, written_out
from upstream.library import CHECKOUT

FILES = [
    path
    for path in sorted((CHECKOUT / "hparams").glob("*/*.yaml"))
    if path.parent.name != "common"
]
IDS = [f"{path.parent.name}/{path.stem}" for path in FILES]
LOOKS = re.compile(r'\bhparams\["(\w+)"\](?! = )')
ATTRIBUTES = re.compile(r"\bself\.hparams\.(\w+)")
SETS = re.compile(r'\bhparams\["(\w+)"\] = ')
# Also options of SpeechBrain's Brain, which reads them from the file.
RUN_OPTIONS = {"ckpt_interval_minutes"}
CONSUMED = re.compile(r"<(\w+)[>\[]")


def plain(path: Path, text: str) -> dict:
    """Content of a file, references followed, tags as plain values."""
    filled = re.sub(r"^(\w+): !PLACEHOLDER", r"\1: filled", text, flags=re.M)
    stream = io.StringIO(filled)
    stream.name = str(path)  # includes are found beside it
    resolved = resolve_references(stream)
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", untagged)
    return yaml.load(resolved, Loader=loader)


def untagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> object:
    """Value of a node, beside its tag."""
    if isinstance(node, yaml.MappingNode):
        return tag, loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return tag, loader.construct_sequence(node, deep=True)
    return tag, loader.construct_scalar(node)


def script_of(path: Path) -> str:
    """Text of the script that a file is for."""
    return (CHECKOUT / f"recipes/train_{path.stem}.py").read_text()


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_what_is_written_out_says_the_same(path):
    text = path.read_text(encoding="utf-8")
    before, after = plain(path, text), plain(path, written_out(path))
    assert "!include" not in written_out(path)
    for key in before.keys() - {"common"}:
        assert after[key] == before[key], key


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_key_is_used_and_every_use_has_a_key(path):
    script, text = script_of(path), written_out(path)
    wanted = set(LOOKS.findall(script)) | set(ATTRIBUTES.findall(script))
    keys = set(KEY.findall(text))
    assert wanted - set(SETS.findall(script)) <= keys
    used = wanted | set(CONSUMED.findall(text)) | RUN_OPTIONS
    assert keys - used <= {"__set_seed"}


def test_included_keys_that_clash_or_lack_a_value_are_refused(tmp_path):
    (tmp_path / "shared.yaml").write_text("a: !PLACEHOLDER\n\nb: 2\n")
    file = tmp_path / "file.yaml"
    file.write_text("b: 1\ncommon: !include:shared.yaml\n    a: 3\n")
    with pytest.raises(ValueError, match="b"):
        written_out(file)
    file.write_text("common: !include:shared.yaml\n    b: 3\n")
    with pytest.raises(ValueError, match="a"):
        written_out(file)


def test_by_hand(tmp_path):
    (tmp_path / "shared.yaml").write_text(
        "# A box\nlr: !PLACEHOLDER\n\n# How\nopt: !name:x.Y\n    lr: !ref <lr>\n"
    )
    file = tmp_path / "file.yaml"
    file.write_text(
        "lr: 1\ncommon: !include:shared.yaml\n    lr: !ref <lr>\n"
        "opt: !ref <common[opt]>\nother: !ref <common[opt]>\n"
    )
    assert written_out(file) == (
        "lr: 1\n# How\nopt: !name:x.Y\n    lr: !ref <lr>\nother: !ref <opt>\n"
    )
