"""save and load: every value and every argument comes back, and half a file never does."""

import json
import os
import pickle
import stat
import sys
import threading
from pathlib import Path
from typing import ClassVar

import backends_under_test
import numpy as np
import pytest
from comparing import check_error

import multiconv as mc
from multiconv.layers import shared as layers

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]
FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")

ARGUMENTS = (
    {"kernel_size": 3},
    {"kernel_size": (1, 2), "bias": False, "padding": "same_lower", "stride": (2, 1)},
    {"kernel_size": 2, "padding": ((0, 1), (2, 3)), "padding_mode": "circular", "method": "im2col"},
    {"kernel_size": (2, 3), "in_channels": 4, "out_channels": 6, "groups": 2, "dilation": 2},
)


@pytest.fixture(params=FACES)
def face(request):
    """Every backend under test that has a layer, in turn."""
    return backends_under_test.make(request.param)


@pytest.fixture(params=FACES)
def other(request):
    """Every one of them again."""
    return backends_under_test.make(request.param)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "layer.safetensors"


def numbers(shape, dtype):
    """Values of a dtype, with the ones in it that a conversion would spoil."""
    values = np.random.default_rng(0).standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * values[::-1]
        values.flat[0] = complex(-0.0, np.inf)
        return values.astype(dtype)
    values.flat[0] = -0.0
    if values.size > 3:
        smallest = np.finfo("float32" if dtype == "bfloat16" else dtype).smallest_subnormal
        values.flat[1:4] = np.inf, np.nan, smallest * (2**16 if dtype == "bfloat16" else 1)
    if dtype == "bfloat16":  # its values, as float32
        bits = values.astype(np.float32).view(np.uint32) & 0xFFFF0000
        return bits.view(np.float32)
    return values.astype(dtype)


def make(face, dtype="float32", **given):
    """A layer of a backend, and its parameters in NumPy, those of bfloat16 as float32."""
    arguments = layers.read(**given)
    values = [numbers(arguments.weight_shape, dtype), numbers(arguments.bias_shape, dtype)]
    if not arguments.bias:
        values[1] = None
    arrays = [None if v is None else face.array(v, dtype) for v in values]
    return face.functions.Conv2D.from_parameters(arguments, *arrays), values


def parameters(face, layer):
    return [None if p is None else face.to_numpy(p) for p in (layer.weight, layer.bias)]


def same_bits(found, expected):
    return all(
        (a is None) is (b is None)
        and (a is None or (a.shape, a.dtype, a.tobytes()) == (b.shape, b.dtype, b.tobytes()))
        for a, b in zip(found, expected, strict=True)
    )


def saved(path, **given):
    """The bytes of a file of a NumPy layer."""
    mc.save(make(backends_under_test.NumPy(), **(given or {"kernel_size": 3}))[0], path)
    return path.read_bytes()


def written(path, tensors, **changes):
    """Write a file in our format with these tensors, and a description that is changed."""
    from safetensors.numpy import save

    arguments = layers.read((1, 2)).to_dict()
    description = {"version": 1, "package": "0", "layer": arguments, "sha256": ""} | changes
    path.write_bytes(save(tensors, {"multiconv": json.dumps(description)}))


