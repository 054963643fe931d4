"""A real TLS server, and the authorities and certificates that tests need."""

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.chassis.clock import utcnow

PEM = serialization.Encoding.PEM
DAY = timedelta(days=1)


class Authority:
    """A certificate authority of one test."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self.file = folder / f"{name}.pem"
        own = self._builder(self._name, self._key.public_key(), expires_in=DAY)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(PEM))

    def issue(self, host: str, *, expires_in: timedelta = DAY) -> Path:
        """A certificate for ``host`` with its key, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        name: x509.GeneralName = x509.DNSName(host)
        if host[0].isdigit():
            name = x509.IPAddress(ip_address(host))
        builder = self._builder(_named(host), key.public_key(), expires_in=expires_in)
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self._folder / f"{host}-{signed.serial_number}.pem"
        file.write_bytes(signed.public_bytes(PEM) + secret)
        return file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, expires_in: timedelta
    ) -> x509.CertificateBuilder:
        number, now = x509.random_serial_number(), utcnow()
        builder = x509.CertificateBuilder(self._name, subject, key, number)
        return builder.not_valid_before(now - 10 * DAY).not_valid_after(now + expires_in)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass
class TlsServer:
    """Answers each request with ``answer``; one without length is ended in order, or ``is_cut``."""

    certificate: Path
    answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    is_cut: bool = False
    is_plain: bool = False  # it does not speak TLS at all
    port: int = 0
    asked_names: list[str | None] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    def start(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate)
        self._context.sni_callback = lambda _socket, name, _context: self.asked_names.append(name)
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                self._open.append(plain)
                self._threads.append(threading.Thread(target=self._serve, args=(plain,)))
                self._threads[-1].start()

    def _serve(self, plain: socket.socket) -> None:
        if self.is_plain:
            with plain:
                plain.recv(65_536)
                plain.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
            return
        # What the other side thinks of our certificate is the other side's test.
        with plain, suppress(OSError), self._context.wrap_socket(plain, server_side=True) as wrapped:
            while head := wrapped.recv(65_536):
                self.heads.append(head)
                wrapped.sendall(self.answer)
                if b"content-length" not in self.answer:
                    if not self.is_cut:
                        wrapped.unwrap()
                    return
