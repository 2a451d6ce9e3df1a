"""Files in tiles: the numbers of the whole, from where it stopped, and nothing half done."""

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import multiconv as mc
from multiconv import cli
from multiconv.core.progress import Progress
from multiconv.coursework import kernel_files
from multiconv.tiles import apply as tiles
from multiconv.tiles import array_files, grid
from multiconv.tiles.array_files import RawFile
from multiconv.tiles.dask import rounds

pytestmark = pytest.mark.slow  # so that dask is needed in the session with everything only


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """The exit status, stdout and stderr of `multiconv apply` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tiles, "usable_cpus", lambda: 2)

    def run(*arguments):
        status = cli.main(["apply", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return run


def image(*shape, dtype="float32"):
    rng = np.random.default_rng(0)
    return (rng.normal(size=shape) * 50).astype(dtype)


class TestNumbers:
    @pytest.mark.parametrize(
        "options",
        [
            (),
            ("--stride", "2", "--padding-mode", "reflect"),
            ("--padding", "valid", "--dilation", "2x1"),
            ("--padding", "full", "--padding-mode", "circular", "--convolve"),
            ("--padding-mode", "zeros", "--method", "direct"),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float32", "uint8", ">i2"])
    def test_those_of_the_whole(self, run, dtype, options, monkeypatch):
        monkeypatch.setattr(grid, "_LARGEST", 64)
        x = image(150, 200, dtype=dtype)
        np.save("x.npy", x)
        status, out, err = run("sobel-x", "x.npy", "-o", "y.npy", "--memory", "1GB", *options)
        assert (status, err) == (0, "")
        assert out.startswith("y.npy: sobel-x of x.npy, 150x200 -> ")
        given = dict(zip(options[::2], options[1::2], strict=False))
        stride = int(given.get("--stride", 1))
        expected = (mc.convolve2d if "--convolve" in options else mc.corr2d)(
            x,
            tiles.fitted(kernel_files.read("sobel-x"), x.dtype)[0],
            stride=stride,
            padding=given.get("--padding", "same"),
            dilation=(2, 1) if "--dilation" in given else 1,
            padding_mode=given.get("--padding-mode", "replicate"),
            method="direct",
        )
        found = np.load("y.npy")
        assert found.dtype == expected.dtype
        if x.dtype.kind == "f" and "--method" not in given:
            assert np.abs(found - expected).max() <= 10 * 2**-24 * 8 * np.abs(x).max()
        else:
            assert np.array_equal(found, expected)
        assert sorted(os.listdir()) == ["x.npy", "y.npy"]

    def test_a_stack_of_images(self, run):
        x = image(2, 3, 70, 80, dtype="int16")
        np.save("x.npy", x)
        assert run("[[1, -1]]", "x.npy", "-o", "y.npy", "--memory", "1GB")[0] == 0
        k = np.array([[1, -1]], "int32")
        expected = mc.corr2d(x, k, padding="same", padding_mode="replicate")
        assert np.array_equal(np.load("y.npy"), expected)

    @pytest.mark.needs_library("tifffile")
    @pytest.mark.needs_library("zarr")
    @pytest.mark.filterwarnings("default")  # zarr's and tifffile's own
    @pytest.mark.parametrize("target", ["y.npy", "y.tif", "y.zarr"])
    @pytest.mark.parametrize("source", ["x.tif", "compressed.tif", "x.zarr"])
    def test_every_kind_of_file(self, run, source, target):
        import tifffile
        import zarr

        x = image(3, 100, 120, dtype="uint8")
        tifffile.imwrite("x.tif", x)
        tifffile.imwrite("compressed.tif", x, compression="zlib", tile=(64, 64))
        zarr.create_array("x.zarr", shape=x.shape, chunks=(1, 50, 50), dtype=x.dtype)[:] = x
        assert run("laplacian", source, "-o", target, "--memory", "1GB")[0] == 0
        k = kernel_files.read("laplacian").astype("int32")
        expected = mc.corr2d(x, k, padding="same", padding_mode="replicate")
        assert np.array_equal(array_files.opened(target).read([(0, n) for n in x.shape]), expected)

    def test_the_document(self, run):
        np.save("x.npy", image(70, 80))
        _, out, _ = run("sharpen", "x.npy", "-o", "y.npy", "--memory", "1GB", "--json")
        document = json.loads(out)["apply"]
        assert (document["shape"], document["dtype"]) == ([70, 80], "float32")
        assert document["tiles_of_an_earlier_run"] == 0


class TestDtypes:
    @pytest.mark.parametrize(
        ("image", "kernel", "own", "result"),
        [
            ("float16", 0.5, "float16", "float16"),
            ("float64", 1.0, "float64", "float64"),
            ("complex64", 0.5, "float32", "complex64"),
            ("uint8", 1.0, "int32", "int32"),
            ("uint8", 2.0**24, "int64", "int64"),
            ("int64", 1.0, "int64", "int64"),
            ("uint16", 0.5, "float32", "float32"),
            ("int32", 0.5, "float64", "float64"),
        ],
    )
    def test_kernels_go_with_the_image(self, image, kernel, own, result):
        k, dtype = tiles.fitted(np.array([[kernel]]), np.dtype(image))
        assert (k.dtype, dtype) == (own, result)


_KILLED = """
import os, sys
from multiconv import cli
from multiconv.tiles import grid
from multiconv.tiles.array_files import RawFile
grid._LARGEST = 64
write, count = RawFile.write, 0
def once_too_often(self, window, part):
    global count
    count += 1
    if count > 20:
        os.kill(os.getpid(), 9)
    write(self, window, part)
