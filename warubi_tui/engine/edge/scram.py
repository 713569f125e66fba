"""The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, against PostgreSQL's stored verifiers.

RFC 5802 and RFC 7677. PostgreSQL's clients send an empty user name, for the startup packet has it already
(PostgreSQL manual, "SASL Authentication"), so the name in the first message is ignored.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Final

PLAIN: Final = "SCRAM-SHA-256"
BOUND: Final = "SCRAM-SHA-256-PLUS"

_BINDING: Final = "tls-server-end-point"
_VERIFIER: Final = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)", re.ASCII)
_MOCK_ITERATIONS: Final = 4096
_PRINTABLE: Final = r"[\x21-\x2b\x2d-\x7e]+"
_FIRST: Final = re.compile(
    rf"(?P<header>(?P<flag>n|y|p=(?P<binding>[A-Za-z0-9.-]+)),(?P<other>[^,]*),)"
    rf"(?P<bare>n=[^,]*,r=(?P<nonce>{_PRINTABLE})(?:,.*)?)",
    re.ASCII,
)
_FINAL: Final = re.compile(
    rf"(?P<unproved>c=(?P<channel>[A-Za-z0-9+/=]+),r=(?P<nonce>{_PRINTABLE})(?:,.*)?),p=(?P<proof>[A-Za-z0-9+/=]+)",
    re.ASCII,
)


class ScramError(Exception):
    """The client's message breaks the rules; the text says how."""


@dataclass(frozen=True)
class Verifier:
    """What the server keeps of a password."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def fits(self, password: str) -> bool:
        """Whether it was made from this password; False too where the password is not of ASCII letters."""
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self.salt, self.iterations)
        return hmac.compare_digest(hmac.digest(salted, b"Server Key", "sha256"), self.server_key)


def read_verifier(text: str | None) -> Verifier | None:
    """The verifier in `pg_authid.rolpassword`. None where there is no password, or not one for SCRAM."""
    match = _VERIFIER.fullmatch(text or "")
    if match is None:
        return None
    iterations, salt, stored_key, server_key = match.groups()
    return Verifier(int(iterations), b64decode(salt), b64decode(stored_key), b64decode(server_key))


def mock_verifier(secret: bytes, role: str) -> Verifier:
    """One that no password fits, with the same salt each time: nobody learns that there is no such role."""
    salt = hmac.digest(secret, role.encode(), "sha256")[:16]
    return Verifier(_MOCK_ITERATIONS, salt, secrets.token_bytes(32), secrets.token_bytes(32))


class Exchange:
    """One login: `first` answers the client's first message, `final` its second."""

    def __init__(self, verifier: Verifier, mechanism: str, end_point: bytes) -> None:
        """Raises ScramError for a mechanism that was not offered."""
        if mechanism not in (PLAIN, BOUND):
            raise ScramError("client selected an invalid SASL authentication mechanism")
        self._verifier = verifier
        self._bound = mechanism == BOUND
        self._end_point = end_point
        self._header = b""
        self._nonce = ""
        self._signed = ""

    def first(self, message: str) -> str:
        """The server's first message. Raises ScramError."""
        match = _FIRST.fullmatch(message)
        if match is None or match["other"]:
            raise ScramError("malformed SCRAM message")
        if match["flag"] == "y":
            raise ScramError(
                "the client supports SCRAM channel binding but thinks the server does not; the server does"
            )
        if self._bound != (match["binding"] is not None) or match["binding"] not in (None, _BINDING):
            raise ScramError("the client's channel binding does not fit the mechanism it selected")
        self._header = match["header"].encode()
        self._nonce = match["nonce"] + b64encode(secrets.token_bytes(18)).decode()
        salt = b64encode(self._verifier.salt).decode()
        answer = f"r={self._nonce},s={salt},i={self._verifier.iterations}"
        self._signed = f"{match['bare']},{answer}"
        return answer

    def final(self, message: str) -> str | None:
        """The server's signature; None where the password is wrong. Raises ScramError."""
        match = _FINAL.fullmatch(message)
        if match is None or match["nonce"] != self._nonce:
            raise ScramError("malformed SCRAM message")
        channel = self._header + (self._end_point if self._bound else b"")
        if _decoded(match["channel"]) != channel:
            raise ScramError("SCRAM channel binding check failed")
        signed = f"{self._signed},{match['unproved']}".encode()
        signature = hmac.digest(self._verifier.stored_key, signed, "sha256")
        proof = _decoded(match["proof"])
        if len(proof) != len(signature):
            raise ScramError("malformed SCRAM message")
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        if not hmac.compare_digest(hashlib.sha256(client_key).digest(), self._verifier.stored_key):
            return None
        return "v=" + b64encode(hmac.digest(self._verifier.server_key, signed, "sha256")).decode()


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Base64Error as error:
        raise ScramError("malformed SCRAM message") from error
