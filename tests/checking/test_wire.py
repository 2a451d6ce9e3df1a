"""What is read from the other process is data, and nothing that it says is believed."""

import numpy as np
import pytest

from multiconv.checking.running import reply, wire


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (1, 0, 2)])
def test_arrays_come_back_as_they_were(dtype, shape):
    values = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    found = wire.loads(wire.dumps({"values": values}))["values"]
    assert found.dtype == values.dtype
    assert found.shape == shape
    assert np.array_equal(found, values)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"no json",
        b'{"array": "", "dtype": "O", "shape": []}',
        b'{"array": "AAAA", "dtype": "|u1", "shape": [7]}',
        b'{"array": "!", "dtype": "<f8", "shape": [1]}',
    ],
)
def test_what_is_no_message_is_an_error(line):
    with pytest.raises((ValueError, TypeError)):
        wire.loads(line)


class TestReplies:
    def test_the_shape_is_that_of_the_array(self):
        values = np.zeros((2, 3))
        result = {"type": "ndarray", "shape": [9, 9], "values": values}
        message = {"is": "returned", "results": [result], "cut": None, "modified": []}
        (found,) = reply.read(message | {"several": False}).results
        assert found.shape == (2, 3)

    def test_text_has_nothing_that_moves_a_cursor(self):
        found = reply.read({"is": "parameters", "message": "a\x1b[2Jb\nc"})
        assert found.message == "a?[2Jb?c"

    def test_another_kind_is_an_error(self):
        with pytest.raises(ValueError, match="no reply"):
            reply.read({"is": "right"})