class TestRoundTrips:
    @pytest.mark.parametrize("given", ARGUMENTS, ids=str)
    def test_from_any_backend_to_any(self, face, other, path, given):
        layer, values = make(face, **given)
        mc.save(layer, path)
        again = mc.load(path, other.name)
        assert type(again) is other.functions.Conv2D
        assert again.arguments == layer.arguments
        assert str(again) == str(other.functions.Conv2D(**given))
        assert same_bits(parameters(other, again), values)

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_every_dtype(self, face, other, path, dtype):
        if dtype not in face.dtypes:
            return
        with face.wide(dtype), other.wide(dtype):
            layer, values = make(face, dtype, kernel_size=(2, 3))
            mc.save(layer, path)
            again = mc.load(path, other.name)
            assert other.dtype_name(again.weight) == dtype
            assert other.dtype_name(again.bias) == dtype
            found = parameters(other, again)
        if dtype == "bfloat16":
            # What else is in the bits of a NaN, the frameworks do not agree on.
            found = [np.nan_to_num(a.astype(np.float32), nan=3, posinf=4) for a in found]
            values = [np.nan_to_num(v, nan=3, posinf=4) for v in values]
        assert same_bits(found, values)

    def test_the_same_layer_gives_the_same_bytes_everywhere(self, face, path):
        layer = face.functions.Conv2D(3, 2, 4, seed=1)
        mc.save(layer, path)
        reference = path.with_suffix(".numpy")
        mc.save(mc.numpy.Conv2D(3, 2, 4, seed=1), reference)
        assert path.read_bytes() == reference.read_bytes()

    def test_the_new_layer_works_and_is_its_own(self, face, path):
        layer = face.functions.Conv2D((2, 2), 1, 2, seed=0)
        mc.save(layer, path)
        again = face.functions.load(path)
        x = face.array(np.arange(9.0).reshape(1, 3, 3), "float32")
        assert np.array_equal(face.to_numpy(again(x)), face.to_numpy(layer(x)))
        if face.name == "numpy":
            again.weight += 1
            again.backward(np.ones((2, 2, 2), np.float32))
            assert np.array_equal(mc.load(path).weight, layer.weight)
        if face.name == "torch":
            assert all(p.requires_grad and p.is_leaf for p in again.parameters())

    def test_other_programs_read_the_tensors(self, path):
        from safetensors.numpy import load_file

        layer, values = make(backends_under_test.NumPy(), kernel_size=3)
        mc.save(layer, path)
        tensors = load_file(path)
        assert tensors.keys() == {"weight", "bias"}
        assert same_bits([tensors["weight"], tensors["bias"]], values)

    def test_weight_and_bias_of_different_dtypes(self, path):
        layer = mc.numpy.Conv2D(2, dtype="float16", seed=0)
        layer.bias = layer.bias.astype(np.float64)
        mc.save(layer, path)
        again = mc.load(path)
        assert (again.weight.dtype, again.bias.dtype) == ("float16", "float64")


class TestTheBackend:
    def test_is_the_faces_own(self, face, path):
        saved(path)
        assert type(face.functions.load(path)) is face.functions.Conv2D
        bound = mc.get_backend(face.name)
        assert type(bound.load(path)) is bound.Conv2D

    def test_is_given_in_any_form(self, face, path):
        saved(path)
        bound = mc.get_backend(face.name)
        for chosen in (face.name, bound):
            assert type(mc.load(path, chosen)) is bound.Conv2D
            assert type(mc.numpy.load(path, backend=chosen)) is bound.Conv2D

    def test_is_the_default_one_else(self, face, path, monkeypatch):
        saved(path)
        monkeypatch.setenv("MULTICONV_BACKEND", face.name)
        assert type(mc.load(path)) is face.functions.Conv2D
        assert type(mc.load(path, None)) is face.functions.Conv2D

    def test_must_be_one(self, path):
        saved(path)
        check_error(TypeError, lambda: mc.load(path, 3), "backend", "3")
        check_error(ValueError, lambda: mc.load(path, "tensorflow"), "tensorflow", "numpy")


