"""The server's side of SCRAM, against a client of RFC 5802 that is written down here."""

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from warubi_tui.engine.edge.scram import BOUND, PLAIN, Exchange, ScramError, mock_verifier, read_verifier

CERTIFICATE = b"hash of the certificate"
SALT = b"0123456789abcdef"


def keys(password: str, iterations: int = 4096) -> tuple[bytes, bytes]:
    """ClientKey and ServerKey."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, iterations)
    return hmac.digest(salted, b"Client Key", "sha256"), hmac.digest(salted, b"Server Key", "sha256")


def encoded(contents: bytes) -> str:
    return b64encode(contents).decode()


def stored(password: str, iterations: int = 4096) -> str:
    """What PostgreSQL keeps in pg_authid."""
    client, server = keys(password, iterations)
    stored_key = hashlib.sha256(client).digest()
    return f"SCRAM-SHA-256${iterations}:{encoded(SALT)}${encoded(stored_key)}:{encoded(server)}"


def log_in(
    password: str,
    *,
    mechanism: str = PLAIN,
    header: str = "n,,",
    channel: bytes = b"n,,",
    nonce: str = "",
    verifier: str | None = None,
) -> str | None:
    """The server's last word to a client with this password."""
    known = read_verifier(verifier or stored("right"))
    assert known is not None
    exchange = Exchange(known, mechanism, CERTIFICATE)
    challenge = exchange.first(f"{header}n=,r=client")
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    assert fields["r"].startswith("client")
    assert len(fields["r"]) > 20
    assert b64decode(fields["s"]) == SALT
    bare = f"c={encoded(channel)},r={nonce or fields['r']}"
    client, _ = keys(password, int(fields["i"]))
    signed = f"n=,r=client,{challenge},{bare}".encode()
    signature = hmac.digest(hashlib.sha256(client).digest(), signed, "sha256")
    proof = bytes(a ^ b for a, b in zip(client, signature, strict=True))
    answer = exchange.final(f"{bare},p={encoded(proof)}")
    if answer is not None:
        _, server = keys("right", int(fields["i"]))
        assert answer == "v=" + encoded(hmac.digest(server, signed, "sha256"))
    return answer


def test_the_right_password_is_accepted_and_the_server_proves_itself() -> None:
    assert log_in("right") is not None
    assert log_in("right", verifier=stored("right", 1)) is not None


def test_a_wrong_password_is_not() -> None:
    assert log_in("wrong") is None


def test_a_login_bound_to_this_certificate_is_accepted() -> None:
    header = "p=tls-server-end-point,,"
    assert log_in("right", mechanism=BOUND, header=header, channel=header.encode() + CERTIFICATE) is not None


@pytest.mark.parametrize(
    ("mechanism", "header", "channel"),
    [
        (BOUND, "p=tls-server-end-point,,", b"p=tls-server-end-point,,another certificate"),
        (BOUND, "p=tls-server-end-point,,", b"p=tls-server-end-point,,"),
        (BOUND, "p=tls-unique,,", b"p=tls-unique,," + CERTIFICATE),
        (BOUND, "n,,", b"n,,"),
        (PLAIN, "p=tls-server-end-point,,", b"p=tls-server-end-point,," + CERTIFICATE),
        (PLAIN, "y,,", b"y,,"),
        (PLAIN, "n,,", b"y,,"),
        (PLAIN, "n,a=admin,", b"n,a=admin,"),
        ("SCRAM-SHA-1", "n,,", b"n,,"),
    ],
)
def test_a_binding_that_is_stripped_or_foreign_is_refused(
    mechanism: str, header: str, channel: bytes
) -> None:
    with pytest.raises(ScramError):
        log_in("right", mechanism=mechanism, header=header, channel=channel)


def test_an_answer_to_another_challenge_is_refused() -> None:
    with pytest.raises(ScramError):
        log_in("right", nonce="clientreplayed")


@pytest.mark.parametrize("message", ["", "n,,", "n,,n=,r=", "n,,r=abc", "x,,n=,r=abc", "n,,n=,r=a\x7fb"])
def test_malformed_first_messages_are_refused(message: str) -> None:
    known = read_verifier(stored("right"))
    assert known is not None
    with pytest.raises(ScramError):
        Exchange(known, PLAIN, CERTIFICATE).first(message)


@pytest.mark.parametrize("text", [None, "", "md5d41d8cd98f00b204e9800998ecf8427e", "SCRAM-SHA-256$x"])
def test_no_password_or_another_kind_of_it_gives_no_verifier(text: str | None) -> None:
    assert read_verifier(text) is None


def test_the_mock_of_a_role_that_is_not_there_always_has_the_same_salt() -> None:
    assert mock_verifier(b"secret", "ghost").salt == mock_verifier(b"secret", "ghost").salt
    assert mock_verifier(b"secret", "ghost").salt != mock_verifier(b"secret", "other").salt
    assert len(mock_verifier(b"secret", "ghost").salt) == 16
