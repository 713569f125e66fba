"""How a client introduces itself: TLS, the startup packet, the password."""

import socket
from dataclasses import dataclass

from warubi_tui.engine.edge import scram, wire
from warubi_tui.engine.edge.certificate import Certificate
from warubi_tui.engine.edge.channels import PlainChannel, TlsChannel
from warubi_tui.engine.edge.scram import Exchange, ScramError, Verifier

_LONGEST_ANSWER = 64 << 10


class TurnedAwayError(Exception):
    """The client cannot go on. The text and the SQLSTATE are for it to read."""

    def __init__(self, state: str, text: str) -> None:
        super().__init__(text)
        self.state = state


@dataclass(frozen=True)
class Cancel:
    """The client wants the session with this key to stop what it does. `channel`: None without TLS."""

    key: bytes
    channel: TlsChannel | None


@dataclass(frozen=True)
class Startup:
    """The client wants a session. `version` is one that both sides speak."""

    channel: TlsChannel
    version: int
    parameters: dict[str, str]


def receive(connection: socket.socket, certificate: Certificate, newest: int) -> Startup | Cancel:
    """Reads what a client wants; without TLS it may only cancel.

    Args:
        newest: the newest version of the protocol that can be spoken.

    Raises:
        TurnedAwayError: no TLS, or another protocol; the client was told.
        ProtocolError, EOFError, OSError: nothing sensible came.
    """
    plain = PlainChannel(connection)
    if plain.begins_with_tls():
        channel = TlsChannel(connection, certificate.context)
        if channel.tls.selected_alpn_protocol() != "postgresql":
            raise wire.ProtocolError("direct TLS without the ALPN protocol postgresql")
        return _read_startup(channel, newest, *wire.read_packet(channel))
    while True:
        code, contents = wire.read_packet(plain)
        if code == wire.GSS_REQUEST:
            plain.send(b"N")
        elif code == wire.SSL_REQUEST:
            plain.send(b"S")
            channel = TlsChannel(connection, certificate.context)
            return _read_startup(channel, newest, *wire.read_packet(channel))
        elif code == wire.CANCEL_REQUEST:
            return Cancel(contents, None)
        else:
            turned_away = TurnedAwayError("28000", "connection is insecure (try using `sslmode=require`)")
            plain.send(wire.fatal(turned_away.state, str(turned_away)))
            raise turned_away


def _read_startup(channel: TlsChannel, newest: int, code: int, contents: bytes) -> Startup | Cancel:
    if code == wire.CANCEL_REQUEST:
        return Cancel(contents, channel)
    if code >> 16 != wire.PROTOCOL_3 >> 16:
        turned_away = TurnedAwayError("0A000", f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}")
        channel.send(wire.fatal(turned_away.state, str(turned_away)))
        raise turned_away
    parameters = wire.read_parameters(contents)
    refused = [name for name in parameters if name.startswith("_pq_.")]
    version = min(code, newest)
    if refused or version != code:
        channel.send(wire.negotiate_version(version, refused))
    kept = {name: value for name, value in parameters.items() if name not in refused}
    return Startup(channel, version, kept)


def authenticate(channel: TlsChannel, verifier: Verifier, end_point: bytes) -> bool:
    """Lets the client prove that it knows the password. Raises TurnedAwayError, EOFError, OSError."""
    mechanisms = f"{scram.BOUND}\0{scram.PLAIN}\0\0".encode()
    channel.send(wire.authentication(10, mechanisms))  # AuthenticationSASL
    try:
        mechanism, first = wire.read_sasl_initial(_read_answer(channel))
        exchange = Exchange(verifier, mechanism, end_point)
        channel.send(wire.authentication(11, exchange.first(first).encode()))  # AuthenticationSASLContinue
        signature = exchange.final(wire.read_text(_read_answer(channel)))
    except (ScramError, wire.ProtocolError) as error:
        raise TurnedAwayError("08P01", str(error)) from error
    if signature is None:
        return False
    channel.send(wire.authentication(12, signature.encode()))  # AuthenticationSASLFinal
    return True


def _read_answer(channel: TlsChannel) -> bytes:
    kind, contents = wire.read_message(channel, _LONGEST_ANSWER)
    if kind != b"p":
        raise wire.ProtocolError(f"expected a SASL response, got message type {kind!r}")
    return contents
