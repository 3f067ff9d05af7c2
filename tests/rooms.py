"""The rooms and the words of the house, as the reference lists them."""

import ast
from pathlib import Path

_CONF = Path(__file__).resolve().parents[1] / "docs/reference/conf.py"
_TOLD = {
    node.targets[0].id: ast.literal_eval(node.value)
    for node in ast.parse(_CONF.read_text(encoding="utf-8")).body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
}
ROOMS: tuple[str, ...] = _TOLD["ROOMS"]
"""Each room stands on those before it."""
WORDS: tuple[str, ...] = _TOLD["WORDS"]
"""Modules beside the rooms, which all may use."""
