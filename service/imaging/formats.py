"""Names of picture formats that are not accepted, so that a refusal can say what was sent. By their first bytes."""

from __future__ import annotations

# ISO base media files say what they are in the brand behind `ftyp`.
BRANDS = {
    "AVIF": (b"avif", b"avis"),
    "HEIC": (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"),
    "CR3": (b"crx ",),
    "MP4 or MOV": (b"isom", b"iso2", b"mp41", b"mp42", b"qt  ", b"M4V ", b"avc1"),
}
BEGINNINGS = {
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "PDF": (b"%PDF-",),
    "BMP": (b"BM",),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "JPEG XL": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "PSD": (b"8BPS",),
    "ICO": (b"\0\0\1\0",),
    "SVG": (b"<svg",),
    "XML": (b"<?xml",),
    "HTML": (b"<!DOCTYPE html", b"<html"),
    "ZIP": (b"PK\3\4",),
}


def foreign_format(data: bytes) -> str | None:
    """What a file is that is neither JPEG, PNG nor WEBP; None when its first bytes do not say."""
    if data[4:8] == b"ftyp":
        return next((name for name, brands in BRANDS.items() if data[8:12] in brands), None)
    text = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    for name, beginnings in BEGINNINGS.items():
        if any(data.startswith(beginning) or text.startswith(beginning) for beginning in beginnings):
            return name
    return None
