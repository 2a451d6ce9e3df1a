"""Where results of ``compat.cv2`` go: ``dst`` is written to and returned, as OpenCV does."""

import numpy as np
import pytest
from comparing import assert_same

from multiconv.compat import cv2 as compat

CALLS = {
    "filter2D": lambda m, x, dst: m.filter2D(x, -1, [[1.0, -2.0, 4.0]], dst),
    "sepFilter2D": lambda m, x, dst: m.sepFilter2D(x, -1, [1.0, 2.0, 0.0], [1.0, -1.0], dst),
    "Sobel": lambda m, x, dst: m.Sobel(x, -1, 1, 0, dst),
    "Scharr": lambda m, x, dst: m.Scharr(x, -1, 0, 1, dst),
    "Laplacian": lambda m, x, dst: m.Laplacian(x, -1, dst),
    "Laplacian of 5": lambda m, x, dst: m.Laplacian(x, -1, dst, 5),
    "GaussianBlur": lambda m, x, dst: m.GaussianBlur(x, (3, 5), 0, dst),
    "blur": lambda m, x, dst: m.blur(x, (3, 3), dst),
    "boxFilter": lambda m, x, dst: m.boxFilter(x, -1, (3, 3), dst, normalize=False),
    "a single pixel": lambda m, x, dst: m.filter2D(x, -1, [[1.0]], dst),
}
IMAGE = (np.arange(42).reshape(6, 7) * 37 % 256).astype("uint8")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
class TestEveryFilter:
    def test_writes_to_an_array(self, backend, call, dtype):
        x, dst = backend.array(IMAGE, dtype), backend.array(IMAGE * 0, dtype)
        expected = call(compat, x, None)
        if backend.name == "jax":
            with pytest.raises(compat.error, match="dst is a JAX array, and cannot be written to"):
                call(compat, x, dst)
            return
        assert call(compat, x, dst) is dst
        assert_same(backend, dst, backend.to_numpy(expected), dtype)

    def test_writes_over_its_image(self, call, dtype):
        x = IMAGE.astype(dtype)
        expected = call(compat, x.copy(), None)
        whole = np.concatenate([x, x[:1]])
        for src, dst in ((x, x), (whole[:-1], whole[1:])):
            assert call(compat, src, dst) is dst
            assert np.array_equal(dst, expected)


@pytest.mark.needs_library("cv2")
@pytest.mark.parametrize(
    "dst",
    [
        np.zeros((6, 7), "uint8"),
        np.zeros((6, 7, 1), "uint8"),
        np.zeros((6, 7), "float32"),
        np.zeros((7, 6), "uint8"),
        np.zeros((5, 7), "uint8"),
        np.zeros(42, "uint8"),
    ],
    ids=lambda dst: f"{dst.dtype}-{dst.shape}",
)
def test_arrays_that_do_not_fit_are_left_alone_as_in_opencv(dst):
    import cv2

    given = {m: dst.copy() for m in (cv2, compat)}
    results = [m.blur(IMAGE, (3, 3), given[m]) for m in (cv2, compat)]
    assert results[0].shape == results[1].shape
    assert np.array_equal(*results)
    assert np.array_equal(*given.values())
    assert (results[0] is given[cv2]) == (results[1] is given[compat])


@pytest.mark.needs_library("cv2")
def test_a_row_is_written_to_as_one():
    import cv2

    for shape in ((7,), (1, 7), (1, 7, 1)):
        for m in (cv2, compat):
            dst = np.zeros(shape, "uint8")
            assert m.blur(IMAGE[0], (3, 3), dst) is dst
            assert np.array_equal(dst.ravel(), cv2.blur(IMAGE[:1], (3, 3))[0])


@pytest.mark.needs_library("cv2")
def test_a_kernel_with_one_axis_is_a_row_as_in_opencv_5():
    import cv2

    kernel = np.array([1.0, 2.0, 4.0], "float32")
    ours = compat.filter2D(IMAGE, compat.CV_32F, kernel)
    assert np.array_equal(ours, cv2.filter2D(IMAGE, cv2.CV_32F, kernel[None]))
    if int(cv2.__version__.split(".")[0]) >= 5:
        assert np.array_equal(ours, cv2.filter2D(IMAGE, cv2.CV_32F, kernel))


def test_what_cannot_be_written_to_is_refused(backend):
    fixed = np.zeros((6, 7), "uint8")
    fixed.flags.writeable = False
    with pytest.raises(compat.error, match="dst is read-only"):
        compat.blur(IMAGE, (3, 3), fixed)
    with pytest.raises(compat.error, match=r"dst must be an array, got \[1, 2\]"):
        compat.blur(IMAGE, (3, 3), [1, 2])
    if backend.name != "numpy":
        with pytest.raises(TypeError, match="dst a NumPy array"):
            compat.blur(backend.array(IMAGE), (3, 3), IMAGE.copy())


@pytest.mark.needs_backend("torch")
def test_torch_compiles_and_differentiates_it():
    import torch

    torch.compiler.reset()
    x = torch.ones(3, 4, requires_grad=True)
    run = torch.compile(
        lambda x, dst: compat.boxFilter(x, -1, (3, 3), dst, normalize=False, borderType=2),
        fullgraph=True,
        backend="eager",
    )
    dst = torch.zeros(3, 4)
    run(x, dst)
    dst.sum().backward()
    assert torch.equal(dst.detach(), torch.full((3, 4), 9.0))
    assert torch.equal(x.grad, torch.full((3, 4), 9.0))
    torch.compiler.reset()