class TestMemory:
    """The layout in memory is not part of a layer."""

    EXPECTED = np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1) + 1

    LAYOUTS: ClassVar = {
        "fortran": np.asfortranarray,
        "transposed": lambda w: np.ascontiguousarray(w.transpose(3, 1, 0, 2)).transpose(2, 1, 3, 0),
        "negative strides": lambda w: w[::-1, :, ::-1].copy()[::-1, :, ::-1],
        "a slice": lambda w: np.repeat(np.repeat(w, 2, axis=1), 3, axis=2)[:, ::2, ::3],
        "the other byte order": lambda w: w.astype(w.dtype.newbyteorder()),
        "unaligned": lambda w: np.frombuffer(b"x" + w.tobytes(), "f4", offset=1).reshape(w.shape),
        "a file": None,
    }

    @pytest.mark.parametrize("kind", LAYOUTS)
    def test_of_numpy(self, path, tmp_path, kind):
        layer = mc.numpy.Conv2D((4, 1), 3, 2, bias=False)
        if kind == "a file":
            np.save(tmp_path / "w.npy", self.EXPECTED)
            layer.weight = np.load(tmp_path / "w.npy", mmap_mode="r")
        else:
            layer.weight = self.LAYOUTS[kind](self.EXPECTED)
        mc.save(layer, path)
        assert same_bits([mc.load(path).weight], [self.EXPECTED])

    def test_of_numpy_broadcast(self, path):
        layer = mc.numpy.Conv2D(3, bias=False)
        layer.weight = np.broadcast_to(np.float32(2), (3, 3))
        mc.save(layer, path)
        assert same_bits([mc.load(path).weight], [np.full((3, 3), 2, np.float32)])

    @pytest.mark.needs_backend("torch")
    @pytest.mark.parametrize("kind", ["channels_last", "transposed", "a slice", "expanded"])
    def test_of_torch(self, path, kind):
        import torch

        whole = torch.from_numpy(self.EXPECTED)
        expected = self.EXPECTED
        if kind == "channels_last":
            weight = whole.to(memory_format=torch.channels_last)
        elif kind == "transposed":
            weight = whole.transpose(0, 2).contiguous().transpose(0, 2)
        elif kind == "a slice":
            weight = torch.stack([whole, -whole], dim=-1)[..., 0]
        else:
            weight = torch.tensor(3.0).expand(whole.shape)
            expected = np.full_like(self.EXPECTED, 3)
        layer = mc.torch.Conv2D((4, 1), 3, 2, bias=False)
        layer.weight = torch.nn.Parameter(weight)
        assert kind == "channels_last" or not layer.weight.is_contiguous()
        mc.save(layer, path)
        assert same_bits([mc.load(path).weight], [expected])

    @pytest.mark.needs_backend("torch")
    def test_of_torch_lazily_conjugated(self, path):
        import torch

        layer = mc.torch.Conv2D((1, 2), bias=False, dtype=torch.complex64)
        layer.weight = torch.nn.Parameter(torch.tensor([[1 + 2j, 3j]]).conj())
        mc.save(layer, path)
        assert mc.load(path).weight.tolist() == [[1 - 2j, -3j]]

    @pytest.mark.needs_backend("jax")
    def test_of_jax_sharded(self, path):
        import jax

        mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ("filters",))
        spec = jax.sharding.PartitionSpec("filters")
        layer = mc.jax.Conv2D((4, 1), 3, 2, bias=False)
        weight = jax.device_put(self.EXPECTED, jax.sharding.NamedSharding(mesh, spec))
        mc.save(layer.replace(weight=weight), path)
        assert same_bits([mc.load(path).weight], [self.EXPECTED])


class TestDamage:
    """No file that is not exactly as it was written is taken for one."""

    def refuses(self, path, content, *words):
        path.write_bytes(content)
        return check_error(ValueError, lambda: mc.load(path), path.name, *words)

    @pytest.mark.parametrize("given", ARGUMENTS[2:], ids=str)
    def test_truncated_anywhere(self, path, given):
        whole = saved(path, **given)
        for length in range(len(whole)):
            self.refuses(path, whole[:length])

    def test_any_flipped_bit(self, path):
        whole = saved(path)
        for place in range(len(whole)):
            for bit in range(8):
                damaged = bytearray(whole)
                damaged[place] ^= 1 << bit
                self.refuses(path, bytes(damaged))

    def test_grown(self, path):
        whole = saved(path)
        self.refuses(path, whole + b"\0", "damaged")
        self.refuses(path, whole + whole, "damaged")

    def test_what_is_wrong_is_said(self, path):
        whole = saved(path)
        self.refuses(path, b"", "0 bytes", "truncated")
        self.refuses(path, whole[:100], "header", "truncated")
        self.refuses(path, whole[:-1], "truncated")
        self.refuses(path, whole[:-1] + b"\x55", "checksum")

    def test_without_a_trace_of_the_library(self, path):
        whole = saved(path)
        path.write_bytes(whole[:-1])
        with pytest.raises(ValueError, match="truncated") as caught:
            mc.load(path)
        assert caught.value.__suppress_context__


