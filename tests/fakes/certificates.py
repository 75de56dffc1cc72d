"""Certificates for tests, made with the standard library alone: an RSA key, and X.509 certificates signed with it."""

from __future__ import annotations

import base64
import functools
import hashlib
import ipaddress
import secrets
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

KEY_BITS = 2048
EXPONENT = 65537
SMALL_PRIMES = [number for number in range(3, 2000, 2) if all(number % prime for prime in range(3, number, 2))]
SHA256_DIGEST = bytes.fromhex("3031300d060960864801650304020105000420")  # what PKCS #1 writes before the hash
RSA, SHA256_RSA, COMMON_NAME = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11", "2.5.4.3"
ALTERNATIVE_NAMES, CONSTRAINTS = "2.5.29.17", "2.5.29.19"


@dataclass(frozen=True)
class Key:
    """An RSA key: its primes and its private exponent."""

    p: int
    q: int
    d: int

    @property
    def modulus(self) -> int:
        return self.p * self.q

    def sign(self, data: bytes) -> bytes:
        """PKCS #1 v1.5 with SHA-256."""
        size = KEY_BITS // 8
        tail = SHA256_DIGEST + hashlib.sha256(data).digest()
        padded = b"\0\1" + b"\xff" * (size - len(tail) - 3) + b"\0" + tail
        return pow(int.from_bytes(padded, "big"), self.d, self.modulus).to_bytes(size, "big")

    def pem(self) -> str:
        """The private key as PKCS #1 writes it."""
        p, q, d = self.p, self.q, self.d
        numbers = (0, self.modulus, EXPONENT, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
        return pem("RSA PRIVATE KEY", sequence(*map(integer, numbers)))


@functools.cache
def key(number: int = 0) -> Key:
    """The same key for the same number, within one run."""
    p, q = prime(), prime()
    return Key(p, q, pow(EXPONENT, -1, (p - 1) * (q - 1)))


def certificate(*names: str, days: float = 1, signed_with: Key | None = None) -> str:
    """A certificate of its own authority, in PEM, for host names and addresses; it has `days` left, or had."""
    owner = signed_with or key()
    algorithm = sequence(oid(SHA256_RSA), tlv(0x05, b""))
    subject = sequence(tlv(0x31, sequence(oid(COMMON_NAME), tlv(0x0C, b"made by a test"))))
    end = datetime.now(UTC) + timedelta(days=days)
    public = sequence(integer(owner.modulus), integer(EXPONENT))
    body = sequence(
        tlv(0xA0, integer(2)),  # version 3
        integer(secrets.randbits(64)),
        algorithm,
        subject,
        sequence(time(end - timedelta(days=10)), time(end)),
        subject,
        sequence(sequence(oid(RSA), tlv(0x05, b"")), tlv(0x03, b"\0" + public)),
        tlv(0xA3, sequence(extension(ALTERNATIVE_NAMES, sequence(*map(host, names))), extension(CONSTRAINTS, CA))),
    )
    return pem("CERTIFICATE", sequence(body, algorithm, tlv(0x03, b"\0" + owner.sign(body))))


def server_context(chain: str, private: Key) -> ssl.SSLContext:
    """What a server needs to show this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.write_text(chain + private.pem())
        context.load_cert_chain(file)
    return context


def tlv(tag: int, content: bytes) -> bytes:
    """One value of DER."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, b"".join(parts))


def integer(number: int) -> bytes:
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytes([40 * first + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return tlv(0x06, content)


def time(moment: datetime) -> bytes:
    return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def host(name: str) -> bytes:
    """A name, or an address."""
    try:
        return tlv(0x87, ipaddress.ip_address(name).packed)
    except ValueError:
        return tlv(0x82, name.encode())


def extension(name: str, content: bytes) -> bytes:
    return sequence(oid(name), tlv(0x04, content))


CA = sequence(tlv(0x01, b"\xff"))  # may sign: its own certificate


def pem(kind: str, content: bytes) -> str:
    text = base64.encodebytes(content).decode()
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n"


def prime() -> int:
    """A probable prime of half the key's bits, its two highest bits set."""
    while True:
        number = secrets.randbits(KEY_BITS // 2) | 3 << (KEY_BITS // 2 - 2) | 1
        if all(number % small for small in SMALL_PRIMES) and (number - 1) % EXPONENT and is_prime(number):
            return number


def is_prime(number: int) -> bool:
    """Miller-Rabin, sixteen rounds."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(16):
        value = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if value in (1, number - 1):
            continue
        if not any((value := value * value % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True
