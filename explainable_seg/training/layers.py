"""YAML files that stand on others: what they name is theirs, the rest below.

A training has a hundred settings, of which a corpus changes ten. Its file names
the file that it stands on and those ten::

    base: ../base/teacher.yaml
    corpus: albayzin
    lr: 0.001

It may have keys of its own, for those that it changes to refer to. HyperPyYAML
has no such thing: it includes files under a key, of which the command line can
change nothing. So files are put together as text, before it sees them.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from explainable_seg.errors import ExplainableSegError, first_line

BASE = "base"  # the key that names the file below
KEY = re.compile(r"^(\w+):[ ]*(.*)")
PART = re.compile(r"^(?=\w+:|#)", re.M)  # of a file: a key, or a comment
COMMENT = re.compile(r"[ ]+#.*$")
REFERENCE = re.compile(r"<(\w+)[^>]*>")
MACHINERY = re.compile(r"!(new|name|apply|include)")


@dataclass(frozen=True)
class Entry:
    """A top-level key of a file.

    Arguments
    ---------
    name : str
        The key.
    text : str
        The entry as it is written, with what follows it up to the next.
    value : Any
        What YAML makes of it, references not followed.
    above : str
        Comments above it.
    """

    name: str
    text: str
    value: Any
    above: str = ""

    @property
    def references(self) -> set[str]:
        """Keys that it refers to."""
        return set(REFERENCE.findall(self.text))

    @property
    def is_machinery(self) -> bool:
        """Whether it makes an object, of which nobody gives another."""
        match = KEY.match(self.text)
        private = self.name.startswith("__")
        return private or bool(match and MACHINERY.match(match.group(2)))

    def over(self, below: "Entry") -> "Entry":
        """This entry in the place of another one.

        The comments of that one are kept, at the end of its line unless this
        one says something there.
        """
        first, *rest = self.text.rstrip().split("\n")
        said = COMMENT.search(below.text.split("\n")[0])
        if said and not COMMENT.search(first):
            first += said.group()
        gap = below.text[len(below.text.rstrip()) :]
        return replace(
            self,
            text="\n".join([first, *rest]) + gap,
            above=below.above + self.above,
        )


@dataclass(frozen=True)
class Layer:
    """A file of settings, read but not executed.

    Arguments
    ---------
    path : str
        The file.
    header : str
        Comments above its first key.
    entries : dict[str, Entry]
        Its keys, in their order.
    """

    path: str
    header: str
    entries: dict[str, Entry]

    @property
    def text(self) -> str:
        """The file, written anew."""
        parts = (entry.above + entry.text for entry in self.entries.values())
        return self.header + "".join(parts)

    def over(self, below: "Layer") -> "Layer":
        """This file on another one.

        Arguments
        ---------
        below : Layer
            What gives all that this one does not.

        Returns
        -------
        Layer
            Keys of that file, in its order, with the values of this one. Keys
            of its own come before the next one that is not.

        Raises
        ------
        ExplainableSegError
            If it has a key that is neither there nor referred to.
        """
        self._refuse_unknown(below.entries)
        own: list[Entry] = []
        before: dict[str, list[Entry]] = {}
        for name, entry in self.entries.items():
            if name not in below.entries:
                own.append(entry)
            else:
                before[name], own = own, []
        merged: dict[str, Entry] = {}
        for name, entry in below.entries.items():
            if name in self.entries:
                entry = self.entries[name].over(entry)
            for added in before.get(name, ()):
                text = added.text.rstrip() + "\n"
                above, entry = entry.above, replace(entry, above="")
                merged[added.name] = replace(
                    added, text=text, above=above + added.above
                )
            merged[name] = entry
        merged.update((entry.name, entry) for entry in own)
        return Layer(self.path, below.header + self.header, merged)

    def _refuse_unknown(self, below: Mapping[str, Entry]) -> None:
        """Raise if a key is neither in the file below nor of any use here."""
        for name in self.entries:
            used = any(
                name in entry.references
                for entry in self.entries.values()
                if entry.name != name
            )
            if name not in below and not used:
                near = difflib.get_close_matches(name, below)
                hint = f"did you mean {' or '.join(near)}? " if near else ""
                raise ExplainableSegError(
                    f"expected keys of the file that it stands on, or keys "
                    f"that others refer to, got '{name}', in {self.path}; "
                    f"{hint}correct it, or leave it out"
                )


def read_layer(path: str) -> Layer:
    """Read a file, without those that it stands on.

    Arguments
    ---------
    path : str
        The file.

    Returns
    -------
    Layer

    Raises
    ------
    ExplainableSegError
        If it cannot be read, is no YAML with keys, or has a key twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        tree = YAML().load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ExplainableSegError(
            f"expected a YAML file, got '{first_line(error)}', in {path}; "
            "name one of hparams/<corpus>/"
        ) from None
    except YAMLError as error:
        raise no_yaml(error, path) from None
    if not isinstance(tree, dict):
        raise ExplainableSegError(
            f"expected a YAML file with keys, got none, in {path}; name "
            "one of hparams/<corpus>/"
        )
    parts = list(_parts(text))
    odd = [str(name) for name in tree if name not in dict(parts)]
    if odd:
        raise ExplainableSegError(
            f"expected keys of letters, digits and _ at the start of a line, "
            f"got {', '.join(odd)}, in {path}; write them so"
        )
    header, above = "", ""
    entries: dict[str, Entry] = {}
    for name, part in parts:
        if not name and not entries:
            header += part
        elif not name:
            above += part
        else:
            entries[name] = Entry(name, part, tree[name], above)
            above = ""
    return Layer(path, header, entries)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of each key; of comments, an empty name."""
    for part in PART.split(text):
        match = KEY.match(part)
        yield (match.group(1) if match else ""), part


def no_yaml(error: YAMLError, where: str) -> ExplainableSegError:
    """Error of one line for what is no YAML."""
    problem = getattr(error, "problem", None) or first_line(error)
    return ExplainableSegError(
        f"expected YAML, got '{problem}', in {where}; correct it"
    )
