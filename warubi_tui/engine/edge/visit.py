"""One connection of a client, from its first byte to its last."""

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from warubi_tui.engine.edge import backend, wire
from warubi_tui.engine.edge.backend import RefusedLoginError, Session
from warubi_tui.engine.edge.certificate import Certificate
from warubi_tui.engine.edge.channels import TlsChannel
from warubi_tui.engine.edge.host import Host, Place, ServerDownError
from warubi_tui.engine.edge.keys import Keys
from warubi_tui.engine.edge.login import Cancel, Startup, TurnedAwayError, authenticate, receive
from warubi_tui.engine.edge.pump import Pump
from warubi_tui.engine.edge.scram import mock_verifier, read_verifier
from warubi_tui.engine.edge.usage import Usage
from warubi_tui.engine.edge.wishes import WishError, Wishes, read_wishes
from warubi_tui.engine.failures import ApiError

_HOLD_SECONDS: Final = 120.0
_FAREWELL_SECONDS: Final = 1.0

T = TypeVar("T")


class GoneError(Exception):
    """The client left while it waited."""


class Visit:
    """A client at an endpoint's port."""

    def __init__(
        self,
        endpoint_id: str,
        *,
        host: Host,
        certificate: Certificate,
        secret: bytes,
        keys: Keys,
        usage: Usage,
    ) -> None:
        self._endpoint = endpoint_id
        self._host = host
        self._certificate = certificate
        self._secret = secret
        self._keys = keys
        self._usage = usage

    def run(self, connection: socket.socket) -> None:
        """Serves the client until it leaves, is turned away, or its server ends."""
        try:
            wanted = receive(connection, self._certificate, self._host.protocol_version)
            if isinstance(wanted, Cancel):
                self._keys.cancel(wanted.key)
            else:
                with self._usage.visiting(self._endpoint):
                    self._serve(wanted)
            if wanted.channel is not None:
                _say_goodbye(wanted.channel)
        except (TurnedAwayError, GoneError, wire.ProtocolError, EOFError, ssl.SSLError, OSError):
            return

    def _serve(self, startup: Startup) -> None:
        channel = startup.channel
        try:
            with ExitStack() as stack:
                session = self._log_in(startup, stack)
                stack.callback(session.connection.close)
                with self._keys.lent(session.key, session.path):
                    channel.send(wire.authentication(0) + session.greeting)
                    pump = Pump(channel, session.connection)
                    if pump.run():
                        _see_off(session, pump.unsent)
        except RefusedLoginError as error:
            channel.send(error.answer)
        except TurnedAwayError as error:
            channel.send(wire.fatal(error.state, str(error)))
        except ApiError as error:
            channel.send(wire.fatal("08004", error.message))

    def _log_in(self, startup: Startup, stack: ExitStack) -> Session:
        parameters = dict(startup.parameters)
        role = parameters.get("user", "")
        if not role:
            raise TurnedAwayError("28000", "no PostgreSQL user name specified in startup packet")
        try:
            wishes = read_wishes(parameters.pop("options", ""))
        except WishError as error:
            raise TurnedAwayError("22023", str(error)) from error
        if wishes.options:
            parameters["options"] = wishes.options
        self._check_password(startup.channel, role)
        if wishes.past:
            path = self._past(wishes, stack)
            try:
                return backend.open_session(path, startup.version, parameters)
            except ServerDownError as error:
                raise TurnedAwayError("57P03", f"the past is not available: {error}") from error
        return self._settled(
            startup.channel, lambda place: backend.open_session(place.socket, startup.version, parameters)
        )

    def _check_password(self, channel: TlsChannel, role: str) -> None:
        stored = read_verifier(self._on_server(channel, lambda place: self._host.verifier(place, role)))
        verifier = stored or mock_verifier(self._secret, role)
        if not authenticate(channel, verifier, self._certificate.end_point):
            raise TurnedAwayError("28P01", f'password authentication failed for user "{role}"')

    def _past(self, wishes: Wishes, stack: ExitStack) -> Path:
        place = self._host.place(self._endpoint)
        return stack.enter_context(self._host.open_past(place.branch, at=wishes.at, lsn=wishes.lsn))

    def _settled(self, channel: TlsChannel, log_in: Callable[[Place], Session]) -> Session:
        """A session on the server that the endpoint has when the login is over: it may have been swapped."""
        while True:
            place, session = self._on_server(channel, lambda place: (place, log_in(place)))
            try:
                settled = self._host.place(self._endpoint) == place
            except BaseException:
                session.connection.close()
                raise
            if settled:
                return session
            session.connection.close()

    def _on_server(self, channel: TlsChannel, work: Callable[[Place], T]) -> T:
        """Does something with the endpoint's server; it is started, or waited for, where it is not there."""
        deadline = time.monotonic() + _HOLD_SECONDS
        while True:
            place = self._host.place(self._endpoint)
            reason = "its branch is being changed"
            if place.ready and not self._usage.is_closing(self._endpoint):
                try:
                    return work(place)
                except ServerDownError as error:
                    reason = str(error)
            if time.monotonic() > deadline:
                raise TurnedAwayError("57P03", f"the compute is not available: {reason}")
            if _has_left(channel.socket):
                raise GoneError
            self._host.bring_up(self._endpoint)


def _has_left(client: socket.socket) -> bool:
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0)) and not client.recv(1, socket.MSG_PEEK)


def _see_off(session: Session, unsent: bytes) -> None:
    """Ends the session of a client that left: it gets the client's last words; what it then does for longer
    than a second is cancelled.
    """
    server = session.connection
    deadline = time.monotonic() + _FAREWELL_SECONDS
    try:
        server.settimeout(_FAREWELL_SECONDS)
        server.sendall(unsent)
        server.shutdown(socket.SHUT_WR)
        while time.monotonic() < deadline:
            if not server.recv(1 << 16):
                return
    except OSError:
        pass
    backend.cancel(session.path, session.key)


def _say_goodbye(channel: TlsChannel) -> None:
    """Ends TLS in order, and stays until the client has hung up: what it said meanwhile nobody reads, and
    closing on unread bytes would take the server's last words from it.
    """
    client = channel.socket
    try:
        client.settimeout(_FAREWELL_SECONDS)
        channel.end()
        client.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while time.monotonic() < deadline and client.recv(1 << 16):
            continue
    except OSError:
        return
