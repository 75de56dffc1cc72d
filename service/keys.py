"""API keys, and `python -m service.keys ID`, which makes one.

A key is `id.secret`. The service is given only `id:sha256(secret):scopes` and perhaps a rate. The secret holds 256
random bits, so its plain hash cannot be turned back and needs no salt.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from service.version import version_line

SCOPES = {
    "inpaint": "POST /inpaint",
    "analysis": "POST /landmarks and POST /parsing",
    "jobs": "everything under /jobs",
    "metrics": "GET /metrics",
    "priority": "`priority=high` for jobs",
}
USUAL_SCOPES = [scope for scope in SCOPES if scope != "priority"]  # who goes first is a decision of its own
KEY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
DIGEST = re.compile(r"[0-9a-f]{64}")
RATE = re.compile(r"(\d{1,9})/(\d{1,6})")
SECRET_BYTES = 32
MOST_SECRETS = 2  # of one key: the new one, and the old one until its callers have changed
RESERVED = frozenset({"anonymous"})  # the name of callers without a key


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds; a rested caller may send all of them at once."""

    requests: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.requests}/{self.seconds}"


@dataclass(frozen=True)
class Key:
    id: str
    digests: tuple[str, ...]  # SHA-256 of each secret, 64 hexadecimal digits; two while one replaces the other
    scopes: frozenset[str]
    rate: Rate | None = None

    def __str__(self) -> str:
        """The entries that parse_keys reads."""
        rest = ["+".join(sorted(self.scopes)), *([str(self.rate)] if self.rate else [])]
        return "\n".join(":".join([self.id, digest, *rest]) for digest in self.digests)


class Keyring:
    """The keys that are accepted, by id. One that began with keys, or is told to, stays closed without any."""

    def __init__(self, keys: Sequence[Key], *, closed: bool = False) -> None:
        self._keys = {key.id: key for key in keys}
        self.closed = closed or bool(keys)

    def replace(self, keys: Sequence[Key]) -> None:
        """Accept these from now on, and no others."""
        self._keys = {key.id: key for key in keys}

    def named(self, key_id: str | None) -> Key | None:
        """The key of that id, which somebody has shown to have."""
        return self._keys.get(key_id or "")

    def find(self, presented: str) -> Key | None:
        """The key that was presented as `id.secret`. An unknown id takes as long as a wrong secret."""
        key_id, _, secret = presented.partition(".")
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
        key = self._keys.get(key_id)
        known = key.digests if key else ("0" * 64,)
        same = [hmac.compare_digest(digest, each) for each in known]
        return key if any(same) and key is not None else None


def parse_keys(text: str) -> list[Key]:
    """Entries apart by white space or commas; `#` comments to the end of its line. Two entries of one id are two
    secrets of one key. Raises ValueError without repeating an entry, because somebody may have put the secret there."""
    bare = re.sub(r"#[^\n]*", "", text)
    entries = [_entry(entry, number) for number, entry in enumerate(re.split(r"[\s,]+", bare.strip()), 1) if entry]
    together: dict[str, list[Key]] = {}
    for key in entries:
        together.setdefault(key.id, []).append(key)
    return [_one_key(same) for same in together.values()]


def _one_key(entries: Sequence[Key]) -> Key:
    """The key that these entries of one id stand for."""
    first = entries[0]
    if len(entries) > MOST_SECRETS:
        raise ValueError(f"the id {first.id!r} is there {len(entries)} times; {MOST_SECRETS} secrets are the most")
    if any((entry.scopes, entry.rate) != (first.scopes, first.rate) for entry in entries):
        raise ValueError(f"the id {first.id!r} is there twice, with other scopes or another rate")
    digests = tuple(digest for entry in entries for digest in entry.digests)
    if len(set(digests)) < len(digests):
        raise ValueError(f"the id {first.id!r} is there twice with the same secret")
    return Key(first.id, digests, first.scopes, first.rate)


def _entry(text: str, number: int) -> Key:
    parts = text.split(":")
    if len(parts) not in (3, 4):
        raise ValueError(f"entry {number} is not id:sha256:scopes or id:sha256:scopes:requests/seconds")
    key_id, digest, scopes = parts[0], parts[1], frozenset(parts[2].split("+"))
    check_id(key_id, f"entry {number}: ")
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"entry {number}: the hash must be 64 lower-case hexadecimal digits")
    check_scopes(scopes, f"entry {number}: ")
    return Key(key_id, (digest,), scopes, parse_rate(parts[3]) if len(parts) == 4 else None)


def check_id(key_id: str, where: str = "") -> None:
    if not KEY_ID.fullmatch(key_id) or key_id in RESERVED:
        raise ValueError(f"{where}an id is 1 to 32 of a-z, 0-9, - and _, and not {', '.join(sorted(RESERVED))}")


def check_scopes(scopes: frozenset[str], where: str = "") -> None:
    if not scopes or scopes - set(SCOPES):
        raise ValueError(f"{where}scopes are {', '.join(SCOPES)}, joined by +")


def parse_rate(text: str) -> Rate:
    """`600/60` is 600 requests in 60 seconds. Raises ValueError."""
    match = RATE.fullmatch(text)
    if match is None or int(match[1]) < 1 or int(match[2]) < 1:
        raise ValueError("a rate is requests/seconds, for example 600/60")
    return Rate(int(match[1]), int(match[2]))


def make_key(key_id: str, scopes: frozenset[str], rate: Rate | None = None) -> tuple[str, Key]:
    """A new key as its owner sends it, and as the service is told of it."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return f"{key_id}.{secret}", Key(key_id, (hashlib.sha256(secret.encode()).hexdigest(),), scopes, rate)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m service.keys", description="Make an API key.")
    parser.add_argument("id", help="who will use it: 1 to 32 of a-z, 0-9, - and _")
    parser.add_argument(
        "--scopes", default="+".join(USUAL_SCOPES), help="joined by +, of these and priority (default: %(default)s)"
    )
    parser.add_argument("--rate", help="requests/seconds, for example 600/60 (default: RATE_LIMIT)")
    parser.add_argument("--version", action="version", version=version_line(parser.prog))
    options = parser.parse_args(arguments)
    try:
        check_id(options.id)
        scopes = frozenset(options.scopes.split("+"))
        check_scopes(scopes)
        key, entry = make_key(options.id, scopes, parse_rate(options.rate) if options.rate else None)
    except ValueError as error:
        parser.error(str(error))
    print(f"For the caller, shown only now:   {key}\nFor API_KEYS or API_KEYS_FILE:    {entry}")


if __name__ == "__main__":
    main()
