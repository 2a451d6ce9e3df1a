"""`multiconv apply`: every pixel against the definition, in exact arithmetic; files, and misuse."""

import json
import os
import sys
from fractions import Fraction
from pathlib import Path

import backends_under_test
import numpy as np
import oracle
import pytest

from multiconv import cli, kernels
from multiconv.core.installation import install_line

BUILT_IN = [name for name in backends_under_test.CHOSEN if name != "strict"]
WHITE = {"uint8": 255, "uint16": 65535}


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """The exit status, stdout and stderr of `multiconv apply` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = cli.main(["apply", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def filtered(run):
    """The array that a kernel makes of an image's array, both in files, and the JSON document."""

    def filtered(kernel, pixels, *arguments, suffix=".png"):
        write(f"in{suffix}", pixels)
        status, out, err = run(kernel, f"in{suffix}", *with_out(arguments, suffix), "--json")
        assert (status, err) == (0, "")
        document = json.loads(out)["apply"]
        return read(document["out"]), document

    return filtered


def with_out(arguments, suffix):
    return arguments if "-o" in arguments else (*arguments, "-o", f"out{suffix}")


def write(path, pixels):
    if str(path).endswith(".npy"):
        np.save(path, pixels)
        return
    from PIL import Image

    options = {"lossless": True} if path.endswith(".webp") else {}
    Image.fromarray(pixels).save(path, **options)


def read(path):
    if path.endswith(".npy"):
        return np.load(path)
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image)


def random(shape, dtype="uint8", seed=7):
    return np.random.default_rng(seed).integers(0, WHITE[dtype] + 1, shape).astype(dtype)


def exact(pixels, kernel, *, flipped=False, **options):
    """(H, W, C) or (H, W), every channel by itself, in fractions."""
    planes = np.atleast_3d(pixels).transpose(2, 0, 1)
    values = np.vectorize(Fraction, otypes=[object])(planes.astype(object))
    k = np.vectorize(Fraction, otypes=[object])(np.array(kernel, dtype=object))
    options = {"padding": "same", "padding_mode": "replicate"} | options
    y = (oracle.convolve2d if flipped else oracle.corr2d)(values, k, **options)
    return y[0] if pixels.ndim == 2 else y.transpose(1, 2, 0)


def pixel(value, white):
    """Python rounds fractions half to even."""
    return min(max(round(value), 0), white)


def shown(values, dtype="uint8", change=lambda value: value):
    white = WHITE[dtype]
    return np.vectorize(lambda v: pixel(change(v), white), otypes=[dtype])(values)


SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
ASYMMETRIC = [[1, 2, 0, -1], [0, 1, -3, 2]]


def literal(kernel):
    return "; ".join(" ".join(map(str, row)) for row in kernel)


