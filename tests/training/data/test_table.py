from pathlib import Path

import numpy as np
import pytest

from training.data.table import DataError, read_table


def write(folder: Path, text: str) -> Path:
    (folder / "faces.csv").write_text(text, encoding="utf-8")
    return folder


def test_names_splits_and_numbers(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "name,age,split,source\na,31.5,train,x\nb,,validation,7\nc,nan,test,\n"))
    assert table.names == ["a", "b", "c"]
    assert table.splits == ["train", "validation", "test"]
    assert table.columns == ["age", "source"]
    expected = np.array([[31.5, np.nan], [np.nan, 7], [np.nan, np.nan]], np.float32)
    assert np.array_equal(table.numbers, expected, equal_nan=True)


def test_a_table_may_hold_names_alone_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "\ufeffname\na\n"))
    assert (table.names, table.splits, table.columns, table.numbers.shape) == (["a"], None, [], (1, 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first column must be `name`, not 'nothing'"),
        ("file,split\na,train\n", "first column must be `name`, not 'file'"),
        ("split,name\ntrain,a\n", "first column must be `name`, not 'split'"),
        ("name\n", "names no face"),
        ("name,age\na,1\nb\n", "line 3: 1 fields, 2 in the header"),
        ("name\na\n\nb\n", "line 3: 0 fields, 1 in the header"),
        ("name\na\nb\na\n", "a stands there twice"),
        ("name,age,age\na,1,2\n", "two columns are called age"),
        ("name\n../a\n", "'../a' cannot be the name of a picture"),
        ('name\n""\n', "'' cannot be the name of a picture"),
        ("name,split\na,train\nb,val\n", "the split of b is 'val'; there are train, validation, test"),
        ("name,split\na,\n", "the split of a is ''"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path, text))
    assert message in str(caught.value)
    assert str(tmp_path / "faces.csv") in str(caught.value)


def test_no_text_at_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"faces\.csv is missing"):
        read_table(tmp_path)
    (tmp_path / "faces.csv").write_bytes(b"name\n\xff\xfe\n")
    with pytest.raises(DataError, match="in UTF-8"):
        read_table(tmp_path)
