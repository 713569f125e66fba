"""Access lists of PostgreSQL in words."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

_ITEM: Final = re.compile(r'(?P<role>"(?:[^"]|"")*"|[^="]*)=(?P<rights>[a-zA-Z*]*)/')
"""`role=rights/grantor` (https://www.postgresql.org/docs/current/ddl-priv.html)."""

_RIGHTS: Final = {
    "r": "SELECT",
    "a": "INSERT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "m": "MAINTAIN",
    "X": "EXECUTE",
    "U": "USAGE",
    "C": "CREATE",
    "c": "CONNECT",
    "T": "TEMPORARY",
    "s": "SET",
    "A": "ALTER SYSTEM",
}


def grants(acl: Sequence[str] | None, usual: Sequence[str], owner: str | None) -> str | None:
    """Who may do what, one `role: RIGHT, RIGHT` after the other; a star may grant it on. None for nobody.

    All rights of the owner are not told, as every owner has them; less than all are.

    Args:
        acl: items as PostgreSQL prints them; None is `usual`.
        usual: what `acldefault` says of such an object.
        owner: None where there is no such role.
    """
    ours = _by_role(usual).get(owner) if owner is not None else None
    found = _by_role(usual if acl is None else acl)
    if owner is not None and ours is not None:
        if found.get(owner) == ours:
            del found[owner]
        else:
            found.setdefault(owner, frozenset())
    return "; ".join(f"{role}: {_words(rights)}" for role, rights in sorted(found.items())) or None


def _by_role(items: Iterable[str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for item in items:
        match = _ITEM.match(item)
        if match is None:
            found[item] = frozenset()
            continue
        role = _unquoted(match["role"]) or "PUBLIC"
        found[role] = found.get(role, frozenset()) | frozenset(re.findall(r"[a-zA-Z]\*?", match["rights"]))
    return found


def _unquoted(role: str) -> str:
    return role[1:-1].replace('""', '"') if role.startswith('"') else role


def _words(rights: frozenset[str]) -> str:
    order = {letter: place for place, letter in enumerate(_RIGHTS)}
    held = [right for right in rights if f"{right}*" not in rights]
    return (
        ", ".join(
            _RIGHTS.get(right[0], right[0]) + right[1:]
            for right in sorted(held, key=lambda right: (order.get(right[0], len(order)), right))
        )
        or "nothing"
    )
