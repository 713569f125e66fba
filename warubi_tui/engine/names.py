"""Identifiers that look like Neon's: `br-misty-leaf-05eed16a`."""

import secrets

_ADJECTIVES = [
    "amber",
    "autumn",
    "bold",
    "calm",
    "crisp",
    "dawn",
    "dry",
    "fresh",
    "late",
    "little",
    "long",
    "misty",
    "proud",
    "quiet",
    "round",
    "wild",
]
_NOUNS = ["bar", "cloud", "dust", "field", "grass", "leaf", "mode", "pine", "rain", "sky", "sun", "wave"]


def new_id(prefix: str = "") -> str:
    """A new identifier with this prefix (`br`, `ep`; none for a project)."""
    words = [secrets.choice(_ADJECTIVES), secrets.choice(_NOUNS), secrets.token_hex(4)]
    return "-".join(([prefix] if prefix else []) + words)


def new_timeline() -> str:
    """16 hexadecimal digits."""
    return secrets.token_hex(8)


def new_password() -> str:
    """A role's generated password."""
    return f"npg_{secrets.token_urlsafe(18)}"