class TestForeignFiles:
    def refuses(self, path, *words):
        return check_error(ValueError, lambda: mc.load(path), path.name, *words)

    @pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
    def test_another_programs_safetensors(self, path, metadata):
        from safetensors.numpy import save_file

        save_file({"weight": np.zeros((3, 3), np.float32)}, path, metadata)
        self.refuses(path, "not a file of multiconv.save", "load_file")

    @pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(50), b"weight: 3\nbias: 4\n"])
    def test_something_else(self, path, content):
        path.write_bytes(content)
        self.refuses(path)

    def test_a_pickle_is_not_opened(self, path, tmp_path):
        class Trap:
            def __reduce__(self):
                return Path.touch, (tmp_path / "sprung",)

        path.write_bytes(pickle.dumps(Trap()))
        self.refuses(path)
        assert not (tmp_path / "sprung").exists()

    WEIGHT: ClassVar = {"weight": np.zeros((1, 2), np.float32)}
    BOTH: ClassVar = WEIGHT | {"bias": np.zeros(1, np.float32)}

    @pytest.mark.parametrize(
        ("tensors", "changes", "words"),
        [
            (BOTH, {}, ["checksum"]),
            (BOTH, {"version": 2, "package": "9.0"}, ["version 2", "9.0", "version 1"]),
            (BOTH, {"version": None}, ["version None"]),
            (BOTH, {"version": True}, ["version True"]),
            (BOTH, {"version": float("nan")}, ["NaN is no number"]),
            (BOTH, {"layer": None}, ["no arguments"]),
            (BOTH, {"layer": {"kernel_size": [0, 1]}}, ["kernel_size[0]", "at least 1"]),
            (BOTH, {"layer": {"kernel_size": [1, 2], "colour": 3}}, ["colour"]),
            (BOTH, {"layer": {"kernel_size": [1, 2], "padding_mode": "sum"}}, ["padding_mode"]),
            (WEIGHT, {}, ["['weight']", "['bias', 'weight']"]),
            (BOTH | {"scale": np.zeros(1)}, {}, ["scale"]),
            (BOTH | {"bias": np.zeros(2, np.float32)}, {}, ["bias has the shape (2,)", "(1,)"]),
            (BOTH | {"weight": np.zeros((1, 2), np.int32)}, {}, ["weight", "I32", "F32"]),
            (BOTH | {"weight": np.zeros((1, 2, 2), np.float16)}, {}, ["weight", "(1, 2, 2)"]),
        ],
        ids=str,
    )
    def test_ours_that_does_not_fit_together(self, path, tensors, changes, words):
        written(path, tensors, **changes)
        self.refuses(path, *words)

    @pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
    def test_a_description_that_is_none(self, path, text):
        from safetensors.numpy import save

        path.write_bytes(save(self.BOTH, {"multiconv": text}))
        self.refuses(path, "no JSON")

    def test_a_missing_one(self, path):
        with pytest.raises(FileNotFoundError, match=path.name):
            mc.load(path)


class TestWholeOrNotAtAll:
    def fails(self, path, error):
        """A save that fails leaves the folder as it was."""
        before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
        with pytest.raises(type(error)) as caught:
            mc.save(mc.numpy.Conv2D(5), path)
        assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before
        return caught.value

    @pytest.mark.parametrize("exists", [True, False])
    @pytest.mark.parametrize(
        "error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr
    )
    @pytest.mark.parametrize("stage", ["write", "move"])
    def test_interrupted(self, path, monkeypatch, exists, error, stage):
        if exists:
            saved(path)

        def fail(*_):
            raise error

        where = (os, "fsync") if stage == "write" else (Path, "replace")
        monkeypatch.setattr(*where, fail)
        caught = self.fails(path, error)
        if isinstance(error, OSError):
            assert (caught.errno, caught.filename) == (28, str(path))

    def test_a_folder_that_may_not_be_written_to(self, path, monkeypatch):
        def refuse(self, *_):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(PermissionError) as caught:
            mc.save(mc.numpy.Conv2D(5), path)
        assert caught.value.filename == str(path)

    def test_a_file_that_may_not_be_written_to(self, path, monkeypatch):
        before = saved(path)
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write to any
        with pytest.raises(PermissionError, match=path.name):
            mc.save(mc.numpy.Conv2D(5), path)
        assert path.read_bytes() == before

    def test_a_folder_that_is_missing(self, tmp_path):
        path = tmp_path / "none" / "layer.safetensors"
        with pytest.raises(FileNotFoundError, match="none' does not exist: create it"):
            mc.save(mc.numpy.Conv2D(5), path)
        assert not path.parent.exists()

    def test_what_is_no_file_stays(self, path):
        path.mkdir()
        check_error(ValueError, lambda: mc.save(mc.numpy.Conv2D(5), path), path.name, "no file")
        assert path.is_dir()

    def test_readers_never_see_half_a_file(self, path):
        big, small = mc.numpy.Conv2D(64, seed=0), mc.numpy.Conv2D(1, seed=0)
        mc.save(big, path)
        done = threading.Event()

        def write():
            for _ in range(20):
                mc.save(small, path)
                mc.save(big, path)
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        sizes = set()
        while not done.is_set():
            sizes.add(mc.load(path).weight.shape)
        writer.join()
        assert sizes <= {(64, 64), (1, 1)}
        assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")
