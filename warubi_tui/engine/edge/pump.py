"""Bytes between a client (TLS) and its server (Unix socket), until one of them leaves.

One thread per connection, which sleeps in poll(2): measured, that is twice as fast for small queries as an
event loop with TLS in Python, with or without uvloop. What a slow reader has not taken yet is at most one
buffer; meanwhile nothing more is read from the other side, so the kernel holds its sender back.
"""

import select
import socket
import ssl
from typing import Final

from warubi_tui.engine.edge.channels import BUFFER_BYTES, TlsChannel

_IN: Final = select.POLLIN
_OUT: Final = select.POLLOUT
_GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Pump:
    """Moves bytes in both directions."""

    def __init__(self, channel: TlsChannel, server: socket.socket) -> None:
        self._client, self._server = channel.socket, server
        self._tls, self._incoming, self._outgoing = channel.tls, channel.incoming, channel.outgoing
        self._to_server = memoryview(channel.take_read())
        self._to_client = memoryview(b"")
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    @property
    def unsent(self) -> bytes:
        """What the client said last and the server has not taken yet."""
        return bytes(self._to_server)

    def run(self) -> bool:
        """Returns when one side has left: whether it was the client."""
        self._client.setblocking(False)
        self._server.setblocking(False)
        poll = select.poll()
        client, server = self._client.fileno(), self._server.fileno()
        waiting = (0, 0)
        try:
            if not self._read_records():  # the client may have sent more than its startup
                return True
            self._send_server()
            while True:
                waiting = self._wait_for(poll, (client, server), waiting)
                for end, happened in poll.poll():
                    if end == server:
                        if not self._tend_server(happened):
                            return False
                    elif not self._tend_client(happened):
                        return True
        except ssl.SSLError:
            return True

    def _wait_for(
        self, poll: "select.poll", ends: tuple[int, int], waiting: tuple[int, int]
    ) -> tuple[int, int]:
        """What to wait for at the client and at the server: room for what it has to get, else its words."""
        wanted = (
            (_OUT if self._to_client else 0) | (0 if self._to_server else _IN),
            (_OUT if self._to_server else 0) | (0 if self._to_client else _IN),
        )
        for end, before, now in zip(ends, waiting, wanted, strict=True):
            if now and now != before:
                poll.register(end, now)
            elif before and not now:
                poll.unregister(end)  # or poll would tell of its end again and again
        return wanted

    def _tend_server(self, happened: int) -> bool:
        if happened & _OUT:
            self._send_server()
        if happened & ~_OUT and not self._to_client:
            return self._from_server()
        return True

    def _tend_client(self, happened: int) -> bool:
        if happened & _GONE:
            return False
        if happened & _OUT:
            self._send_client()
        if happened & _IN and not self._to_server:
            return self._from_client()
        return True

    def _from_server(self) -> bool:
        try:
            count = self._server.recv_into(self._buffer)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not count:
            return False
        self._tls.write(self._buffer[:count])
        self._to_client = memoryview(self._outgoing.read())
        self._send_client()
        return True

    def _from_client(self) -> bool:
        try:
            count = self._client.recv_into(self._buffer)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not count:
            return False
        self._incoming.write(self._buffer[:count])
        goes_on = self._read_records()
        self._send_server()
        return goes_on

    def _read_records(self) -> bool:
        """Decrypts what has come. False where the client says goodbye in it."""
        parts = [bytes(self._to_server)] if self._to_server else []
        goes_on = True
        try:
            while goes_on:
                part = self._tls.read(BUFFER_BYTES)
                parts.append(part)
                goes_on = bool(part)
                if not self._incoming.pending:
                    break
        except ssl.SSLWantReadError:
            pass
        self._to_server = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
        if self._outgoing.pending and not self._to_client:
            self._to_client = memoryview(self._outgoing.read())
        return goes_on

    def _send_server(self) -> None:
        self._to_server = _send(self._server, self._to_server)

    def _send_client(self) -> None:
        self._to_client = _send(self._client, self._to_client)


def _send(to: socket.socket, contents: memoryview) -> memoryview:
    """Sends what the kernel takes; returns the rest: nothing, where nobody is left to read it."""
    try:
        while contents:
            contents = contents[to.send(contents) :]
    except BlockingIOError:
        return contents
    except ConnectionError:
        return memoryview(b"")
    return contents
