"""Names of metrics' networks."""

import hashlib
from pathlib import Path

from training.hashing import file_hash
from training.metrics.naming import named


def test_a_name_carries_the_first_digits_of_each_file(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_text(file.name)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert named("vgg16", *files) == f"vgg16 {digests[0][:8]} {digests[1][:8]}"
    assert named("colours") == "colours"
    assert file_hash(files[0]) == digests[0]