RawFile.write = once_too_often
cli.main(sys.argv[1:])
"""


# The first run loads what nobody may read where the libraries are somebody's own.
_NOBODY = """
import os, sys
from multiconv import cli
os.chdir(sys.argv[1])
command = ["apply", "gaussian", "x.npy", "--memory", "1GB", "-o"]
cli.main([*command, "first.npy"])
os.chmod(".", 0o555)
if os.geteuid() == 0:
    os.setuid(65534)
sys.exit(cli.main([*command, "y.npy"]))
"""


def never(calls, cluster):
    raise KeyboardInterrupt


class TestStops:
    def test_a_killed_run_goes_on_where_it_was(self, run, monkeypatch):
        monkeypatch.setattr(grid, "_LARGEST", 64)
        np.save("x.npy", image(500, 600))
        command = ["gaussian", "x.npy", "--memory", "1GB", "--method", "direct"]
        assert run(*command, "-o", "whole.npy")[0] == 0
        environment = os.environ | {"PYTHONPATH": str(Path(mc.__file__).parents[1])}
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED, "apply", *command, "-o", "y.npy"],
            env=environment,
            check=False,
        )
        assert killed.returncode == -9
        assert not Path("y.npy").exists()
        status, out, _ = run(*command, "-o", "y.npy")
        assert status == 0
        earlier = int(out.partition(" tiles, ")[2].split()[0])
        assert 0 < earlier <= 20
        assert Path("y.npy").read_bytes() == Path("whole.npy").read_bytes()
        assert not list(Path().glob("*unfinished*"))

    def test_a_full_disk_in_the_middle_is_one_line_and_loses_nothing(self, run, monkeypatch):
        monkeypatch.setattr(grid, "_LARGEST", 64)
        np.save("x.npy", image(500, 600))
        command = ("gaussian", "x.npy", "-o", "y.npy", "--memory", "1GB")
        write = RawFile.write

        def full(self, window, part):
            if window[0][0] > 300:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(self, window, part)

        monkeypatch.setattr(RawFile, "write", full)
        status, out, err = run(*command)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "OUT: 'y.npy' cannot be written: No space left on device" in err
        assert "the same command goes on from there" in err
        assert not Path("y.npy").exists()
        monkeypatch.setattr(RawFile, "write", write)
        assert run(*command)[0] == 0

    @pytest.mark.parametrize("at", [0, 300])
    def test_an_interruption_says_what_is_kept(self, run, monkeypatch, at):
        monkeypatch.setattr(grid, "_LARGEST", 64)
        np.save("x.npy", image(500, 600))
        command = ("gaussian", "x.npy", "--memory", "1GB")
        assert run(*command, "-o", "whole.npy")[0] == 0
        advance = Progress.advance

        def interrupted(self, *arguments):
            if self.done >= at // 64:
                raise KeyboardInterrupt
            advance(self, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(tiles, "rounds", rounds if at else never)
            patch.setattr(Progress, "advance", interrupted)
            status, out, err = run(*command, "-o", "y.npy")
        assert (status, out, err.count("\n")) == (130, "", 1)
        kept = "the same command goes on from there" if at else "interrupted: nothing is left there"
        assert kept in err
        assert bool(list(Path().glob("y.npy.unfinished*"))) == bool(at)
        assert run(*command, "-o", "y.npy")[0] == 0
        assert Path("y.npy").read_bytes() == Path("whole.npy").read_bytes()

    def test_the_folder_of_somebody_else(self):
        environment = os.environ | {"PYTHONPATH": str(Path(mc.__file__).parents[1])}
        with tempfile.TemporaryDirectory() as folder:  # pytest's own nobody else may look into
            os.chmod(folder, 0o755)
            np.save(f"{folder}/x.npy", image(70, 80))
            refused = subprocess.run(
                [sys.executable, "-c", _NOBODY, folder],
                env=environment,
                check=False,
                capture_output=True,
                text=True,
            )
            assert sorted(os.listdir(folder)) == ["first.npy", "x.npy"]
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert f"the folder {folder!r} may not be written to" in refused.stderr

    def test_no_room_at_all_leaves_nothing(self, run, monkeypatch):
        np.save("x.npy", image(70, 80))

        def full(*arguments):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "posix_fallocate", full)
        status, _, err = run("gaussian", "x.npy", "-o", "y.npy", "--memory", "1GB")
        assert (status, err.count("\n")) == (2, 1)
        assert "No space left on device: nothing is left there" in err
        assert os.listdir() == ["x.npy"]

    def test_what_another_command_has_begun_is_kept(self, run, monkeypatch):
        monkeypatch.setattr(grid, "_LARGEST", 64)
        np.save("x.npy", image(500, 600))
        write = RawFile.write

        def full(self, window, part):
            if window[0][0] > 300:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(self, window, part)

        monkeypatch.setattr(RawFile, "write", full)
        run("gaussian", "x.npy", "-o", "y.npy", "--memory", "1GB")
        monkeypatch.setattr(RawFile, "write", write)
        status, _, err = run("sharpen", "x.npy", "-o", "y.npy", "--memory", "1GB")
        assert status == 2
        assert "is of another command, with another kernel" in err
        assert run("sharpen", "x.npy", "-o", "y.npy", "--memory", "1GB", "--force")[0] == 0

    def test_a_journal_whose_last_line_was_cut_short(self, tmp_path):
        from multiconv.tiles.journal import Journal

        journal = Journal(tmp_path / "journal")
        journal.begin({"a": 1})
        journal.add([3, 14])
        with journal.path.open("a") as file:
            file.write("15")
        assert journal.read() == ({"a": 1}, {3, 14})


class TestMisuse:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("-o", "y.npy", "--memory", "lots"), "--memory: got 'lots', and takes a size"),
            (("-o", "y.npy", "--memory", "200MB"), "--memory: that is not enough: "),
            (("-o", "y.png", "--memory", "1GB"), "OUT: 'y.png' does not end in one of .npy"),
            (("-o", "y.npy", "--memory", "1GB", "--abs"), "--abs: tiles are written as the"),
            (("-o", "no/y.npy", "--memory", "1GB"), "does not exist"),
            (("-o", "x.npy", "--memory", "1GB"), "is IMAGE itself"),
        ],
    )
    def test_is_one_line(self, run, arguments, words):
        np.save("x.npy", image(200, 300))
        status, out, err = run("gaussian", "x.npy", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert words in err
        assert os.listdir() == ["x.npy"]

    def test_a_folder_is_no_file_to_replace(self, run):
        np.save("x.npy", image(70, 80))
        Path("y.npy").mkdir()
        Path("y.npy", "kept").touch()
        status, _, err = run("gaussian", "x.npy", "-o", "y.npy", "--memory", "1GB", "--force")
        assert (status, err.count("\n")) == (2, 1)
        assert "OUT: 'y.npy' is a folder" in err
        assert Path("y.npy", "kept").exists()

    def test_an_image_that_no_border_goes_around(self, run):
        np.save("x.npy", image(0, 5))
        status, _, err = run("gaussian", "x.npy", "-o", "y.npy", "--memory", "1GB")
        assert (status, err.count("\n")) == (2, 1)
        assert "IMAGE: an image of size 0" in err

    def test_an_image_that_is_cut_short_under_way(self, run, monkeypatch):
        np.save("x.npy", image(200, 300))
        begun = array_files.created

        def cut(*arguments):
            os.truncate("x.npy", 1000)
            return begun(*arguments)

        monkeypatch.setattr(array_files, "created", cut)
        status, _, err = run("gaussian", "x.npy", "-o", "y.npy", "--memory", "1GB")
        assert (status, err.count("\n")) == (2, 1)
        assert "x.npy' cannot be read: it ends before its numbers do" in err

    def test_files_that_are_not_what_they_seem(self, run):
        Path("x.npy").write_bytes(b"no array")
        status, _, err = run("gaussian", "x.npy", "-o", "y.npy", "--memory", "1GB")
        assert (status, err.count("\n")) == (2, 1)
        assert "IMAGE: 'x.npy' cannot be read" in err


class TestSizes:
    def test_tiles_grow_with_the_memory(self):
        from multiconv.core.geometry import resolve

        geometry = resolve((10**5, 10**5), (15, 15), (1, 1), (1, 1), "same")
        sides = [grid.side(budget, 36, geometry) for budget in (10**5, 10**6, 10**7, 10**9)]
        assert sides == [0, 128, 512, 4096]

    def test_what_is_read_is_the_tile_and_its_halo(self):
        from multiconv.core.geometry import resolve
        from multiconv.planning.options import read
        from multiconv.tiles.grid import Grid

        tiling = Grid((), resolve((256, 256), (5, 5), (1, 1), (1, 1), "same"), 64)
        found = list(grid.tiles(tiling, read(2, 1, "same", 1), flips=False, done={0}))
        assert len(found) == 15
        assert found[5].number == 6
        assert found[5].reads == (((62, 130), (126, 194)),)


@pytest.mark.needs_library("distributed")
@pytest.mark.filterwarnings("ignore")  # distributed's own
def test_on_a_cluster(run):
    from distributed import LocalCluster

    np.save("x.npy", image(200, 300))
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert run("gaussian", "x.npy", "-o", "y.npy", "--cluster", address)[0] == 0
    assert run("gaussian", "x.npy", "-o", "z.npy", "--memory", "1GB")[0] == 0
    assert np.array_equal(np.load("y.npy"), np.load("z.npy"))


@pytest.mark.needs_library("distributed")
@pytest.mark.filterwarnings("ignore")
def test_no_cluster_is_one_line(run):
    np.save("x.npy", image(70, 80))
    status, _, err = run("gaussian", "x.npy", "-o", "y.npy", "--cluster", "tcp://127.0.0.1:9")
    assert (status, err.count("\n")) == (2, 1)
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in err
    assert not list(Path().glob("y.npy*"))
