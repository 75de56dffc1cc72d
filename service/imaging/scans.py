"""How often a JPEG wants its picture decoded.

A progressive JPEG holds the picture in several scans, ten as a rule, and every scan is worked through over the whole
picture. A file of a few kilobytes can hold thousands of empty scans and keep a processor busy for an hour.
"""

from __future__ import annotations

import re

START_OF_SCAN = 0xDA
WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST0-7, SOI
END = 0xD9
# In a scan's data 0xFF is followed by a zero or a restart marker; anything else ends it. Fill bytes are 0xFF too.
MARKER = re.compile(rb"\xff+([^\x00\xff])")
MARKER_AFTER_SCAN = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


def count_scans(data: bytes, most: int) -> int:
    """Scans of the first picture of a JPEG file, as far as they can be found; counting ends at `most` + 1."""
    scans, position, pattern = 0, 0, MARKER
    while scans <= most and (found := pattern.search(data, position)):
        marker, position = found[1][0], found.end()
        pattern = MARKER
        if marker == END:
            break
        if marker not in WITHOUT_LENGTH:
            position += int.from_bytes(data[position : position + 2], "big")
        if marker == START_OF_SCAN:
            scans += 1
            pattern = MARKER_AFTER_SCAN
    return scans
