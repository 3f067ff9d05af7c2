"""XML from strangers: parsed without entities, fetching nothing."""

import logging
import os
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from explainable_seg.annotation.fields import unreadable
from explainable_seg.errors import AnnotationError

logger = logging.getLogger(__name__)

# None: what the file declares. UTF-8 comes before cp1252, which takes nearly
# every byte for a letter, UTF-8's too.
ENCODINGS = (None, "utf-8", "cp1252")


class Element(NamedTuple):
    """An opening tag: its name, its attributes, and its line, from 1.

    Each run of blanks in the value of an attribute is one blank.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    where: str  # file and line, for messages


class _OpeningTags:
    """Target of the parser that keeps opening tags, in one flat list.

    Nothing is nested, so no depth of elements can exhaust the stack.
    """

    def __init__(
        self, path: str | os.PathLike[str], encoding: str | None
    ) -> None:
        self.path = path
        self.elements: list[Element] = []
        self.parser = XMLParser(target=self, encoding=encoding)
        # Not those that a DTD gives by default, to each element once more: a
        # few lines can make gigabytes.
        self.parser.parser.specified_attributes = True

    @property
    def line(self) -> int:
        """Where the parser stands."""
        return self.parser.parser.CurrentLineNumber

    @property
    def where(self) -> str:
        """The same with the file, for messages."""
        return f"{self.path}:{self.line}"

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Called by the parser for each opening tag."""
        values = {
            name: " ".join(value.split()) for name, value in attributes.items()
        }
        self.elements.append(Element(tag, values, self.line, self.where))


def read_elements(path: str | os.PathLike[str], root: str) -> list[Element]:
    """Elements of an XML file, in the order of their opening tags.

    The file is read as bytes, so that its XML declaration decides the
    encoding. If it cannot be parsed so, as the declaration is wrong in many
    archives, UTF-8 and then cp1252 are tried, and the log says which was
    used. A ``DOCTYPE`` may name an external DTD, which is not fetched, and
    defaults of attributes, which are not filled in.

    Arguments
    ---------
    path : str or os.PathLike
        The file.
    root : str
        Name that its outermost element must have.

    Returns
    -------
    list[Element]
        Names, attributes and lines.

    Raises
    ------
    AnnotationError
        If the file cannot be read, is no well-formed XML, has another
        outermost element, or declares an entity: a few lines of these can
        expand to gigabytes, or name files of the reader's.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    elements = _parse_any(content, path)
    if elements[0].tag != root:
        raise AnnotationError(
            f"expected an outermost element {root}, got {elements[0].tag}, "
            f"in {elements[0].where}; check the format of the file"
        )
    return elements


def _parse_any(content: bytes, path: str | os.PathLike[str]) -> list[Element]:
    """Elements, in the first encoding in which the file can be parsed."""
    failures = []
    for encoding in ENCODINGS:
        tags = _OpeningTags(path, encoding)
        try:
            tags.parser.feed(content)
            tags.parser.close()
        except DefusedXmlException:
            raise AnnotationError(
                f"expected XML without entities, got a declaration of one, "
                f"in {tags.where}; remove it"
            ) from None
        # Codecs that Python does not know, or that are no character sets,
        # give the latter two.
        except (ParseError, LookupError, ValueError) as error:
            failures.append(f"got '{error}', in {tags.where}")
        else:
            if encoding is not None:
                logger.warning(
                    "%s: read as %s, not as its XML declaration says",
                    path,
                    encoding,
                )
            return tags.elements
    raise AnnotationError(
        f"expected well-formed XML, {failures[0]}; correct the file, or copy "
        "it again"
    )
