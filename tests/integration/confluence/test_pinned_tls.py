"""TLS to a pinned address is still TLS to the name."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headwater.adapters.confluence.allowlist import parse_allow_list
from headwater.adapters.confluence.egress import GuardedTransport
from tests.integration.confluence.hostile_server import Server, reply

NAME = "wiki.corp"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for the name alone, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(pem + built.public_bytes(serialization.Encoding.PEM))
    return path


@asynccontextmanager
async def run_tls(certificate):
    server = Server({"/": reply(200, "{}")})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


def client(certificate):
    async def resolve(_host, _port):
        return ["127.0.0.1"]

    trusted = ssl.create_default_context(cafile=certificate)
    guard = GuardedTransport(
        parse_allow_list(["127.0.0.1"]),
        resolve=resolve,
        make_pool=lambda: httpx2.AsyncHTTPTransport(verify=trusted),
    )
    return httpx2.AsyncClient(transport=guard)


async def test_the_certificate_is_checked_against_the_name_and_not_the_address(certificate):
    async with run_tls(certificate) as server, client(certificate) as http:
        response = await http.get(f"https://{NAME}:{server.port}/")
    assert response.status_code == 200


async def test_a_certificate_for_another_name_is_refused(certificate):
    async with run_tls(certificate) as server, client(certificate) as http:
        with pytest.raises(httpx2.ConnectError, match=r"(?i)certificate"):
            await http.get(f"https://other.corp:{server.port}/")
    assert server.requests == []
