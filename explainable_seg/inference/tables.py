"""The two tables of an output folder: summary.csv and failures.csv."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from explainable_seg.classes import CLASSES
from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import atomic_write_text
from explainable_seg.inference.segmentation import Segmentation

SUMMARY = "summary.csv"
FAILURES = "failures.csv"
SUMMARY_COLUMNS = ("file", "duration", *CLASSES)
FAILURE_COLUMNS = ("file", "error")

Rows = dict[str, list[str]]  # rows by their first column


class Table:
    """A CSV file whose rows are found by their first column.

    Rows are appended as they come, so that a run that is killed leaves them;
    :meth:`save` sorts them.

    Arguments
    ---------
    path : pathlib.Path
        The file; rows of an earlier run are read.
    columns : Sequence[str]
        Names of the columns.

    Raises
    ------
    ExplainableSegError
        If there is a file that is no such table.
    """

    def __init__(self, path: Path, columns: Sequence[str]):
        self.path = path
        self.columns = list(columns)
        self.rows = self._read()
        self._absorbed: list[Path] = []

    def _read(self) -> Rows:
        """Rows of the file, if there is one."""
        if not self.path.exists():
            return {}
        text = self.path.read_text(encoding="utf-8", errors="replace")
        # A run that was killed may have left half a row behind.
        whole = text[: text.rfind("\n") + 1]
        header, *rows = list(csv.reader(io.StringIO(whole, ""))) or [[]]
        widths = {len(row) for row in rows}
        if header != self.columns or not widths <= {len(header)}:
            raise ExplainableSegError(
                f"expected a table of the columns {','.join(self.columns)}, "
                f"got another file, in {self.path}; remove it or use another "
                "--output"
            )
        return {row[0]: row for row in rows}

    def append(self, row: list[str]) -> None:
        """Add a row, in memory and at the end of the file.

        Arguments
        ---------
        row : list[str]
            One field a column, of one line each; it takes the place of a row
            of the same first field.
        """
        if not self.path.exists():
            atomic_write_text(self.path, _csv([self.columns]))
        self.rows[row[0]] = row
        with open(self.path, "a", encoding="utf-8", newline="") as stream:
            stream.write(_csv([row]))

    def absorb(self, other: "Table") -> None:
        """Take the rows of another table, which :meth:`save` then removes.

        Arguments
        ---------
        other : Table
            Of the same columns; where both have a row, this table's stays.
        """
        self.rows = {**other.rows, **self.rows}
        self._absorbed.append(other.path)

    def save(self) -> None:
        """Write all rows, sorted; a table without rows is removed."""
        if self.rows:
            rows = [self.rows[name] for name in sorted(self.rows)]
            atomic_write_text(self.path, _csv([self.columns, *rows]))
        else:
            self.path.unlink(missing_ok=True)
        for path in self._absorbed:
            path.unlink(missing_ok=True)
        self._absorbed.clear()


def _csv(rows: list[list[str]]) -> str:
    """Text of rows."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def one_line(text: str) -> str:
    """Text that can be written; names of files need not be UTF-8."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(valid.splitlines())


def summary_row(name: str, result: Segmentation) -> list[str]:
    """Row of summary.csv: seconds, to the millisecond.

    Nothing stands for a class that the model does not look for.

    Example
    -------
    >>> import numpy as np
    >>> summary_row("a.wav", Segmentation("a", 2.0, [], np.zeros((99, 4))))
    ['a.wav', '2.000', '0.000', '0.000', '0.000', '0.000']
    """
    found = result.seconds()
    seconds = [result.duration, *(found.get(name) for name in CLASSES)]
    return [name, *("" if s is None else f"{s:.3f}" for s in seconds)]
