from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.csv_tables import InvalidTable, read_number_table, read_table, table_sha256

GOOD = "a,b,note\n" + "".join(f"{row},{row % 2},text {row}\n" for row in range(12))


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_numbers_are_read_as_float_and_the_rest_as_text(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, GOOD), ["a", "b"])
    assert table["a"].tolist() == [float(row) for row in range(12)]
    assert table["note"].iloc[3] == "text 3"


def test_every_digit_of_a_number_is_kept(tmp_path: Path) -> None:
    numbers = ["0.1", "79545.45857431678", "1059033.5578701235", "1e-300", "-7"] * 3
    table = read_table(written(tmp_path, "a\n" + "\n".join(numbers)), ["a"])
    assert table["a"].tolist() == [float(number) for number in numbers]


def test_line_breaks_inside_quotes_and_a_byte_order_mark_are_no_trouble(tmp_path: Path) -> None:
    lines = "".join(f'{row},"{row} Oak Street\nTown"\n' for row in range(10))
    table = read_table(written(tmp_path, b"\xef\xbb\xbf" + f"a,Address\n{lines}".encode()), ["a"])
    assert table["Address"].iloc[9] == "9 Oak Street\nTown"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD.replace("a,b", "x,b"), "column 'a' is missing; found x, b, note"),
        (GOOD.replace("\n7,1", "\nseven,1"), "column 'a', row 8: expected a finite number, not 'seven'"),
        (GOOD.replace("\n7,1", "\n,1"), "column 'a', row 8: expected a finite number, not nothing"),
        (GOOD.replace("\n7,1", "\nnan,1"), "column 'a', row 8: expected a finite number, not 'nan'"),
        (GOOD.replace("\n7,1", "\n1e400,1"), "column 'a', row 8: expected a finite number, not '1e400'"),
        (GOOD.replace("\n7,1", "\n-inf,1"), "column 'a', row 8: expected a finite number, not '-inf'"),
        (GOOD.replace("\n7,1", "\n7,2"), "column 'b', row 8: expected 0 or 1, not 2"),
        ("a,b,note\n", "0 data rows; at least 10 are needed"),
        ("a,b\n" + "1,0\n" * 11 + "1,1\n", "column 'b': fewer than two rows of class 1; both are needed"),
        ("", "is empty; expected a header and rows"),
        (b"\xff\xfe\x00a", "is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_told_by_file_column_and_row(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InvalidTable) as caught:
        read_table(path, ["a", "b"], binary="b")
    assert caught.value.message == f"{path}: {message}"


@pytest.mark.parametrize("row", ["1,0,x,too,many\n", '1,0,"never closed\n'])
def test_a_row_that_does_not_fit_the_header_is_refused_in_one_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        read_table(written(tmp_path, GOOD + row), ["a", "b"])
    assert "is not a table" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InvalidTable, match=reason):
            read_table(path, ["a"])


def test_the_hash_tells_tables_apart(tmp_path: Path) -> None:
    one = read_table(written(tmp_path, GOOD), ["a"])
    other = read_table(written(tmp_path, GOOD.replace("text 3", "text 4")), ["a"])
    assert table_sha256(one) == table_sha256(one.copy())
    assert table_sha256(one) != table_sha256(other)


def test_a_table_of_numbers_has_all_its_columns_in_order(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("sd,mean\n" + "1,2.5\n" * 10)
    table = read_number_table(path)
    assert table.columns.tolist() == ["sd", "mean"]
    assert table.iloc[0].tolist() == [1.0, 2.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("mean,city\n" + "1,Porto\n" * 10, "column 'city', row 1: expected a finite number, not 'Porto'"),
        ("mean,\n" + "1,2\n" * 10, "a column has no name; the first line must name all of them"),
        ("mean,sd\n1,2\n", "1 data rows; at least 10 are needed"),
    ],
)
def test_a_column_that_is_no_number_is_refused_in_a_table_of_numbers(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text(content)
    with pytest.raises(InvalidTable) as caught:
        read_number_table(path)
    assert message in caught.value.message
