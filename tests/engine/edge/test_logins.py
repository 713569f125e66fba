"""Who gets in, and how: TLS, passwords, versions of the protocol."""

import ssl
import stat
import struct
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.engine.edge.raw_client import RawClient
from tests.engine.lab import OWNER, Lab
from warubi_tui.engine.edge import wire


@pytest.fixture
def port(lab: Lab) -> int:
    return lab.endpoint(lab.main).port


@pytest.fixture
def role(lab: Lab) -> Iterator[str]:
    """A role that was made by SQL; the password is `first`."""
    with lab.session(lab.main) as session:
        session.execute("CREATE ROLE visitor LOGIN PASSWORD 'first'")
        yield "visitor"
        session.execute("DROP ROLE visitor")


def refusal(lab: Lab, **parameters: str) -> str:
    """What a client with these changes to the connection string is told."""
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(make_conninfo(lab.uri(lab.main), **parameters))
    return str(caught.value)


@pytest.mark.parametrize("channel_binding", ["require", "disable"])
@pytest.mark.parametrize("sslnegotiation", ["postgres", "direct"])
def test_the_printed_connection_string_works(lab: Lab, channel_binding: str, sslnegotiation: str) -> None:
    uri = lab.uri(lab.main)
    assert "sslmode=require&channel_binding=require" in uri
    with psycopg.connect(uri, channel_binding=channel_binding, sslnegotiation=sslnegotiation) as client:
        assert client.pgconn.ssl_in_use
        row = client.execute("SELECT session_user, current_database(), inet_client_addr()").fetchone()
        assert row == (OWNER, "neondb", None)


def test_the_certificate_names_this_machine_and_its_key_is_private(lab: Lab) -> None:
    folder = lab.engine.site.root / "tls"
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    parts = urlsplit(lab.uri(lab.main))
    for host in ("127.0.0.1", "localhost"):
        with psycopg.connect(
            host=host,
            hostaddr="127.0.0.1",
            port=parts.port,
            user=parts.username,
            password=parts.password,
            dbname="neondb",
            sslmode="verify-full",
            sslrootcert=str(folder / "cert.pem"),
        ) as client:
            assert client.execute("SELECT 1").fetchone() == (1,)


def test_postgresql_itself_listens_nowhere_else(lab: Lab) -> None:
    with lab.session(lab.main) as session:
        assert session.execute("SHOW listen_addresses").fetchone() == ("",)
        row = session.execute("SHOW unix_socket_directories").fetchone()
    assert row is not None
    folder = lab.engine.servers.socket(lab.main.timeline).parent
    assert (row[0], stat.S_IMODE(folder.stat().st_mode)) == (str(folder), 0o700)


def test_without_tls_a_client_is_told_how(lab: Lab) -> None:
    assert "FATAL:  connection is insecure (try using `sslmode=require`)" in refusal(
        lab, sslmode="disable", channel_binding="prefer"
    )


def test_nobody_learns_which_roles_there_are(lab: Lab, role: str) -> None:
    with lab.session(lab.main) as session:
        session.execute("CREATE ROLE mute LOGIN")
        session.execute("CREATE ROLE late LOGIN PASSWORD 'first' VALID UNTIL '2020-01-01'")
        said = {
            name: refusal(lab, user=name, password=password)
            for name, password in {role: "wrong", "ghost": "first", "mute": "", "late": "first"}.items()
            if password
        }
        session.execute("DROP ROLE mute")
        session.execute("DROP ROLE late")
    assert {name: text.replace(name, "X") for name, text in said.items()} == dict.fromkeys(
        said, said[role].replace(role, "X")
    )
    assert f'password authentication failed for user "{role}"' in said[role]


def test_the_challenge_for_a_role_that_is_not_there_looks_like_any_other(lab: Lab, port: int) -> None:
    challenges = []
    for name in ("ghost", "ghost", OWNER, OWNER):
        with RawClient(port) as client:
            challenges.append(dict(part.split("=", 1) for part in client.challenge(name).split(",")))
    ghost, again, owner, once_more = challenges
    assert ghost["s"] == again["s"] != owner["s"] == once_more["s"]
    assert ghost["r"] != again["r"]
    assert [len(one["s"]) for one in challenges] == [24] * 4
    assert {one["i"] for one in challenges} == {"4096"}


def test_a_password_changed_by_sql_counts_at_once(lab: Lab, role: str) -> None:
    with psycopg.connect(lab.uri(lab.main), user=role, password="first", autocommit=True) as client:
        client.execute("ALTER ROLE visitor PASSWORD 'second'")
    assert "password authentication failed" in refusal(lab, user=role, password="first")
    with psycopg.connect(lab.uri(lab.main), user=role, password="second") as client:
        assert client.execute("SELECT session_user").fetchone() == (role,)


def test_what_postgresql_refuses_is_said_in_its_words(lab: Lab, role: str) -> None:
    assert 'database "nowhere" does not exist' in refusal(lab, dbname="nowhere")
    with lab.session(lab.main) as session:
        session.execute("ALTER ROLE visitor NOLOGIN")
    assert "is not permitted to log in" in refusal(lab, user=role, password="first")


def test_plain_text_smuggled_in_before_tls_is_not_read(port: int) -> None:
    startup = wire.packet(wire.PROTOCOL_3, wire.write_parameters({"user": OWNER}))
    with RawClient(port) as client:
        client.send(wire.packet(wire.SSL_REQUEST, b"") + startup)
        assert client.read_exactly(1) == b"S"
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            ssl._create_unverified_context().wrap_socket(client.socket).recv(1)


def test_tls_without_asking_needs_postgresqls_alpn(port: int) -> None:
    for protocols in ([], ["http/1.1"]):
        with RawClient(port) as client:
            client.begin_tls(*protocols, ask=False)
            client.start(user=OWNER)
            with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
                client.read_exactly(1)


def test_encryption_by_gss_is_declined_and_tls_goes_on(port: int) -> None:
    with RawClient(port) as client:
        client.send(wire.packet(wire.GSS_REQUEST, b""))
        assert client.read_exactly(1) == b"N"
        assert client.challenge(OWNER)


def test_a_version_from_the_future_is_negotiated_down(lab: Lab, port: int) -> None:
    with RawClient(port) as client:
        client.begin_tls()
        client.start(wire.PROTOCOL_3 + 9999, user=OWNER, **{"_pq_.grease": "x", "database": "neondb"})
        newest = wire.PROTOCOL_3 + (2 if lab.engine.site.programs.major >= 18 else 0)
        assert client.receive() == (b"v", struct.pack("!II", newest, 1) + b"_pq_.grease\0")
        assert client.receive()[0] == b"R"


def test_another_protocol_is_refused_in_words(port: int) -> None:
    with RawClient(port) as client:
        client.begin_tls()
        client.start(2 << 16, user=OWNER)
        kind, contents = client.receive()
    assert (kind, wire.error_state(contents)) == (b"E", "0A000")
    assert b"unsupported frontend protocol 2.0" in contents


@pytest.mark.parametrize(
    "contents", [b"\0\0\0\4", b"\0\0\0\x08\0\3\0\0", b"\xff\xff\xff\xff\0\3\0\0", b"GET / HTTP/1.1\r\n\r\n"]
)
def test_nonsense_ends_the_connection_and_nothing_else(lab: Lab, port: int, contents: bytes) -> None:
    with RawClient(port) as client:
        client.begin_tls()
        client.send(contents + bytes(8))
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            client.read_exactly(1)
    with psycopg.connect(lab.uri(lab.main)) as sober:
        assert sober.execute("SELECT 1").fetchone() == (1,)
