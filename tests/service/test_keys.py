from __future__ import annotations

import subprocess
import sys

import pytest

from service.keys import Keyring, Rate, main, make_key, parse_keys, parse_rate

HASH = "0123456789abcdef" * 4
OTHER = HASH[::-1]


def test_a_made_key_opens_and_nothing_else_does() -> None:
    presented, key = make_key("mobile", frozenset({"inpaint"}), Rate(5, 60))
    ring = Keyring(parse_keys(str(key)))
    assert ring.find(presented) == key
    for wrong in (presented[:-1], presented + "x", "other" + presented[6:], "mobile", "mobile.", "", ".", *key.digests):
        assert ring.find(wrong) is None
    assert ring.find(f"mobile.{key.digests[0]}") is None


def test_during_a_rotation_both_secrets_of_a_key_open() -> None:
    scopes = frozenset({"inpaint"})
    (old, old_entry), (new, new_entry) = make_key("mobile", scopes), make_key("mobile", scopes)
    ring = Keyring(parse_keys(f"{old_entry}\n{new_entry}"))
    assert [ring.find(each).id for each in (old, new)] == ["mobile", "mobile"]
    assert parse_keys(str(ring.named("mobile"))) == [ring.named("mobile")]
    ring.replace(parse_keys(str(new_entry)))
    assert (ring.find(old), ring.find(new)) == (None, new_entry)


def test_what_was_closed_stays_closed_without_keys() -> None:
    ring = Keyring([make_key("a", frozenset({"jobs"}))[1]])
    ring.replace([])
    assert ring.closed
    assert not Keyring([]).closed
    assert Keyring([], closed=True).closed


def test_two_keys_are_never_the_same() -> None:
    assert make_key("a", frozenset({"jobs"}))[0] != make_key("a", frozenset({"jobs"}))[0]


def test_an_unknown_id_does_not_open_with_the_hash_that_stands_in_for_it() -> None:
    assert Keyring([]).find("nobody.") is None


def test_entries_stand_on_lines_or_in_one_line_with_comments() -> None:
    text = f"# ours\nmobile:{HASH}:inpaint+jobs   # the app\n\n batch:{HASH}:jobs:600/60, probe:{HASH}:metrics\n"
    keys = parse_keys(text)
    assert [(key.id, sorted(key.scopes), key.rate) for key in keys] == [
        ("mobile", ["inpaint", "jobs"], None),
        ("batch", ["jobs"], Rate(600, 60)),
        ("probe", ["metrics"], None),
    ]
    assert parse_keys("  # nothing\n") == []
    assert parse_keys(" ".join(map(str, keys))) == keys


@pytest.mark.parametrize(
    "entry",
    [
        "mobile",
        f"mobile:{HASH}",
        f"mobile:{HASH}:",
        f"mobile:{HASH}:paint",
        f"mobile:{HASH}:inpaint:fast",
        f"mobile:{HASH}:inpaint:0/60",
        f"mobile:{HASH}:inpaint:1/1:x",
        f"mobile:{HASH[:-1]}:inpaint",
        f"Mobile App:{HASH}:inpaint",
        f"anonymous:{HASH}:inpaint",
        f"mobile:{HASH}:inpaint mobile:{OTHER}:jobs",
        f"mobile:{HASH}:inpaint mobile:{OTHER}:inpaint:5/60",
        f"mobile:{HASH}:inpaint mobile:{HASH}:inpaint",
        f"mobile:{HASH}:jobs mobile:{OTHER}:jobs mobile:{'a' * 64}:jobs",
        "mobile:the-secret-itself:inpaint",
    ],
)
def test_a_bad_entry_is_refused_without_repeating_it(entry: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as raised:
        parse_keys(entry)
    assert "secret-itself" not in str(raised.value)
    assert HASH[:-1] not in str(raised.value)


@pytest.mark.parametrize("text", ["", "1", "1/", "/1", "-1/60", "1/0", "1.5/60", "1/60s"])
def test_a_bad_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="requests/seconds"):
        parse_rate(text)


def test_the_command_prints_a_key_and_the_entry_that_accepts_it() -> None:
    command = [sys.executable, "-m", "service.keys", "mobile", "--scopes", "inpaint+jobs", "--rate", "5/60"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    presented, entry = (line.split()[-1] for line in printed.splitlines())
    key = Keyring(parse_keys(entry)).find(presented)
    assert key is not None
    assert (key.id, key.scopes, key.rate) == ("mobile", {"inpaint", "jobs"}, Rate(5, 60))


def test_the_command_gives_priority_only_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    main(["mobile"])
    (key,) = parse_keys(capsys.readouterr().out.split()[-1])
    assert key.scopes == {"inpaint", "analysis", "jobs", "metrics"}


@pytest.mark.parametrize("arguments", [["Not An Id"], ["anonymous"], ["a", "--scopes", "all"], ["a", "--rate", "fast"]])
def test_the_command_refuses_what_the_service_would_refuse(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "error: " in capsys.readouterr().err
