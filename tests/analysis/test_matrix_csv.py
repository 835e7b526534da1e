import numpy as np
import pytest

from continual_vqa.analysis.matrix_csv import read_matrix
from continual_vqa.errors import UserError


def read(tmp_path, text):
    path = tmp_path / "matrix.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_matrix(path)


def test_with_and_without_a_header(tmp_path):
    named = read(tmp_path, "\ufeffcount, color\n90,\n70.5,80\n")
    assert named.tasks == ("count", "color")
    np.testing.assert_array_equal(named.values, [[90, np.nan], [70.5, 80]])
    bare = read(tmp_path, "90,\n\n70.5,80\n")
    assert bare.tasks == ("task 1", "task 2")
    np.testing.assert_array_equal(bare.values, named.values)


def test_a_single_row_is_joint(tmp_path):
    assert read(tmp_path, "1,2,3\n").values.shape == (1, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "header and no rows"),
        ("a,a\n1,2\n3,4\n", "names a task twice"),
        ("1,2\n3\n", "row 2 has 1 cells and row 1 has 2"),
        ("1,x\n3,4\n", "row 1, column 2 is 'x'"),
        ("1,2\n3,x\n", "row 2, column 2 is 'x'"),
        ("1,2\n3,101\n", "row 2, column 2 is '101'"),
        ("1,2\n-3,1\n", "row 2, column 1 is '-3'"),
        ("1,2\n3,nan\n", "row 2, column 2 is 'nan'"),
        ("1,2,3\n1,2,3\n", "2 steps and 3 tasks"),
        ("1,2\n3,\n", "last row has no accuracy for 'task 2'"),
        (b"\xff\xfe1", "byte 0 is not UTF-8"),
        ('"1,2\n', "not a CSV file"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        read_matrix(tmp_path / "nothing.csv")