class TestTheFile:
    def mode(self, path):
        return stat.S_IMODE(path.stat().st_mode)

    def test_a_new_one_has_the_permissions_of_every_new_file(self, path, tmp_path):
        saved(path)
        (tmp_path / "new").touch()
        assert self.mode(path) == self.mode(tmp_path / "new")

    def test_an_old_one_keeps_its_permissions(self, path):
        saved(path)
        path.chmod(0o600)
        saved(path, kernel_size=2)
        assert self.mode(path) == 0o600

    def test_a_link_stays_a_link(self, path, tmp_path):
        saved(path)
        link = tmp_path / "link"
        link.symlink_to(path.name)
        saved(link, kernel_size=2)
        assert link.is_symlink()
        assert mc.load(path).weight.shape == (2, 2)

    def test_a_path_in_any_form(self, path, monkeypatch):
        monkeypatch.chdir(path.parent)
        layer = mc.numpy.Conv2D(2, seed=0)
        for form in (path, str(path), path.name, Path("a" * 250)):
            mc.save(layer, form)
            assert same_bits([mc.load(form).weight], [layer.weight])


class TestErrors:
    @pytest.mark.needs_backend("jax")
    @pytest.mark.parametrize("dtype", ["float64", "complex128"])
    def test_jax_never_narrows(self, path, dtype):
        saved(path, kernel_size=2, dtype=dtype)
        check_error(ValueError, lambda: mc.load(path, "jax"), dtype, "jax_enable_x64", "cast")

    def test_what_is_no_layer(self, path):
        check_error(TypeError, lambda: mc.save(np.zeros((3, 3)), path), "Conv2D", "ndarray")
        assert not path.exists()

    def test_parameters_that_do_not_fit(self, path):
        layer = mc.numpy.Conv2D(2)
        layer.weight = np.zeros((2, 3), np.float32)
        check_error(ValueError, lambda: mc.save(layer, path), "weight", "(2, 3)", "(2, 2)")
        layer.weight = np.zeros((2, 2), int)
        check_error(TypeError, lambda: mc.save(layer, path), "weight", "int64", "float32")
        layer.weight, layer.bias = np.zeros((2, 2)), None
        check_error(ValueError, lambda: mc.save(layer, path), "bias")

    def test_without_safetensors(self, path, monkeypatch):
        saved(path)
        monkeypatch.setitem(sys.modules, "safetensors", None)
        for call in (lambda: mc.load(path), lambda: mc.save(mc.numpy.Conv2D(2), path)):
            check_error(ImportError, call, "safetensors", "pip install 'multiconv[io]'")

    @pytest.mark.needs_backend("torch")
    def test_bfloat16_without_ml_dtypes(self, path, monkeypatch):
        import torch

        layer = mc.torch.Conv2D(2, dtype=torch.bfloat16)
        mc.save(layer, path)
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)
        assert torch.equal(mc.load(path, "torch").weight, layer.weight)
        for call in (lambda: mc.load(path, "numpy"), lambda: mc.save(layer, path)):
            check_error(ImportError, call, "ml_dtypes", "pip install", "[io]'")
