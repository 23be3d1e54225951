"""The guard that keeps requests to foreign addresses outside."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl

import pytest

from core import transport
from core.exceptions import PermanentProviderError, TemporaryProviderError
from core.guard import AddressRefused, check_url
from core.tests.raw import RawServer, send


@pytest.fixture
def names(monkeypatch):
    """The addresses of host names, in place of the system's resolver."""
    known: dict[str, list[str]] = {}
    asked: list[str] = []

    def getaddrinfo(host, port, *args, **kwargs):
        asked.append(host)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown name")
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, 1, 6, "", (ip, port))
            for ip in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    known["asked"] = asked
    return known


# TLS


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """A certificate of shop.example that this process trusts."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "cert.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    transport.tls_context.cache_clear()
    yield path
    transport.tls_context.cache_clear()


def test_tls_checks_the_name_and_connects_to_the_checked_address(
    certificate, names, settings
):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    settings.PRIVATE_HOSTS_ALLOWED = ["shop.example", "other.example"]
    names["shop.example"] = names["other.example"] = ["127.0.0.1"]

    with RawServer(tls=tls) as server:
        answer = send("GET", f"https://shop.example:{server.port}/", trusted=False)
        with pytest.raises(TemporaryProviderError):
            send("GET", f"https://other.example:{server.port}/", trusted=False)

    assert answer.status_code == 200
    assert f"Host: shop.example:{server.port}".encode() in server.requests[0]
    assert len(server.requests) == 1


# The guard


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://LOCALHOST.:8000/",
        "http://10.0.0.1/",
        "http://172.16.5.4/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::7f00:1]/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:///nowhere",
        "https://user:secret@example.com/",
        "no address",
    ],
)
def test_the_guard_refuses(url):
    with pytest.raises(AddressRefused):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a?b=c", "http://8.8.8.8:81/", "https://[2606:4700::1111]/"],
)
def test_the_guard_lets_public_addresses_pass(url):
    assert str(check_url(url)) == url


def test_what_the_operator_set_may_be_inside_but_must_still_be_http():
    check_url("http://127.0.0.1:8000/", trusted=True)

    with pytest.raises(AddressRefused):
        check_url("file:///etc/passwd", trusted=True)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:8.8.8.8"], ["fe80::1%eth0"]],
    ids=["private", "one of two private", "mapped", "link-local"],
)
def test_a_name_that_leads_inside_is_refused(names, addresses):
    names["evil.example"] = addresses

    with pytest.raises(PermanentProviderError) as caught:
        send("GET", "http://evil.example/", trusted=False)

    assert caught.value.code == "address_refused"


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
def test_other_spellings_of_an_inner_address_are_refused(host):
    with pytest.raises(PermanentProviderError) as caught:
        send("GET", f"http://{host}/", trusted=False)

    assert caught.value.code == "address_refused"


def test_only_the_address_that_was_checked_is_connected_to(names, settings):
    settings.PRIVATE_HOSTS_ALLOWED = ["Chat.example"]
    names["chat.example"] = ["127.0.0.1"]

    with RawServer() as server:
        send("GET", f"http://chat.example:{server.port}/", trusted=False)

    assert f"Host: chat.example:{server.port}".encode() in server.requests[0]
    assert names["asked"] == ["chat.example"]  # asked once: checked and connected to


def test_the_next_address_is_tried_when_one_does_not_answer(names):
    names["two.example"] = ["::1", "127.0.0.1"]

    with RawServer() as server:
        assert send("GET", f"http://two.example:{server.port}/").status_code == 200


def test_an_unknown_name_is_a_temporary_error(names):
    with pytest.raises(TemporaryProviderError):
        send("GET", "http://nobody.example/", trusted=False)


def test_all_special_ranges_are_inside():
    inside = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7"]

    for network in map(ipaddress.ip_network, inside):
        for address in (network[1], network[-2]):
            host = f"[{address}]" if address.version == 6 else str(address)
            with pytest.raises(AddressRefused):
                check_url(f"https://{host}/")
