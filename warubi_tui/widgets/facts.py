"""Labelled values, one a line, and the words for sizes."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from warubi_tui.text import clean


def facts_content(facts: Iterable[tuple[str, str | Content]]) -> Content:
    """Lines of `label  value`, labels dim and as wide as the longest. Plain values are foreign text."""
    pairs = list(facts)
    width = max((len(label) for label, _ in pairs), default=0)
    lines = [
        Content.assemble(
            (f"{label:<{width}}  ", "dim"), value if isinstance(value, Content) else Content(clean(value))
        )
        for label, value in pairs
    ]
    return Content("\n").join(lines)


def size_words(size: int | None) -> str:
    """Bytes for a person: `30.4 MB` (powers of 1024, as PostgreSQL and Neon count); `—` when unknown."""
    if size is None:
        return "—"
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"
