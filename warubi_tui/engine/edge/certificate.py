"""The certificate that the edge shows: made once per engine, signed by itself."""

import hashlib
import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from warubi_tui import paths

_LIFETIME: Final = timedelta(days=3650)
_NAMES: Final = ("localhost",)
_ADDRESSES: Final = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificate:
    """A TLS context with the certificate, and the hash that binds a login to it.

    `end_point` is the channel binding `tls-server-end-point` (RFC 5929, section 4.1): the hash of the
    certificate by the function of its signature, which is SHA-256 here.
    """

    context: ssl.SSLContext
    end_point: bytes


def load_certificate(folder: Path) -> Certificate:
    """The certificate in `folder` (`cert.pem`, `key.pem`, the key 0600); made where there is none."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if not (certificate.exists() and key.exists()):
        _make(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["postgresql"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text("ascii"))
    return Certificate(context, hashlib.sha256(der).digest())


def _make(certificate: Path, key: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "warubi engine")])
    alternatives = [x509.DNSName(host) for host in _NAMES]
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([*alternatives, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    encoded = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    paths.write_private(key, encoded.decode("ascii"))
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
