"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """Table in Markdown; floats with three decimals, None as a dash."""
    lines = [head, ["---"] * len(head)]
    lines += [[cell(value) for value in row] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def cell(value: object) -> str:
    """Text of a value."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
