"""YAML files and scripts agree, by SpeechBrain's rules and the other way."""

import io
import re
from pathlib import Path

import pytest
import yaml
from hyperpyyaml import resolve_references
from upstream.library import CHECKOUT

from explainable_seg.training.settings import SettingsFile

FILES = [
    path
    for path in sorted((CHECKOUT / "hparams").glob("*/*.yaml"))
    if path.parent.name != "base"
]
IDS = [f"{path.parent.name}/{path.stem}" for path in FILES]
LOOKS = re.compile(r'\bhparams\["(\w+)"\](?! = )')
ATTRIBUTES = re.compile(r"\bself\.hparams\.(\w+)")
# Also options of SpeechBrain's Brain, which reads them from the file.
RUN_OPTIONS = {"ckpt_interval_minutes"}
KEY = re.compile(r"^(\w+):", re.M)


def script_of(path: Path) -> str:
    """Text of the script that a file is for."""
    return (CHECKOUT / f"recipes/train_{path.stem}.py").read_text()


def referred_to_later(text: str) -> set[str]:
    """Keys that a line below them refers to, as SpeechBrain's check has it."""
    lines = text.splitlines()
    below = {
        match.group(1): "\n".join(lines[number + 1 :])
        for number, line in enumerate(lines)
        if (match := KEY.match(line))
    }
    return {
        key
        for key, rest in below.items()
        if re.search(rf"!ref.*<{key}[>\[]", rest)
    }


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_key_is_used_and_every_use_has_a_key(path):
    script, text = script_of(path), SettingsFile(str(path)).text
    wanted = set(LOOKS.findall(script)) | set(ATTRIBUTES.findall(script))
    keys = set(KEY.findall(text))
    assert wanted <= keys
    used = wanted | referred_to_later(text) | RUN_OPTIONS
    assert keys - used <= {"__set_seed"}


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_what_goes_needs_no_other_file(path):
    text = SettingsFile(str(path)).text
    assert "base:" not in text and "!include" not in text
    filled = text.replace("!PLACEHOLDER", "filled")
    tree = yaml.compose(resolve_references(io.StringIO(filled)))
    names = [key.value for key, _ in tree.value]
    assert names == KEY.findall(text)


def test_a_key_is_no_use_above_itself():
    text = "a: 1\nb: !ref <a>\nc: [!ref <b>,\n    !ref <d>]\nd: 2\n"
    assert referred_to_later(text) == {"a", "b"}
