"""A client that speaks PostgreSQL's protocol byte by byte, so that it can also speak it wrongly."""

import socket
import ssl
import struct
from types import TracebackType
from typing import Self

from warubi_tui.engine.edge import wire


class RawClient:
    """A connection to a port on loopback."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, contents: bytes) -> None:
        self.socket.sendall(contents)

    def read_exactly(self, count: int) -> bytes:
        parts = b""
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                raise EOFError
            parts += part
        return parts

    def begin_tls(self, *protocols: str, ask: bool = True) -> None:
        """TLS, with these ALPN protocols; asks for it first as libpq does by default."""
        if ask:
            self.send(wire.packet(wire.SSL_REQUEST, b""))
            assert self.read_exactly(1) == b"S"
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if protocols:
            context.set_alpn_protocols(protocols)
        self.socket = context.wrap_socket(self.socket)

    def start(self, version: int = wire.PROTOCOL_3, **parameters: str) -> None:
        self.send(wire.packet(version, wire.write_parameters(parameters)))

    def receive(self) -> tuple[bytes, bytes]:
        return wire.read_message(self, 1 << 20)

    def challenge(self, role: str) -> str:
        """The server's first SCRAM message for a role."""
        self.begin_tls()
        self.start(user=role, database="neondb")
        assert self.receive() == (b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
        first = b"n,,n=,r=clientnonce"
        self.send(wire.message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
        kind, contents = self.receive()
        assert (kind, contents[:4]) == (b"R", struct.pack("!I", 11))
        return contents[4:].decode()
