"""Tables say what they are, and those that say something else are refused."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from galerne.evaluate.tables import read_scores, read_table, write_scores, write_table

TABLE = pd.DataFrame({"level": pd.array([None, 500], "Int64"), "value": [0.5, 2.0]})


def test_tables_come_back_as_they_were_and_bytes_are_the_same(tmp_path) -> None:
    for write, read, name in (
        (write_table, read_table, "a.parquet"),
        (write_scores, read_scores, "a.csv"),
    ):
        for other in ("", "again_"):
            write(TABLE, tmp_path / f"{other}{name}")
        found = read(tmp_path / name)
        pd.testing.assert_frame_equal(found, TABLE, check_dtype=False)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"again_{name}").read_bytes()


def test_some_columns_are_read_alone(tmp_path) -> None:
    write_table(TABLE, tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet", ["value"])) == ["value"]


def test_tables_of_another_version_are_refused_by_name(tmp_path) -> None:
    TABLE.to_csv(tmp_path / "old.csv", index=False)
    with pytest.raises(ValueError, match=r"old.csv is a table of scores of version none"):
        read_scores(tmp_path / "old.csv")
    TABLE.assign(version=[2, 9]).to_csv(tmp_path / "mixed.csv", index=False)
    with pytest.raises(ValueError, match=r"mixed.csv .* version 9, .* reads version 2"):
        read_scores(tmp_path / "mixed.csv")
    pq.write_table(pa.Table.from_pandas(TABLE), tmp_path / "old.parquet")
    with pytest.raises(ValueError, match=r"old.parquet .* of version none"):
        read_table(tmp_path / "old.parquet")


def test_what_is_no_table_is_refused_by_name(tmp_path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"half a fi")
    with pytest.raises(ValueError, match=r"broken.parquet is no readable table"):
        read_table(tmp_path / "broken.parquet")
