"""Both ends of a client's connection: bytes in the clear on one side, TLS on the other."""

import socket
import ssl
from contextlib import suppress
from typing import Final

BUFFER_BYTES: Final = 256 << 10
"""The most that is read at once, and so what the edge holds of a stream whose reader is slow."""

_LOGIN_SECONDS: Final = 60.0


class PlainChannel:
    """A socket before TLS begins. Nothing is read ahead: what comes after a packet belongs to TLS."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        connection.settimeout(_LOGIN_SECONDS)

    def begins_with_tls(self) -> bool:
        """Whether the client starts TLS without asking (PostgreSQL 17's `sslnegotiation=direct`)."""
        return self.socket.recv(1, socket.MSG_PEEK) == b"\x16"

    def read_exactly(self, count: int) -> bytes:
        """Raises EOFError where less comes."""
        return read_exactly(self.socket, count)

    def send(self, contents: bytes) -> None:
        self.socket.sendall(contents)


class TlsChannel:
    """A socket with TLS on it, as its server. Blocking until the pump takes it over."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        """Shakes hands. Raises ssl.SSLError, OSError, EOFError."""
        self.socket = connection
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self._read = b""
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()
            except ssl.SSLError:
                self._flush()  # the alert says why
                raise
        self._flush()

    def read_exactly(self, count: int) -> bytes:
        """Raises EOFError where less comes."""
        while len(self._read) < count:
            try:
                part = self.tls.read(BUFFER_BYTES)
            except ssl.SSLWantReadError:
                self._receive()
                continue
            if not part:
                raise EOFError
            self._read += part
        contents, self._read = self._read[:count], self._read[count:]
        return contents

    def send(self, contents: bytes) -> None:
        encrypt(self.tls, memoryview(contents))
        self._flush()

    def end(self) -> None:
        """Says that nothing more will be sent."""
        with suppress(ssl.SSLError):  # the client has not said so yet
            self.tls.unwrap()
        self._flush()

    def take_read(self) -> bytes:
        """What was read already beyond what was asked for."""
        contents, self._read = self._read, b""
        return contents

    def _receive(self) -> None:
        part = self.socket.recv(BUFFER_BYTES)
        if not part:
            raise EOFError
        self.incoming.write(part)

    def _flush(self) -> None:
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())


def encrypt(tls: ssl.SSLObject, contents: memoryview) -> None:
    """Encrypts everything."""
    while contents:
        contents = contents[tls.write(contents) :]


def read_exactly(connection: socket.socket, count: int) -> bytes:
    """Raises EOFError where less comes."""
    parts = []
    while count:
        part = connection.recv(count)
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
