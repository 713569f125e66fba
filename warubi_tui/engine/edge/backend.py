"""The edge as a client of PostgreSQL: it logs in, over the Unix socket, as the role it has authenticated."""

import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warubi_tui.engine.edge import wire
from warubi_tui.engine.edge.channels import read_exactly
from warubi_tui.engine.edge.host import ServerDownError

_LOGIN_SECONDS: Final = 60.0
_LONGEST_MESSAGE: Final = 1 << 20
_NOT_NOW: Final = frozenset({"57P01", "57P02", "57P03"})  # shutting down, crashed, starting up
_CANCEL_SECONDS: Final = 5.0


class RefusedLoginError(Exception):
    """PostgreSQL said no. `answer` is its `ErrorResponse`."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("PostgreSQL refused the login")
        self.answer = answer


@dataclass(frozen=True)
class Session:
    """A session that PostgreSQL has begun.

    Attributes:
        connection: to be closed by whoever holds it.
        greeting: what PostgreSQL said after the login, up to and with its first `ReadyForQuery`.
        key: the contents of `BackendKeyData`; empty where it gave none.
        path: the server's Unix socket.
    """

    connection: socket.socket
    greeting: bytes
    key: bytes
    path: Path


def open_session(path: Path, version: int, parameters: dict[str, str]) -> Session:
    """Logs in with a startup packet of this version.

    Raises:
        ServerDownError: nobody is there, or the server is starting or stopping.
        RefusedLoginError: any other error.
    """
    connection = _connect(path)
    try:
        connection.settimeout(_LOGIN_SECONDS)
        connection.sendall(wire.packet(version, wire.write_parameters(parameters)))
        greeting, key = _read_greeting(_Reader(connection))
    except (EOFError, OSError) as error:
        connection.close()
        raise ServerDownError(str(error)) from error
    except BaseException:
        connection.close()
        raise
    return Session(connection, greeting, key, path)


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise ServerDownError(str(error)) from error
    return connection


class _Reader:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read_exactly(self, count: int) -> bytes:
        return read_exactly(self._connection, count)


def _read_greeting(reader: _Reader) -> tuple[bytes, bytes]:
    greeting: list[bytes] = []
    key = b""
    while True:
        kind, contents = wire.read_message(reader, _LONGEST_MESSAGE)
        if kind == b"E":
            if wire.error_state(contents) in _NOT_NOW:
                raise ServerDownError("PostgreSQL is starting up or shutting down")
            raise RefusedLoginError(wire.message(kind, contents))
        if kind == b"R":
            if contents != struct.pack("!I", 0):
                raise wire.ProtocolError("PostgreSQL asks for a password on its Unix socket")
            continue
        if kind == b"K":
            key = contents
        greeting.append(wire.message(kind, contents))
        if kind == b"Z":
            return b"".join(greeting), key


def cancel(path: Path, key: bytes) -> None:
    """Asks a server to cancel what the session with this key does. Nobody says whether it did."""
    try:
        with _connect(path) as connection:
            connection.settimeout(_CANCEL_SECONDS)
            connection.sendall(wire.packet(wire.CANCEL_REQUEST, key))
            connection.recv(1)  # the server closes when it has passed it on
    except (ServerDownError, OSError):
        return
