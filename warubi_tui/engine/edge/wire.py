"""Messages of PostgreSQL's protocol, as far as the edge reads or writes them itself.

PostgreSQL manual, "Message Formats": after the startup packet each message is a type byte, the length of
the rest including these four bytes, and the rest.
"""

import struct
from typing import Final, Protocol

SSL_REQUEST: Final = 80877103
GSS_REQUEST: Final = 80877104
CANCEL_REQUEST: Final = 80877102
PROTOCOL_3: Final = 3 << 16

_LONGEST_STARTUP: Final = 10_000  # PostgreSQL's MAX_STARTUP_PACKET_LENGTH


class ProtocolError(Exception):
    """What came is not PostgreSQL's protocol."""


class Source(Protocol):
    """Something to read from."""

    def read_exactly(self, count: int) -> bytes:
        """Raises EOFError where less comes."""
        ...


def read_packet(source: Source) -> tuple[int, bytes]:
    """A packet without a type byte: its code and what follows. Raises ProtocolError, EOFError."""
    length, code = struct.unpack("!II", source.read_exactly(8))
    if not 8 <= length <= _LONGEST_STARTUP:
        raise ProtocolError("invalid length of startup packet")
    return code, source.read_exactly(length - 8)


def read_message(source: Source, longest: int) -> tuple[bytes, bytes]:
    """A message: its type and its contents. Raises ProtocolError, EOFError."""
    kind, length = struct.unpack("!cI", source.read_exactly(5))
    if not 4 <= length <= longest:
        raise ProtocolError(f"invalid message length {length}")
    return kind, source.read_exactly(length - 4)


def packet(code: int, contents: bytes) -> bytes:
    """A packet without a type byte."""
    return struct.pack("!II", len(contents) + 8, code) + contents


def message(kind: bytes, contents: bytes) -> bytes:
    return kind + struct.pack("!I", len(contents) + 4) + contents


def authentication(code: int, contents: bytes = b"") -> bytes:
    """An `Authentication…` message."""
    return message(b"R", struct.pack("!I", code) + contents)


def fatal(state: str, text: str) -> bytes:
    """An `ErrorResponse` that ends the connection, with this SQLSTATE."""
    fields = {b"S": "FATAL", b"V": "FATAL", b"C": state, b"M": text}
    return message(b"E", b"".join(key + _cstring(value) for key, value in fields.items()) + b"\0")


def error_state(contents: bytes) -> str:
    """The SQLSTATE in an `ErrorResponse`."""
    for field in contents.split(b"\0"):
        if field[:1] == b"C":
            return field[1:].decode("ascii", "replace")
    return ""


def negotiate_version(version: int, refused: list[str]) -> bytes:
    """`NegotiateProtocolVersion`: the newest that is spoken here, and the options that are not known."""
    names = b"".join(_cstring(name) for name in refused)
    return message(b"v", struct.pack("!II", version, len(refused)) + names)


def read_parameters(contents: bytes) -> dict[str, str]:
    """The parameters of a startup packet. Raises ProtocolError.

    Bytes that are not UTF-8 survive (surrogateescape).
    """
    words = contents.split(b"\0")
    if len(words) < 2 or words[-2:] != [b"", b""] or len(words) % 2:
        raise ProtocolError("invalid startup packet layout: expected terminator as last byte")
    texts = [word.decode("utf-8", "surrogateescape") for word in words[:-2]]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def write_parameters(parameters: dict[str, str]) -> bytes:
    """The reverse of `read_parameters`."""
    return b"".join(_cstring(name) + _cstring(value) for name, value in parameters.items()) + b"\0"


def read_sasl_initial(contents: bytes) -> tuple[str, str]:
    """`SASLInitialResponse`: the mechanism and the client's first message. Raises ProtocolError."""
    mechanism, _, rest = contents.partition(b"\0")
    if len(rest) < 4:
        raise ProtocolError("malformed SASL response")
    (length,) = struct.unpack("!i", rest[:4])
    if length != len(rest) - 4:
        raise ProtocolError("malformed SASL response")
    return read_text(mechanism), read_text(rest[4:])


def read_text(contents: bytes) -> str:
    """Raises ProtocolError where it is not UTF-8."""
    try:
        return contents.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("malformed SASL response") from error


def _cstring(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") + b"\0"
