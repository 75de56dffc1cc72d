"""Files that want to crash, stall or fill a service that decodes them. All are made here."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, PngImagePlugin

from tests.fakes.pictures import Plane, encoded, png, scene

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A chunk of a PNG."""
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)
    )


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def bare_png(width: int, height: int, data: bytes, *extra: bytes) -> bytes:
    """A PNG that claims a size and holds `data`, compressed, as its pixels."""
    return (
        SIGNATURE + header(width, height) + b"".join(extra) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )


def with_scans(plane: Plane, scans: int) -> bytes:
    """A progressive JPEG whose last scan is there `scans` times more."""
    data = encoded(plane, "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + data[-2:]


def with_exif(tag: int, kind: int, value: bytes) -> bytes:
    """A JPEG with one EXIF entry that Pillow would not write."""
    entry = struct.pack("<HHI", tag, kind, 1) + value.ljust(4, b"\0")[:4]
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)  # the next directory is this one again
    body = b"Exif\0\0" + tiff
    data = encoded(scene(), "JPEG")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def text_bomb() -> bytes:
    """100 MB of text in 100 kB."""
    bomb = b"comment\0\0" + zlib.compress(b"a" * 100_000_000)
    return bare_png(400, 300, bytes(901 * 300 + 300), chunk(b"zTXt", bomb))


def profile_bomb() -> bytes:
    bomb = b"profile\0\0" + zlib.compress(bytes(100_000_000))
    return bare_png(400, 300, bytes(1201 * 300), chunk(b"iCCP", bomb))


def animation(kind: str, frames: int) -> bytes:
    pictures = [Image.fromarray(scene(64, 64, seed)) for seed in range(frames)]
    file = BytesIO()
    pictures[0].save(file, kind, save_all=True, append_images=pictures[1:])
    return file.getvalue()


def noted() -> bytes:
    info = PngImagePlugin.PngInfo()
    for number in range(2000):
        info.add_text(f"key{number}", "x" * 100)
    return png(scene(), pnginfo=info)


def of_mode(mode: str, kind: str) -> bytes:
    file = BytesIO()
    Image.fromarray(scene()).convert(mode).save(file, kind)
    return file.getvalue()


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def flipped(data: bytes, seed: int) -> bytes:
    """With some bytes of it replaced by others."""
    random = np.random.default_rng(seed)
    array = np.frombuffer(data, np.uint8).copy()
    places = random.integers(0, len(array), max(1, len(array) // 500))
    array[places] = random.integers(0, 256, len(places))
    return array.tobytes()


def corpus() -> dict[str, bytes]:
    """Name -> file."""
    whole = {kind: encoded(scene(), kind) for kind in ("PNG", "JPEG", "WEBP")}
    files = {
        "empty": b"",
        "one byte": b"\x89",
        "html": b"<html><script>alert(1)</script></html>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n(x) run\n",
        "a url": b"http://127.0.0.1:8000/metrics",
        "a png in front of a jpeg": whole["PNG"] + whole["JPEG"],
        "a jpeg in front of html": whole["JPEG"] + b"<script>alert(1)</script>",
        "bomb: 20000 x 20000": bare_png(20_000, 20_000, bytes(1_000_000)),
        "bomb: 2^31 x 2^31": bare_png(2**31 - 1, 2**31 - 1, b""),
        "bomb: 5000 x 5000 of zeros": bare_png(5000, 5000, bytes(15_001 * 5000)),
        "a row missing": bare_png(400, 300, bytes(1201 * 299)),
        "bomb: too many rows": bare_png(400, 300, bytes(1201 * 30_000)),
        "bomb: text": text_bomb(),
        "bomb: profile": profile_bomb(),
        "bomb: endless scans": with_scans(np.full((3000, 3000), 128, np.uint8), 20_000),
        "bomb: webp of 16383 x 16383": encoded(np.zeros((1, 16383, 3), np.uint8), "WEBP")[:24]
        + b"\xff\x3f\xff\x3f" * 20,
        "no size": bare_png(0, 0, b""),
        "a line": bare_png(10_001, 1, bytes(30_004)),
        "wrong crc": SIGNATURE + header(400, 300) + chunk(b"IDAT", zlib.compress(bytes(1201 * 300)), crc=0),
        "two headers": SIGNATURE + header(400, 300) + header(9000, 9000) + chunk(b"IEND", b""),
        "no pixels": SIGNATURE + header(400, 300) + chunk(b"IEND", b""),
        "a chunk of 2 GB": SIGNATURE + header(400, 300) + struct.pack(">I", 2**31 - 1) + b"IDAT" + b"x" * 100,
        "exif in a circle": with_exif(0x0112, 3, b"\x06\0"),
        "exif orientation 99": with_exif(0x0112, 3, b"\x63\0"),
        "exif far away": with_exif(0x0112, 5, b"\xff\xff\xff\x7f"),
        "garbage profile": encoded(scene(), "JPEG", icc_profile=b"\xff" * 5000),
        "cut profile": encoded(scene(), "PNG", icc_profile=b"\0\0\1\0acsp"),
        "2000 notes": noted(),
        "cmyk": of_mode("CMYK", "JPEG"),
        "palette": of_mode("P", "PNG"),
        "one bit": of_mode("1", "PNG"),
        "sixteen bits": of_mode("I;16", "PNG"),
        "gif": of_mode("P", "GIF"),
        "tiff": of_mode("RGB", "TIFF"),
        "bmp": of_mode("RGB", "BMP"),
        "ico": of_mode("RGB", "ICO"),
        "moving png": animation("PNG", 5),
        "moving webp": animation("WEBP", 5),
        "moving gif": animation("GIF", 5),
    }
    for kind, data in whole.items():
        files |= {f"{kind} cut at {share:.0%}": cut(data, share) for share in (0.01, 0.3, 0.9, 0.999)}
        files |= {f"{kind} damaged, {seed}": flipped(data, seed) for seed in range(8)}
    return files