class TestPixels:
    @pytest.mark.parametrize("backend", BUILT_IN)
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_grey(self, filtered, backend, dtype):
        pixels = random((9, 11), dtype)
        found, document = filtered(literal(SOBEL), pixels, "--backend", backend)
        values = exact(pixels, SOBEL)
        assert found.dtype == dtype
        assert np.array_equal(found, shown(values, dtype))
        outside = [v < 0 or v > WHITE[dtype] for v in values.ravel()]
        assert document["clipped"] == sum(outside)
        assert document["below_black"] == sum(v < 0 for v in values.ravel())
        assert document["numbers"] == [values.min(), values.max()]
        assert document["backend"] == backend

    @pytest.mark.parametrize("backend", BUILT_IN)
    def test_every_channel_by_itself(self, filtered, backend):
        pixels = random((8, 9, 3))
        found, _ = filtered(literal(ASYMMETRIC), pixels, "--backend", backend)
        assert np.array_equal(found, shown(exact(pixels, ASYMMETRIC)))

    @pytest.mark.parametrize("channels", [2, 4])
    def test_alpha_stays(self, filtered, channels):
        pixels = random((8, 9, channels))
        for kernel in (SOBEL, ASYMMETRIC):
            for padding in ("same", "same_lower"):
                found, _ = filtered(
                    literal(kernel), pixels, "--padding", padding, "--dilation", 2, "--force"
                )
                values = exact(pixels[..., :-1], kernel, padding=padding, dilation=2)
                assert np.array_equal(found[..., :-1], shown(values))
                assert np.array_equal(found[..., -1], pixels[..., -1])

    def test_alpha_of_the_middle_where_the_size_changes(self, filtered):
        pixels = random((8, 9, 4))
        found, _ = filtered("box", pixels, "--padding", "valid")
        assert np.array_equal(found[..., 3], pixels[1:-1, 1:-1, 3])
        found, _ = filtered("box", pixels, "--padding", "1", "--stride", "2x3", "--force")
        assert np.array_equal(found[..., 3], pixels[::2, ::3, 3])

    @pytest.mark.parametrize(
        ("arguments", "options"),
        [
            (["--stride", "2"], {"stride": 2}),
            (["--stride", "2x3", "--dilation", "2"], {"stride": (2, 3), "dilation": 2}),
            (["--padding", "valid"], {"padding": "valid"}),
            (["--padding", "((0, 2), (1, 0))"], {"padding": ((0, 2), (1, 0))}),
            (["--padding", "full", "--padding-mode", "zeros"],
             {"padding": "full", "padding_mode": "zeros"}),
            (["--padding-mode", "reflect"], {"padding_mode": "reflect"}),
            (["--padding-mode", "symmetric"], {"padding_mode": "symmetric"}),
            (["--padding-mode", "circular"], {"padding_mode": "circular"}),
            (["--convolve"], {"flipped": True}),
            (["--method", "loop"], {}),
            (["--method", "toeplitz"], {}),
        ],
    )  # fmt: skip
    def test_options(self, filtered, arguments, options):
        pixels = random((9, 10))
        found, _ = filtered(literal(ASYMMETRIC), pixels, *arguments)
        assert np.array_equal(found, shown(exact(pixels, ASYMMETRIC, **options)))

    @pytest.mark.parametrize("method", ["direct", "im2col", "fft", "auto"])
    def test_halves_go_to_the_even_number_with_every_method(self, filtered, method):
        pixels, kernel = random((40, 40)), np.ones((16, 16), int).tolist()
        found, _ = filtered(literal(kernel), pixels, "--scale", "1/256", "--method", method)
        values = exact(pixels, kernel) / 256
        assert sum(v.denominator == 2 for v in values.ravel()) > 3
        assert np.array_equal(found, shown(values))

    def test_named_kernels(self, filtered):
        pixels = random((9, 9), "uint16")
        for name in kernels.names():
            found, document = filtered(name, pixels, "--force")
            values = exact(pixels, kernels.named(name).tolist())
            assert np.array_equal(found, shown(values, "uint16"))
            assert document["kernel"] == name

    def test_a_kernel_in_a_file(self, filtered):
        np.save("kernel.npy", np.array(ASYMMETRIC, np.int16).T)
        pixels = random((9, 9))
        found, _ = filtered("kernel.npy", pixels)
        assert np.array_equal(found, shown(exact(pixels, np.transpose(ASYMMETRIC).tolist())))


class TestBrightness:
    @pytest.mark.parametrize(
        ("arguments", "change"),
        [
            (["--abs"], abs),
            (["--offset", "128"], lambda v: v + 128),
            (["--scale", "1/8", "--offset", "128"], lambda v: v / 8 + 128),
            (["--scale=-1/3"], lambda v: -v / 3),
            (["--abs", "--scale", "0.1", "--offset", "-2"], lambda v: abs(v) / 10 - 2),
        ],
    )  # fmt: skip
    def test_what_is_below_zero_can_be_shown(self, filtered, arguments, change):
        pixels = random((12, 13, 3))
        found, document = filtered(literal(SOBEL), pixels, *arguments)
        values = exact(pixels, SOBEL)
        assert np.array_equal(found, shown(values, change=change))
        changed = [change(v) for v in values.ravel()]
        low, high = document["before_clipping"]
        assert low == pytest.approx(float(min(changed)), rel=1e-15)
        assert high == pytest.approx(float(max(changed)), rel=1e-15)

    def test_normalize_goes_from_black_to_white(self, filtered):
        pixels = random((12, 13))
        found, document = filtered(literal(SOBEL), pixels, "--normalize")
        values = exact(pixels, SOBEL)
        low, high = values.min(), values.max()
        assert np.array_equal(found, shown((values - low) * Fraction(255) / (high - low)))
        assert document["clipped"] == 0
        assert (found.min(), found.max()) == (0, 255)

    def test_normalize_where_all_is_alike(self, filtered):
        found, _ = filtered("[[1, -1]]", np.full((4, 4), 9, np.uint8), "--normalize")
        assert not found.any()

    @pytest.mark.parametrize(("before", "after"), [("uint8", "uint16"), ("uint16", "uint8")])
    def test_white_stays_white_in_another_depth(self, filtered, before, after):
        pixels = random((6, 7), before)
        pixels[:3] = WHITE[before]
        depth = str(8 * np.dtype(after).itemsize)
        found, _ = filtered("identity", pixels, "--depth", depth)
        ratio = Fraction(WHITE[after], WHITE[before])
        assert np.array_equal(found, shown(exact(pixels, [[1]]) * ratio, after))
        assert (found[:3] == WHITE[after]).all()


