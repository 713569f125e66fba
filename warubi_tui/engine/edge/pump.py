"""Bytes between a client (TLS) and its server (Unix socket), until one of them leaves.

One thread per connection, which sleeps in poll(2). Measured against it, neither asyncio's event loop nor
uvloop's is quicker for small queries, and both are slower for copies. What a slow reader has not
taken yet is at most one buffer; meanwhile nothing more is read from the other side, so the kernel holds
its sender back.
"""

import select
import socket
import ssl
from typing import Final

from warubi_tui.engine.edge.channels import BUFFER_BYTES, TlsChannel, encrypt

_IN: Final = select.POLLIN
_OUT: Final = select.POLLOUT
_GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL
_RECORD_BYTES: Final = 16 << 10  # the most that one record of TLS holds

_Ends = tuple[int, int]


class Pump:
    """Moves bytes in both directions."""

    def __init__(self, channel: TlsChannel, server: socket.socket) -> None:
        self._client, self._server = channel.socket, server
        self._tls, self._incoming, self._outgoing = channel.tls, channel.incoming, channel.outgoing
        self._to_server = channel.take_read()
        self._to_client = b""
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    @property
    def unsent(self) -> bytes:
        """What the client said last and the server has not taken yet."""
        return self._to_server

    def run(self) -> bool:
        """Returns when one side has left: whether it was the client."""
        self._client.setblocking(False)
        self._server.setblocking(False)
        poll = select.poll()
        client, server = self._client.fileno(), self._server.fileno()
        waiting = (0, 0)
        try:
            if not self._decrypt():  # the client may have sent more than its startup
                return True
            while True:
                wanted = self._wanted()
                if wanted != waiting:
                    _wait_for(poll, (client, server), waiting, wanted)
                    waiting = wanted
                for end, happened in poll.poll():
                    if end == server:
                        if not self._tend_server(happened):
                            return False
                    elif not self._tend_client(happened):
                        return True
        except ssl.SSLError:
            return True

    def _wanted(self) -> _Ends:
        """What to wait for at the client and at the server: room for what it has to get, else its words."""
        if not self._to_client and not self._to_server:
            return _IN, _IN
        client = (_OUT if self._to_client else 0) | (0 if self._to_server else _IN)
        server = (_OUT if self._to_server else 0) | (0 if self._to_client else _IN)
        return client, server

    def _tend_server(self, happened: int) -> bool:
        if happened & _OUT:
            self._to_server = _send(self._server, self._to_server)
        if happened & ~_OUT and not self._to_client:
            return self._from_server()
        return True

    def _tend_client(self, happened: int) -> bool:
        if happened & _GONE:
            return False
        if happened & _OUT:
            self._to_client = _send(self._client, self._to_client)
        if happened & _IN and not self._to_server:
            return self._from_client()
        return True

    def _from_server(self) -> bool:
        part = self._received(self._server)
        if part:
            encrypt(self._tls, part)
            self._to_client = _send(self._client, self._outgoing.read())
        return part is not None

    def _from_client(self) -> bool:
        part = self._received(self._client)
        if part:
            self._incoming.write(part)
            return self._decrypt()
        return part is not None

    def _received(self, wire: socket.socket) -> memoryview | None:
        """What has come, perhaps nothing; None where the other end is gone."""
        try:
            count = wire.recv_into(self._buffer)
        except BlockingIOError:
            return self._buffer[:0]
        except ConnectionError:
            return None
        return self._buffer[:count] if count else None

    def _decrypt(self) -> bool:
        """Passes on what has come from the client. False where it says goodbye in it."""
        part, parts = b"", [self._to_server]
        try:
            while True:
                part = self._tls.read(_RECORD_BYTES)
                parts.append(part)
                if not (part and self._incoming.pending):
                    break
        except ssl.SSLWantReadError:
            part = b"more will come"
        contents = b"".join(parts)
        self._to_server = _send(self._server, contents)
        if self._outgoing.pending:
            self._to_client = _send(self._client, self._to_client + self._outgoing.read())
        return bool(part)


def _wait_for(poll: "select.poll", ends: _Ends, before: _Ends, now: _Ends) -> None:
    for end, former, latter in zip(ends, before, now, strict=True):
        if latter:
            poll.register(end, latter)
        elif former:
            poll.unregister(end)  # or poll would tell of its end again and again


def _send(to: socket.socket, contents: bytes) -> bytes:
    """Sends what the kernel takes; returns the rest: nothing, where nobody is left to read it."""
    try:
        sent = to.send(contents) if contents else 0
    except BlockingIOError:
        return contents
    except ConnectionError:
        return b""
    return contents[sent:] if sent < len(contents) else b""
