"""The README says what the program does: its keys, its commands, its pictures."""

import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

import warubi_tui

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def bindings() -> Iterator[tuple[str, Binding]]:
    """Every binding that a class of ours declares, with its place (the part of its id before the dot)."""
    for module in pkgutil.walk_packages(warubi_tui.__path__, "warubi_tui."):
        if not module.name.startswith(
            ("warubi_tui.app", "warubi_tui.screens", "warubi_tui.dialogs", "warubi_tui.widgets")
        ):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            ours = isinstance(value, type) and issubclass(value, DOMNode) and value.__module__ == module.name
            for binding in value.__dict__.get("BINDINGS", []) if ours else []:
                assert isinstance(binding, Binding), f"{value} declares {binding!r}"
                yield (binding.id or "").split(".")[0], binding


def key_table() -> str:
    """The README's table: place, key, what it does."""
    rows = set()
    for place, binding in bindings():
        key = binding.key.replace("question_mark", "?").replace("slash", "/").replace(",", " ")
        words = f"{binding.description.rstrip('…')}: {binding.tooltip}"
        rows.add((place, binding.key_display or key, words))
    lines = [f"| {place} | `{key}` | {words} |" for place, key, words in sorted(rows)]
    return "\n".join(["| where | key | what it does |", "|---|---|---|", *lines])


def test_every_binding_can_be_remapped_and_explained() -> None:
    found = list(bindings())
    assert len(found) > 30
    assert [b for _, b in found if not (b.id and b.tooltip and b.description)] == []


def test_keys_are_those_of_the_program() -> None:
    match = re.search(r"<!-- keys -->\n(.*?)\n?<!-- /keys -->", README, re.DOTALL)
    assert match is not None
    assert match[1] == key_table(), f"put this between the marks:\n{key_table()}"


def test_every_command_is_named() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "warubi_tui", "--help"], capture_output=True, text=True, check=True
    ).stdout
    names = re.findall(r"^    ([a-z]+) ", answer, re.MULTILINE)
    assert "demo" in names
    assert [name for name in names if f"warubi {name}" not in README] == []


def test_pictures_exist() -> None:
    pictures = re.findall(r"\]\((screenshots/[^)]+)\)", README)
    assert len(pictures) >= 6
    assert [name for name in pictures if not (ROOT / name).is_file()] == []