class TestFloats:
    def test_an_array_gets_the_numbers_as_they_are(self, filtered):
        pixels = random((7, 8, 4))
        found, document = filtered(literal(SOBEL), pixels, "-o", "out.npy")
        assert found.dtype == np.float64
        assert np.array_equal(found[..., :3], exact(pixels[..., :3], SOBEL).astype(float))
        assert np.array_equal(found[..., 3], pixels[..., 3])
        assert document["clipped"] == 0

    def test_a_float_tiff(self, filtered):
        pixels = random((7, 8))
        found, _ = filtered(literal(SOBEL), pixels, "-o", "out.tiff", "--depth", "float")
        assert found.dtype == np.float32
        assert np.array_equal(found, exact(pixels, SOBEL).astype(float))

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_floats_stay_floats(self, filtered, dtype):
        pixels = (random((7, 8)) / 256).astype(dtype)
        found, _ = filtered(literal(SOBEL), pixels, suffix=".npy")
        assert found.dtype == dtype
        assert np.array_equal(found, exact(pixels, SOBEL).astype(float))

    def test_one_is_white_in_floats_and_bools(self, filtered):
        found, _ = filtered(
            "[[0.5]]", np.array([[0, 1.0, 0.2, 3]]), "-o", "a.png", "--depth", 8, suffix=".npy"
        )
        assert found.tolist() == [[0, 128, 26, 255]]  # 127.5 to the even one, 25.5 too
        found, _ = filtered(
            "identity", np.array([[True, False]]), "-o", "b.png", "--depth", 16, suffix=".npy"
        )
        assert found.tolist() == [[65535, 0]]

    def test_no_pixel_shows_what_is_no_number(self, run):
        np.save("in.npy", np.array([[np.nan, 1.0]]))
        status, out, err = run("[[1]]", "in.npy", "-o", "out.png", "--depth", 8)
        assert (status, out) == (2, "")
        assert "1 numbers of the result are not finite" in err
        assert not os.path.exists("out.png")


