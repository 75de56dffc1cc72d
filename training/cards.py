"""The card of a model whose weights have just been replaced: what is known of them. Nothing is measured yet."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from training.budget import MINUTES_ROW
from training.records import Record, in_words

UNMEASURED = (
    "Nobody has measured or described these weights yet: the figures, limits and pictures of the card that stood here "
    "before were of others.\n"
)


def leaf_card(
    model: str, metadata: Mapping[str, str], record: Record | None, snapshot_hash: str, minutes: str | None
) -> str:
    """Markdown. `metadata` are the snapshot's own, `record` and `minutes` those of the part, if known."""
    rows = {
        "put here": f"{today()}, by `python -m training.export`",
        "images seen": grouped(metadata.get("images_seen", "not said by the snapshot")),
        **({} if minutes is None else {MINUTES_ROW: minutes}),
        **({"recipe": "not recorded"} if record is None else recorded_rows(record)),
        "snapshot": f"sha256 `{snapshot_hash}`",
    }
    table = "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    return (
        f"# {model}\n\n{UNMEASURED}\n## Training\n\n| what | |\n|---|---|\n{table}\n"
        "## Licence\n\nThe weights carry the licence of the data that they were trained on.\n"
    )


def recorded_rows(record: Record) -> dict[str, str]:
    """What a record tells the reader of a card."""
    data, last = record["data"], record["sessions"][-1]
    files = {name: in_words(file) for name, file in record["files"].items() if file is not None}
    return {
        "recipe": f"`{record['recipe']}`, part `{record['part']}`",
        "data": f"{data['faces']:,} faces (`{data['split']}`) of `{data['name']}`, sha256 `{data['sha256']}`",
        **({"own values": ", ".join(f"`{n}={v}`" for n, v in own.items())} if (own := record.get("set")) else {}),
        **files,
        "trained": f"{record['sessions'][0]['began']} to {last['began']} (its last start)",
        "versions": ", ".join(f"{name} {version}" for name, version in last["versions"].items() if version),
        **({"commit": f"`{last['commit']}`"} if last["commit"] else {}),
    }


def ensemble_card(ensemble: str, parts: list[str], replaced: list[str]) -> str:
    """Markdown for an ensemble some of whose `parts` were `replaced`."""
    links = "".join(f"- [{part}](../{part}/card.md)\n" for part in parts)
    return (
        f"# {ensemble}\n\n{UNMEASURED}\n{' and '.join(replaced)} got other weights on {today()}. The parts:\n\n{links}"
    )


def today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def grouped(count: str) -> str:
    return f"{int(count):,}" if count.isdecimal() else count
