"""HyperPyYAML files with what they include written out.

SpeechBrain's check reads the keys of a file as text, and its recipes stand
alone. Here, what files share is included under a key and fed from above.
"""

import re
from collections.abc import Iterator
from pathlib import Path

INCLUDE = re.compile(r"^(\w+): !include:(\S+)\n((?:[ ].*\n)*)", re.M)
FED = re.compile(r"^ +(\w+): (.*)\n", re.M)
KEY = re.compile(r"^(\w+):", re.M)


def written_out(path: Path) -> str:
    """Text of a file with no include left.

    The included keys become keys of the file. Those that the file feeds with
    its own key of the same name are there already.

    Arguments
    ---------
    path : pathlib.Path
        HyperPyYAML file.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If an included key is a placeholder that is not fed, or both files
        have a key of that name.
    """
    text = path.read_text(encoding="utf-8")
    while match := INCLUDE.search(text):
        under, included, block = match.groups()
        kept = "".join(_kept(path.parent / included, dict(FED.findall(block))))
        around = [
            _without(under, part)
            for part in (text[: match.start()], text[match.end() :])
        ]
        both = set(KEY.findall("".join(around))) & set(KEY.findall(kept))
        if both:
            raise ValueError(
                f"expected other keys than those of {path}, got "
                f"{sorted(both)}, in {included}; rename them"
            )
        text = kept.join(around)
    return text


def _without(under: str, text: str) -> str:
    """Text that refers to included keys as to its own."""
    # `key: !ref <common[key]>` has nothing left to say.
    text = re.sub(rf"^(\w+): !ref <{under}\[\1\]>\n", "", text, flags=re.M)
    return re.sub(rf"<{under}\[(\w+)\]", r"<\1", text)


def _kept(included: Path, fed: dict[str, str]) -> Iterator[str]:
    """Entries of an included file that the file including it lacks."""
    for key, entry in _entries(written_out(included)):
        value = fed.get(key)
        if value is None:
            if f"\n{key}: !PLACEHOLDER" in f"\n{entry}":
                raise ValueError(
                    f"expected a value for {key}, got none, for {included}"
                )
            yield entry
        elif value != f"!ref <{key}>":
            yield f"{key}: {value}\n"


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Keys of a file with their text, comments above included."""
    above = ""
    for chunk in re.split(r"^(?=\S)", text, flags=re.M):
        match = KEY.match(chunk)
        if match is None:
            above += chunk
            continue
        yield match.group(1), above + chunk
        above = ""