class TestPictures:
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".webp"])
    def test_formats_without_loss(self, filtered, suffix):
        pixels = random((8, 9, 3))
        found, _ = filtered(literal(SOBEL), pixels, suffix=suffix)
        assert np.array_equal(found, shown(exact(pixels, SOBEL)))

    def test_jpeg(self, filtered):
        """What is read is what Pillow reads; what is written is as near as JPEG comes."""
        pixels = np.repeat(np.arange(0, 256, 16, dtype=np.uint8)[:, None], 16, axis=1)
        found, _ = filtered("identity", pixels, suffix=".jpg")
        assert np.abs(found.astype(int) - read("in.jpg")).max() <= 4

    def test_a_palette_becomes_colours(self, run):
        from PIL import Image

        colours = random((4, 3), seed=1)
        index = random((6, 7)) % 4
        image = Image.fromarray(index, "L").convert("P")
        image.putdata(index.ravel().tolist())
        image.putpalette(colours.ravel().tolist())
        image.save("in.png")
        assert run("identity", "in.png", "-o", "out.png")[0] == 0
        assert np.array_equal(read("out.png"), colours[index])
        image.save("in.gif", transparency=2)
        assert run("identity", "in.gif", "-o", "clear.png")[0] == 0
        assert np.array_equal(read("clear.png")[..., :3], colours[index])
        assert np.array_equal(read("clear.png")[..., 3], np.where(index == 2, 0, 255))

    def test_black_and_white(self, run):
        from PIL import Image

        Image.fromarray(np.array([[True, False, True]])).save("in.png")
        assert run("identity", "in.png", "-o", "out.png")[0] == 0
        assert read("out.png").tolist() == [[255, 0, 255]]

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_picture_turned_by_the_camera_is_set_upright(self, run, orientation):
        from PIL import Image

        pixels = random((4, 6))
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(pixels).save("in.png", exif=exif)
        assert run("identity", "in.png", "-o", "out.png")[0] == 0
        turned = pixels.T if orientation > 4 else pixels
        rows, columns = {
            1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1),
            5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1),
        }[orientation]  # fmt: skip
        assert np.array_equal(read("out.png"), turned[::rows, ::columns])
        with Image.open("out.png") as image:
            assert image.getexif().get(0x0112, 1) == 1

    def test_a_damaged_note_of_the_orientation_is_no_damaged_picture(self, run):
        from PIL import Image

        pixels = random((4, 6))
        Image.fromarray(pixels).save("in.png", exif=b"Exif\0\0" + b"\xff" * 20)
        assert run("identity", "in.png", "-o", "out.png")[0] == 0
        assert np.array_equal(read("out.png"), pixels)

    def test_inks_become_light(self, run):
        from PIL import Image

        Image.fromarray(random((4, 6, 4)), "CMYK").save("in.tiff")
        with Image.open("in.tiff") as image:
            expected = np.asarray(image.convert("RGB"))
        assert run("identity", "in.tiff", "-o", "out.png")[0] == 0
        assert np.array_equal(read("out.png"), expected)

    def test_the_colour_profile_is_kept(self, run):
        from PIL import Image, ImageCms

        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.fromarray(random((4, 4, 3))).save("in.png", icc_profile=profile)
        assert run("identity", "in.png", "-o", "out.tiff")[0] == 0
        with Image.open("out.tiff") as image:
            assert image.info["icc_profile"] == profile

    def test_the_first_of_several_frames(self, run):
        from PIL import Image

        frames = [Image.fromarray(random((4, 5), seed=s)) for s in (1, 2)]
        frames[0].save("in.tiff", save_all=True, append_images=frames[1:])
        status, out, _ = run("identity", "in.tiff", "-o", "out.png")
        assert status == 0
        assert out.endswith(", the first of 2 frames\n")
        assert np.array_equal(read("out.png"), random((4, 5), seed=1))

    def test_colours_of_16_bits_are_refused_and_not_cut(self, run):
        import struct
        import zlib

        rows = b"".join(b"\0" + bytes(range(18)) for _ in range(2))  # 3 x 2 pixels of 6 bytes

        def chunk(kind, content):
            check = struct.pack(">I", zlib.crc32(kind + content))
            return struct.pack(">I", len(content)) + kind + content + check

        header = struct.pack(">IIBBBBB", 3, 2, 16, 2, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        content = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)
        Path("in.png").write_bytes(content)
        status, _, err = run("identity", "in.png", "-o", "out.png")
        assert status == 2
        assert "16-bit" in err
        assert "of shape (H, W, C)" in err


class TestTheLine:
    def test_it_says_what_was_done(self, run):
        np.save("in.npy", np.array([[0, 10, 20], [0, 10, 20]], np.uint8))
        status, out, err = run("[[1, -1]]", "in.npy", "-o", "out.png", "--padding", "valid")
        assert (status, err) == (0, "")
        assert out.splitlines() == [
            "out.png: [[1, -1]] of in.npy, 2x3 -> 2x2, -10 to -10, 4 of 4 pixels clipped",
            "4 pixels were below 0: --abs or --offset 128 shows them",
        ]

    def test_the_advice_has_room_for_the_range(self, filtered, run):
        pixels = random((30, 30))
        _, document = filtered(literal(SOBEL), pixels)
        assert document["below_black"]
        _, out, _ = run(literal(SOBEL), "in.png", "-o", "a.png")
        assert "--scale 1/8 --offset 128 shows them" in out
        options = ("--scale", "1/8", "--offset", "128", "--force")
        _, document = filtered(literal(SOBEL), pixels, *options)
        assert document["clipped"] == 0

    def test_what_sharpening_clips_is_no_derivative(self, run):
        write("in.png", random((9, 9)))
        status, out, _ = run("sharpen", "in.png", "-o", "out.png", "--json")
        assert json.loads(out)["apply"]["below_black"] > 0
        _, out, _ = run("sharpen", "in.png", "-o", "out.png", "--force")
        assert (status, out.count("\n")) == (0, 1)

    def test_one_line_where_nothing_is_lost(self, run):
        write("in.png", random((4, 4)))
        for arguments in (["--abs"], ["--offset", "128"], ["--normalize"]):
            _, out, _ = run("[[1, -1]]", "in.png", "-o", "out.png", "--force", *arguments)
            assert out.count("\n") == 1
            assert "of 16 pixels clipped" in out
        _, out, _ = run("box", "in.png", "-o", "out.png", "--force")
        assert ", 0 of 16 pixels clipped\n" in out


