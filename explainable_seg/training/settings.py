"""Settings of a recipe: files, the bases they stand on, the command line."""

import difflib
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

from hyperpyyaml import resolve_references
from ruamel.yaml import YAML, YAMLError

from explainable_seg.errors import ExplainableSegError, first_line

BASE = "base"  # the key that names the files below, the lowest first
KEY = re.compile(r"^(\w+):[ ]*(.*)")
PART = re.compile(r"^(?=\w+:|#)", re.M)  # of a file: a key, or a comment
COMMENT = re.compile(r"[ ]+#.*$")
REFERENCE = re.compile(r"<(\w+)[^>]*>")
MACHINERY = re.compile(r"!(new|name|apply|include)")
FLAGS = ("true", "false")
NULLS = ("", "~", "null")
NULLABLE = (
    "atoms_per_class",
    "chunks_folder",
    "clips",
    "feature_cache",
    "level",
    "run_step",
    "run_window",
    "teacher",
)
POSITIVE = (
    "batch_size",
    "box",
    "chunks_per_epoch",
    "frame_step",
    "lr",
    "max_error_ratio",
    "max_l1_ratio",
    "max_mask_error",
    "max_outside",
    "max_unsupported",
    "n_atoms",
    "n_cached",
    "n_channels",
    "n_chunks",
    "n_distinct",
    "n_hidden",
    "number_of_epochs",
    "run_step",
    "run_window",
    "shard_size",
    "stride",
    "window",
)


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


def _standing(path: str, on_it: tuple[Path, ...] = ()) -> list[Layer]:
    """A file on top of all that it stands on, the lowest first."""
    layer = read_layer(path)
    named = layer.entries.pop(BASE).value if BASE in layer.entries else []
    here = (*on_it, Path(path).resolve())
    standing = []
    for name in named if isinstance(named, list) else [named]:
        below = Path(path).parent / str(name)
        if below.resolve() in here:
            raise ExplainableSegError(
                f"expected a file that stands on others, got itself as "
                f"'{BASE}', in {path}; name another"
            )
        standing += _standing(str(below), here)
    return [*standing, layer]


