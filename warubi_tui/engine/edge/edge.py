"""The ports of an engine's endpoints, and the clients on them."""

import logging
import secrets
import selectors
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from warubi_tui.engine.edge.certificate import load_certificate
from warubi_tui.engine.edge.host import Host
from warubi_tui.engine.edge.keys import Keys
from warubi_tui.engine.edge.usage import Usage
from warubi_tui.engine.edge.visit import Visit

_CLIENTS_AT_MOST: Final = 2_000
_END_SECONDS: Final = 5.0
_STACK_BYTES: Final = 512 << 10

_log = logging.getLogger("warubi.engine")


class PortTakenError(Exception):
    """Somebody else listens on an endpoint's port."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(f"port {port} of the endpoint is taken by another program: {reason}")
        self.port = port


class Edge:
    """Listens on the ports it is told, from any thread, and serves each client on a thread of its own."""

    def __init__(self, folder: Path) -> None:
        """`folder` keeps the certificate."""
        self.usage = Usage()
        self._folder = folder
        self._keys = Keys()
        self._lock = threading.Lock()
        self._listeners: dict[str, socket.socket] = {}
        self._complained: set[int] = set()
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakened = socket.socketpair()
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._ending = False
        self._thread: threading.Thread | None = None

    def serve(self, host: Host) -> None:
        """Begins to accept clients."""
        self._host = host
        self._certificate = load_certificate(self._folder)
        self._secret = secrets.token_bytes(32)
        self._thread = threading.Thread(target=self._accept_all, name="edge")
        self._thread.start()

    def listen(self, endpoint_id: str, port: int) -> None:
        """Listens for an endpoint on 127.0.0.1; nothing happens where it does already.

        Raises PortTakenError.
        """
        with self._lock:
            if endpoint_id in self._listeners or self._ending:
                return
            listener = socket.socket()
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", port))
                listener.listen(512)
                listener.setblocking(False)
            except OSError as error:
                listener.close()
                raise PortTakenError(port, str(error)) from error
            self._complained.discard(port)
            self._listeners[endpoint_id] = listener
            self._selector.register(listener, selectors.EVENT_READ, endpoint_id)
        self._wake()

    def reconcile(self, ports: Mapping[str, int]) -> None:
        """Listens for these endpoints and no others. A port that is taken is complained about once."""
        with self._lock:
            gone = [endpoint for endpoint in self._listeners if endpoint not in ports]
            for endpoint in gone:
                listener = self._listeners.pop(endpoint)
                self._selector.unregister(listener)
                listener.close()
        for endpoint, port in ports.items():
            try:
                self.listen(endpoint, port)
            except PortTakenError as error:
                if port not in self._complained:
                    self._complained.add(port)
                    _log.warning("%s", error)

    def stop_listening(self) -> None:
        """Takes no new clients."""
        self._ending = True
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self.reconcile({})

    def close(self) -> None:
        """Takes no new clients and ends the connections of those that are there."""
        self.stop_listening()
        with self._lock:
            clients = dict(self._clients)
        for client in clients.values():
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in clients:
            thread.join(_END_SECONDS)
        self._selector.close()
        self._waker.close()
        self._wakened.close()

    def _wake(self) -> None:
        self._waker.send(b".")

    def _accept_all(self) -> None:
        while not self._ending:
            for key, _ in self._selector.select():
                if key.fileobj is self._wakened:
                    self._wakened.recv(4096)
                elif isinstance(key.fileobj, socket.socket):
                    self._accept(key.fileobj, key.data)

    def _accept(self, listener: socket.socket, endpoint_id: str) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, OSError):
            return
        client.setblocking(True)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(target=self._serve, args=(client, endpoint_id), name="client", daemon=True)
        with self._lock:
            if len(self._clients) >= _CLIENTS_AT_MOST:
                client.close()
                return
            self._clients[thread] = client
        thread.start()

    def _serve(self, client: socket.socket, endpoint_id: str) -> None:
        try:
            visit = Visit(
                endpoint_id,
                host=self._host,
                certificate=self._certificate,
                secret=self._secret,
                keys=self._keys,
                usage=self.usage,
            )
            visit.run(client)
        finally:
            client.close()
            with self._lock:
                self._clients.pop(threading.current_thread(), None)