class TestTheFile:
    def test_the_image_is_never_written_to(self, run):
        write("in.png", random((4, 4)))
        before = Path("in.png").read_bytes()
        os.symlink("in.png", "link.png")
        os.link("in.png", "other name.png")
        for out in ("in.png", "./in.png", "link.png", "other name.png"):
            for force in ([], ["--force"]):
                status, _, err = run("box", "in.png", "-o", out, *force)
                assert status == 2
                assert "is IMAGE itself" in err
        assert Path("in.png").read_bytes() == before

    def test_nor_is_the_kernel(self, run):
        np.save("k.npy", np.ones((3, 3)))
        write("in.png", random((4, 4)))
        status, _, err = run("k.npy", "in.png", "-o", "k.npy", "--force")
        assert status == 2
        assert "is KERNEL itself" in err
        assert np.load("k.npy").shape == (3, 3)

    def test_what_exists_is_replaced_only_by_force(self, run):
        write("in.png", random((4, 4)))
        write("out.png", random((2, 2)))
        status, _, err = run("identity", "in.png", "-o", "out.png")
        assert (status, "--force" in err) == (2, True)
        assert read("out.png").shape == (2, 2)
        assert run("identity", "in.png", "-o", "out.png", "--force")[0] == 0
        assert np.array_equal(read("out.png"), read("in.png"))

    def test_it_is_written_whole_or_not_at_all(self, run, monkeypatch):
        write("in.png", random((4, 4)))
        write("out.png", random((2, 2)))

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        status, _, err = run("identity", "in.png", "-o", "out.png", "--force")
        assert status == 2
        assert "No space left" in err
        assert read("out.png").shape == (2, 2)
        assert sorted(os.listdir()) == ["in.png", "out.png"]

    def test_a_result_that_is_refused_leaves_nothing(self, run):
        write("in.png", random((4, 4)))
        assert run("box", "in.png", "-o", "out.png", "--padding", "((9")[0] == 2
        assert os.listdir() == ["in.png"]