class SettingsFile:
    """A HyperPyYAML file with those that it stands on, read but not executed.

    Arguments
    ---------
    path : str
        The file.

    Raises
    ------
    ExplainableSegError
        If it cannot be read, is no YAML with keys, stands on itself, or gives
        a key of the file below what that cannot have.
    """

    def __init__(self, path: str):
        self.path = path
        merged, *others = _standing(path)
        for layer in others:
            self.entries = merged.entries
            for name, entry in layer.entries.items():
                if name in merged.entries:
                    self._check(name, entry.value)
            merged = layer.over(merged)
        self.entries, self.text = merged.entries, merged.text

    def stream(self) -> io.StringIO:
        """The text of all files in one, as HyperPyYAML reads it."""
        return _NamedText(self.text, self.path)

    def default(self, name: str) -> Any:
        """Value of a key; that of another one, if it only refers to it."""
        value = self.entries[name].value
        if _tag(value) == "!ref":
            match = REFERENCE.fullmatch(value.value.strip())
            if match and match.group(1) in self.entries:
                return self.default(match.group(1))
        return value

    def holds_text(self, name: str) -> bool:
        """Whether a key is a name or a path, whatever it looks like."""
        if name.endswith("_folder") or name in ("clips", "feature_cache"):
            return True
        value = self.default(name)
        if _tag(value) == "!ref":  # with more around it than a sum would have
            return bool(re.search("[a-z]", REFERENCE.sub("", value.value)))
        return isinstance(value, str) or _tag(value) == "!PLACEHOLDER"

    def override(self, name: str, value: Optional[str]) -> str:
        """Line of YAML that gives a key another value.

        Arguments
        ---------
        name : str
            The key.
        value : str or None
            As on the command line; None of an option without a value.

        Returns
        -------
        str

        Raises
        ------
        ExplainableSegError
            If there is no such key, or it cannot have such a value.
        """
        if name not in self.entries:
            raise self._unknown(name)
        if value is None:
            if not isinstance(self.default(name), bool):
                raise self._wrong(name, "a value", "none")
            value = "true"
        if self.holds_text(name) and value.strip() not in NULLS:
            quoted = len(value) > 1 and value[0] == value[-1] in "\"'"
            return f"{name}: {value if quoted else json_string(value)}"
        if name.endswith("_folder") and name not in NULLABLE:
            raise self._wrong(name, "a folder", "none")
        line = f"{name}: {value}"
        try:
            parsed = YAML().load(line)
        except YAMLError as error:
            raise no_yaml(error, f"--{name}") from None
        if list(parsed) != [name]:
            raise self._wrong(name, "one value", repr(value))
        self._check(name, parsed[name])
        return line

    def _check(self, name: str, value: Any) -> None:
        """Raise if a key cannot have a value."""
        default = self.default(name)
        if _tag(value) or _tag(default):
            return
        if value is None:
            if default is not None and name not in NULLABLE:
                raise self._wrong(name, _kind(default), "null")
            return
        whole = (
            _kind(value) == "a whole number" and _kind(default) == "a number"
        )
        if default is not None and _kind(value) != _kind(default) and not whole:
            raise self._wrong(name, _kind(default), repr(value))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            negative = isinstance(default, (int, float)) and default < 0
            low = name in POSITIVE and value <= 0
            low = low or (value < 0 and not negative)
            if low or not math.isfinite(value):
                least = "above 0" if name in POSITIVE else "of at least 0"
                raise self._wrong(name, f"{_kind(default)} {least}", str(value))

    def _wrong(self, name: str, expected: str, got: str) -> ExplainableSegError:
        """Error for a value that a key cannot have."""
        return ExplainableSegError(
            f"expected {expected}, got {got}, for --{name} of {self.path}; "
            "--help lists the keys with their defaults"
        )

    def _unknown(self, name: str) -> ExplainableSegError:
        """Error for a key that the file lacks, which names those alike."""
        keys = [n for n, e in self.entries.items() if not e.is_machinery]
        near = difflib.get_close_matches(name, keys)
        hint = f"did you mean --{' or --'.join(near)}? " if near else ""
        return ExplainableSegError(
            f"expected a key of {self.path}, got --{name}; {hint}--help lists "
            "the keys"
        )

    def split(
        self, arguments: Sequence[str], others: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """Options that are keys of the file, and all other arguments.

        Arguments
        ---------
        arguments : Sequence[str]
            Of the command line.
        others : Sequence[str]
            Names of options that are none of the file's.

        Returns
        -------
        tuple[list[str], list[str]]
            Lines of YAML, and arguments.

        Raises
        ------
        ExplainableSegError
            As of :meth:`override`; or if a key is given twice.
        """
        lines: dict[str, str] = {}
        rest = []
        words = list(arguments)
        while words:
            word = words.pop(0)
            name, equals, value = word.removeprefix("--").partition("=")
            if not word.startswith("--") or name in others:
                rest.append(word)
                continue
            if name in lines:
                raise ExplainableSegError(
                    f"expected each option once, got --{name} twice; leave "
                    "one out"
                )
            given = value if equals else self._following(name, words)
            lines[name] = self.override(name, given)
        return list(lines.values()), rest

    def _following(self, name: str, words: list[str]) -> Optional[str]:
        """Value of an option that comes as a word of its own, taken away."""
        if not words or words[0].startswith("--"):
            return None
        flag = name in self.entries and isinstance(self.default(name), bool)
        if flag and words[0].lower() not in FLAGS:
            return None
        return words.pop(0)

    def resolved(self, overrides: str) -> dict[str, Any]:
        """Plain values of all keys, references followed; nothing is made.

        Arguments
        ---------
        overrides : str
            YAML of the keys to change.

        Returns
        -------
        dict[str, Any]
            JSON values; of an object to be made, its tag and its arguments.

        Raises
        ------
        ExplainableSegError
            If the file lacks an overridden key, or a placeholder of it was not
            filled in, or a reference leads nowhere.
        """
        text = self.resolved_text(overrides)
        return {k: _plain(v) for k, v in YAML().load(text).items()}

    def resolved_text(self, overrides: str) -> str:
        """The files in one, with references followed and keys overridden.

        Arguments
        ---------
        overrides : str
            YAML of the keys to change.

        Returns
        -------
        str
            HyperPyYAML that needs no other file.

        Raises
        ------
        ExplainableSegError
            As of :meth:`resolved`.
        """
        try:
            text: str = resolve_references(
                self.stream(), overrides, True
            ).getvalue()
            YAML().load(text)
        except YAMLError as error:
            raise no_yaml(error, f"{self.path} or the options") from None
        except (KeyError, ValueError, TypeError, OSError) as error:
            said = str(error.args[0] if error.args else error)
            raise ExplainableSegError(
                f"expected settings that fit, got '{' '.join(said.split())}', "
                f"in {self.path}; correct the option"
            ) from None
        return f"# Made from {self.path}\n{text}"

    def help(self) -> str:
        """Keys that the command line may change, with defaults and comments."""
        lines: list[str] = []
        for entry in self.entries.values():
            if not entry.is_machinery:
                heading = entry.above.rstrip("\n").split("\n")
                lines += [f"  {line}" for line in heading if line]
                lines += _option(entry)
        return "\n".join(lines)


class _NamedText(io.StringIO):
    """Text with the name of a file, beside which what it includes lies."""

    def __init__(self, text: str, name: str):
        super().__init__(text)
        self.name = name


def _option(entry: Entry) -> list[str]:
    """Lines of an entry, written as an option."""
    first, *below = entry.text.rstrip().split("\n")
    value = first.partition(":")[2].strip()
    value = value.replace("!PLACEHOLDER", "(to be given)").replace("!ref ", "")
    gap = " " if value.startswith("#") else ""
    indented = [f"  {line}" for line in below if line.strip()]
    return [f"  --{entry.name}={gap}{value}", *indented]


def json_string(text: str) -> str:
    """Text as a JSON string, which YAML reads as text whatever is in it.

    Example
    -------
    >>> json_string("!apply:os.getcwd #1")
    '"!apply:os.getcwd #1"'
    """
    return json.dumps(text, ensure_ascii=False)


def _tag(value: Any) -> Optional[str]:
    """Tag of our own of a node, as ``!ref``; None of plain values."""
    tag = getattr(getattr(value, "tag", None), "value", None)
    return tag if tag and tag.startswith("!") else None


def _kind(value: Any) -> str:
    """What a plain value is, in words."""
    for kinds, words in (
        (bool, "True or False"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "keys in braces"),
    ):
        if isinstance(value, kinds):
            return words
    return "null"


def _plain(node: Any) -> Any:
    """JSON values of a node; those with a tag under the tag."""
    tag = _tag(node)
    value: Any = node
    if isinstance(node, dict):
        value = {str(name): _plain(below) for name, below in node.items()}
    elif isinstance(node, (list, tuple)):
        value = [_plain(below) for below in node]
    elif tag:
        value = node.value
    else:
        for kind in (bool, int, float, str):
            if isinstance(node, kind):
                value = kind(node)
                break
    return {tag: value} if tag else value
