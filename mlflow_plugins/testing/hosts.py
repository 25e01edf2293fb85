"""The world outside for tests without it: every HTTPS host is answered from a folder.

A proxy on the loopback interface ends the TLS of each connection with a certificate that it makes
for the host's name, and serves ``<folder>/<host>/<path>``. Programs need no change: requests,
urllib, pandas, curl and asynchronous clients find the proxy and its authority in the environment
variables that `public_hosts` gives. Hosts of Azure's blob storage also list their containers.
"""

import contextlib
import datetime as dt
import email.utils
import hashlib
import ssl
import threading
from collections.abc import Iterator
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HOST = "127.0.0.1"


@contextlib.contextmanager
def public_hosts(files: Path, work: Path) -> Iterator[dict[str, str]]:
    """Answer HTTPS requests to any host as long as the block lasts.

    Args:
        files: ``files/<host>/<path>`` is what ``https://<host>/<path>`` gives.
        work: A folder for certificates.

    Yields:
        The environment variables that make a process use it.
    """
    server = _Proxy((_HOST, 0), _ProxyHandler)
    server.files, server.authority = files, _Authority(work)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy = f"http://{_HOST}:{server.server_port}"
    bundle = str(server.authority.bundle)
    try:
        yield {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
            **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), bundle),
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Authority:
    """Makes certificates that whoever trusts its bundle believes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.bundle = folder / "authority.pem"
        folder.mkdir(parents=True, exist_ok=True)
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """Return what a server with that name needs."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._make_context(host)
            return self._contexts[host]

    @cached_property
    def _certificate(self) -> x509.Certificate:
        name = _name("mlflow-studio tests")
        builder = _builder(name, name, self._key.public_key())
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(self._key_id, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @cached_property
    def _key_id(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())

    def _make_context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._key_id)
        certificate = (
            _builder(_name(host[:64]), self._certificate.subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    files: Path
    authority: _Authority

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up early are no news."""


class _ProxyHandler(BaseHTTPRequestHandler):
    server: _Proxy

    def do_CONNECT(self) -> None:
        """Be the host that is asked for."""
        host = self.path.partition(":")[0]
        self.send_response(200)
        self.end_headers()
        context = self.server.authority.context(host)
        with context.wrap_socket(self.connection, server_side=True) as secured:
            handler = type("_Handler", (_FileHandler,), {"host": host})
            handler(secured, self.client_address, self.server)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _FileHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host = ""
    server: _Proxy

    def do_GET(self) -> None:
        """Answer with a file, a part of one, or a listing."""
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        root = self.server.files / self.host
        path = (root / unquote(parts.path).strip("/")).resolve()
        if path.is_dir() and query.get("restype") == "container":
            if query.get("comp") != "list":
                return self._send(200, b"", {})
            return self._send(200, _listing(path, query), {"Content-Type": "application/xml"})
        if not path.is_file() or not path.is_relative_to(root.resolve()):
            return self._send(404, b"", {"x-ms-error-code": "BlobNotFound"})
        content = path.read_bytes()
        headers = _headers(path, content)
        asked = self.headers.get("x-ms-range") or self.headers.get("Range")
        if asked is None:
            return self._send(200, content, headers)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(content)), len(content) - 1)
        if start >= len(content):
            return self._send(416, b"", {"x-ms-error-code": "InvalidRange"})
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        return self._send(206, content[start : end + 1], headers)

    do_HEAD = do_GET  # noqa: N815

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _headers(path: Path, content: bytes) -> dict[str, str]:
    return {
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"',
        "Last-Modified": email.utils.formatdate(path.stat().st_mtime, usegmt=True),
        "Content-Type": "application/octet-stream",
        "x-ms-blob-type": "BlockBlob",
    }


def _listing(container: Path, query: dict[str, str]) -> bytes:
    """Answer Azure's List Blobs for a container that is a folder."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    names = sorted(
        file.relative_to(container).as_posix() for file in container.rglob("*") if file.is_file()
    )
    names = [name for name in names if name.startswith(prefix)]
    folders: dict[str, None] = {}
    blobs = []
    for name in names:
        head, found, _ = name[len(prefix) :].partition(delimiter or "\0")
        if found:
            folders[f"{prefix}{head}{found}"] = None
        else:
            blobs.append(_blob(container / name, name))
    body = "".join(blobs) + "".join(
        f"<BlobPrefix><Name>{escape(one)}</Name></BlobPrefix>" for one in folders
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ContainerName="{escape(container.name)}">'
        f"<Blobs>{body}</Blobs><NextMarker/></EnumerationResults>"
    ).encode()


def _blob(path: Path, name: str) -> str:
    content = path.read_bytes()
    headers = _headers(path, content)
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Last-Modified>{headers['Last-Modified']}</Last-Modified><Etag>{headers['ETag']}</Etag>"
        f"<Content-Length>{len(content)}</Content-Length><BlobType>BlockBlob</BlobType>"
        "</Properties></Blob>"
    )