class TestMisuse:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["sobel", "in.png", "-o", "o.png"], "KERNEL: no kernel is called 'sobel' (did you"),
            (["in.png", "sobel-x", "-o", "o.png"], "KERNEL comes before IMAGE"),
            (["[[1, -1]", "in.png", "-o", "o.png"], "KERNEL: '[[1, -1]' is no list of numbers"),
            (["no.npy", "in.png", "-o", "o.png"], "KERNEL: 'no.npy' cannot be read: No such file"),
            (["row.npy", "in.png", "-o", "o.png"], "numpy.atleast_2d(k) makes it a row"),
            (["nan.npy", "in.png", "-o", "o.png"], "'nan.npy' holds numbers that are not finite"),
            (["complex.npy", "in.png", "-o", "o.png"], "holds complex128"),
            (["box", "no.png", "-o", "o.png"], "IMAGE: 'no.png' cannot be read: No such file"),
            (["box", "cut.png", "-o", "o.png"], "IMAGE: 'cut.png' cannot be read, it is damaged"),
            (["box", "text.png", "-o", "o.png"], "it is no picture in a format that Pillow knows"),
            (["box", ".", "-o", "o.png"], "IMAGE: '.' cannot be read"),
            (["box", "int64.npy", "-o", "o.png"], "x.astype('float64') keeps numbers"),
            (["box", "planes.npy", "-o", "o.png"], "numpy.moveaxis(x, 0, -1) puts the channels"),
            (["box", "empty.npy", "-o", "o.png"], "holds an array of shape (0, 4)"),
            (["box", "in.png", "-o", "o.gif"], "OUT: 'o.gif' does not end in one of .png, .jpg"),
            (["box", "in.png", "-o", "o"], "OUT: 'o' does not end in one of .png, .jpg"),
            (["box", "in.png", "-o", "no/o.png"], "the folder"),
            (["box", "in.png", "-o", "a.png"], "OUT: 'a.png' is a folder: name a file"),
            (["box", "deep.png", "-o", "o.jpg"], "a .jpg holds no 16-bit grey: use .png or .tif"),
            (["box", "alpha.png", "-o", "o.bmp"], "holds no 8-bit colours with alpha: use .png"),
            (["box", "float.npy", "-o", "o.png"], "holds no float grey: use .tif or .tiff or .npy,"
             " or --depth 8"),
            (["box", "in.png", "-o", "o.png", "--stride", "0"], "stride must be at least 1"),
            (["box", "in.png", "-o", "o.png", "--padding", "no"], "--padding: got 'no', and takes"),
            (["box", "in.png", "-o", "o.png", "--padding-mode", "mirror"], "mean 'reflect'"),
            (["box", "in.png", "-o", "o.png", "--method", "nativ"], "did you mean 'native'?"),
            (["box", "in.png", "-o", "o.png", "--backend", "tensorflow"], "--backend: there is no"),
            (["box", "in.png", "-o", "o.png", "--scale", "x"], "--scale: got 'x', and takes"),
            (["box", "in.png", "-o", "o.png", "--scale", "1/0"], "--scale: got '1/0', and takes"),
            (["box", "in.png", "-o", "o.png", "--scale", "1e999"], "--scale: got '1e999'"),
            (["box", "in.png", "-o", "o.png", "--scale=-1e-99999999"], "--scale: got '-1e-99999"),
            (["box", "in.png", "-o", "o.png", "--scale", "0"], "--scale: got '0', and takes"),
            (["box", "in.png", "-o", "o.png", "--scale", "1/2/3"], "--scale: got '1/2/3', and"),
            (["box", "in.png", "-o", "o.png", "--offset", "nan"], "--offset: got nan, and takes"),
            (["box", "in.png", "-o", "o.png", "--normalize", "--scale", "2"], "--normalize: "),
            (["large.npy", "in.png", "-o", "o.png", "--padding", "valid"],
             "--padding same with --padding-mode replicate always fits"),
        ],
    )  # fmt: skip
    def test_is_one_line_that_says_what_would_work(self, run, arguments, message):
        write("in.png", random((5, 4)))
        write("deep.png", random((5, 4), "uint16"))
        write("alpha.png", random((5, 4, 4)))
        np.save("row.npy", np.ones(3))
        np.save("nan.npy", np.full((2, 2), np.nan))
        np.save("complex.npy", np.ones((2, 2), complex))
        np.save("large.npy", np.ones((11, 11)))
        np.save("int64.npy", np.ones((4, 4), np.int64))
        np.save("planes.npy", np.ones((3, 32, 32), np.uint8))
        np.save("empty.npy", np.ones((0, 4), np.uint8))
        np.save("float.npy", np.ones((4, 4)))
        os.mkdir("a.png")
        Path("cut.png").write_bytes(Path("in.png").read_bytes()[:50])
        Path("text.png").write_text("no picture")
        status, out, err = run(*arguments)
        assert (status, out) == (2, "")
        assert err.startswith("multiconv: error: ")
        assert err.count("\n") == 1
        assert message in err
        assert not any(os.path.exists(name) for name in ("o.png", "o.jpg", "o.bmp", "o.gif", "o"))

    def test_a_kernel_that_is_larger_than_the_image_fits_with_the_default_border(self, filtered):
        pixels, kernel = random((5, 4)), np.ones((11, 11), int).tolist()
        found, _ = filtered(literal(kernel), pixels, "--scale", "1/121")
        assert np.array_equal(found, shown(exact(pixels, kernel) / 121))

    def test_without_pillow(self, run, monkeypatch):
        write("in.png", random((4, 4)))
        np.save("in.npy", random((4, 4)))
        monkeypatch.setitem(sys.modules, "PIL", None)
        for image, out in (("in.png", "out.npy"), ("in.npy", "out.png")):
            status, _, err = run("box", image, "-o", out)
            assert status == 2
            assert install_line("image", "pillow") in err
        assert run("box", "in.npy", "-o", "out.npy")[0] == 0
