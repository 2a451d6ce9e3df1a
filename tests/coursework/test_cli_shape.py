"""`multiconv shape`: sizes, formulas and counts against torch, the plan and the definition."""

import json
import math

import oracle
import pytest

import multiconv
from multiconv import cli
from multiconv.coursework import layer_text


@pytest.fixture
def run(capsys):
    """The exit status, stdout and stderr of `multiconv shape`."""

    def run(*arguments):
        status = cli.main(["shape", *arguments])
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def document(run):
    """The JSON document of `multiconv shape`."""

    def document(*arguments):
        status, out, err = run(*arguments, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)["shape"]

    return document


def computed(formula):
    """The two sides of a formula, the left one by Python's arithmetic."""
    left, right = formula.rsplit(" = ", 1)
    return eval(left.replace("/", "//"), {"floor": int}), int(right)


def typed(line):
    """The arguments of a command line without quotes."""
    return line.split()


SINGLE = [
    (["32x32", "-k", "3", "-s", "2", "-p", "1"], (32, 32), (3, 3), 2, 1, 1),
    (["8x8", "-k", "3x5", "-s", "3x4", "-p", "0x1"], (8, 8), (3, 5), (3, 4), (0, 1), 1),
    (["9x7", "-k", "4x2", "-p", "same", "-s", "2"], (9, 7), (4, 2), 2, "same", 1),
    (["9x7", "-k", "4x2", "-p", "same_lower", "-d", "2"], (9, 7), (4, 2), 1, "same_lower", 2),
    (["9x7", "-k", "4x2", "-p", "full", "-d", "2x1"], (9, 7), (4, 2), 1, "full", (2, 1)),
    (["9x7", "-k", "3", "-p", "((0, 1), (2, 2))"], (9, 7), (3, 3), 1, ((0, 1), (2, 2)), 1),
    (["99", "-k", "9", "-d", "3"], (99,), (9,), 1, 0, 3),
    (["-k", "2x3x1", "9x8x7", "--stride", "2"], (9, 8, 7), (2, 3, 1), 2, 0, 1),
]


class TestASingleLayer:
    @pytest.mark.parametrize(
        ("arguments", "size", "kernel", "stride", "padding", "dilation"), SINGLE
    )
    def test_the_size_and_the_pads(
        self, document, arguments, size, kernel, stride, padding, dilation
    ):
        found = document(*arguments)
        expected = oracle.output_size(size, kernel, stride, padding, dilation)
        pads = oracle.resolve_pads(padding, size, kernel, stride, dilation)
        [layer] = found["layers"]
        assert tuple(found["output"]) == expected
        assert layer["padding"] == [list(pair) for pair in pads]
        assert [computed(text) for text in layer["formulas"]] == [(n, n) for n in expected]
        field = multiconv.receptive_field((kernel, stride, pads, dilation))
        assert (tuple(found["receptive_field"]), tuple(found["jump"])) == (field.size, field.jump)
        assert found["parameters"] is found["multiply_adds"] is None

    def test_the_formula_is_filled_in(self, run):
        status, out, _ = run("32x30", "-k", "3", "-s", "2", "-p", "1")
        assert status == 0
        assert out.splitlines() == [
            "32x30 -> 16x15",
            "height  floor((32 + 2*1 - 1*(3 - 1) - 1)/2) + 1 = 16",
            "width   floor((30 + 2*1 - 1*(3 - 1) - 1)/2) + 1 = 15",
            "sees    3x3 pixels, neighbours 2x2 apart",
        ]

    def test_a_name_is_resolved(self, run):
        _, out, _ = run("9x8", "-k", "4", "-p", "same_lower")
        assert "floor((9 + 2 + 1 - 1*(4 - 1) - 1)/1) + 1 = 9" in out
        assert "padding  same_lower is ((2, 1), (2, 1))" in out

    def test_transposed(self, document, run):
        arguments = ["14x7", "-k", "4", "-s", "2", "-p", "1", "--transposed", "--output-padding"]
        found = document(*arguments, "0x1")
        assert found["output"] == [28, 15]
        assert [computed(text) for text in found["layers"][0]["formulas"]] == [(28, 28), (15, 15)]
        assert found["receptive_field"] is None
        _, out, _ = run(*arguments, "0x1")
        assert "width   (7 - 1)*2 - 2*1 + 1*(4 - 1) + 1 + 1 = 15" in out


class TestAStack:
    def test_options_with_a_stroke_between_layers(self, document):
        found = document(*typed("224x224 -k 7 -s 2 -p 3 / -k 3 -s 2 -p same / -k 3 -d 2"))
        sizes = [layer["output"] for layer in found["layers"]]
        assert sizes == [[112, 112], [56, 56], [52, 52]]
        # The second layer pads one pixel at the end alone: 112 is even.
        field = multiconv.receptive_field((7, 2, 3), (3, 2, ((0, 1), (0, 1))), (3, 1, 0, 2))
        assert tuple(found["receptive_field"]) == field.size
        assert tuple(found["jump"]) == field.jump == (4, 4)

    def test_the_table(self, run):
        status, out, _ = run(
            "1x28x28", "nn.Conv2d(1, 6, 5, padding=2)", "ReLU()", "torch.nn.MaxPool2d(2)",
            "Sequential(Conv2d(6, 16, 5), AvgPool2d(2)), Flatten()", "Linear(400, 10)",
        )  # fmt: skip
        assert status == 0
        assert out.splitlines() == [
            "layer                         output  params  mult-adds  field  jump",
            "input                        1x28x28",
            "Conv2d(1, 6, 5, padding=2)   6x28x28     156    117,600      5     1",
            "ReLU()                       6x28x28       0          0      5     1",
            "MaxPool2d(2)                 6x14x14       0          0      6     2",
            "Conv2d(6, 16, 5)            16x10x10   2,416    240,000     14     2",
            "AvgPool2d(2)                  16x5x5       0          0     16     4",
            "Flatten()                        400       0          0      -     -",
            "Linear(400, 10)                   10   4,010      4,000      -     -",
            "total                                  6,582    361,600",
            "",
            "field: input pixels that one output sees; jump: from there to what the next sees",
        ]

    def test_it_fits_80_columns(self, run):
        layers = ["Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)"]
        layers += ["MaxPool2d(kernel_size=3, stride=2, padding=1)"]
        layers += ["Conv2d(64, 64, 3, padding=1, groups=1, padding_mode='zeros')"] * 4
        _, out, _ = run("64x3x224x224", *layers)
        assert max(map(len, out.splitlines())) <= 80
        assert "Conv2d(3, 64, k" in out

    def test_this_packages_own_layers(self, document):
        found = document("2x3x9x8", "Conv2D(3, in_channels=3, out_channels=6, padding='same')")
        assert found["output"] == [2, 6, 9, 8]
        assert found["parameters"] == 6 * 3 * 9 + 6
        assert document("1x9x8", "Conv2D((1, 2), bias=False)")["parameters"] == 2

    @pytest.mark.parametrize(
        ("x", "weight", "text", "options"),
        [
            ((2, 4, 9, 8), (6, 4, 3, 2), "Conv2d(4, 6, (3, 2), 2, 1)",
             {"stride": 2, "padding": 1}),
            ((4, 9, 8), (6, 2, 3, 3), "Conv2d(4, 6, 3, groups=2, dilation=2)",
             {"groups": 2, "dilation": 2}),
            ((2, 4, 9), (4, 1, 5), "Conv1d(4, 4, 5, groups=4, padding='same')",
             {"groups": 4, "padding": "same"}),
            ((1, 2, 5, 6, 7), (3, 2, 2, 3, 3), "Conv3d(2, 3, (2, 3, 3))", {}),
            ((2, 6, 9, 8), (6, 4, 4, 4), "ConvTranspose2d(6, 8, 4, 2, 1, 1, 2)",
             {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "transposed": True}),
        ],
    )  # fmt: skip
    def test_multiply_adds_and_shapes_are_those_of_the_plan(
        self, document, x, weight, text, options
    ):
        plan = multiconv.plan(x, weight, backend="numpy", **options)
        found = document("x".join(map(str, x)), text)
        assert tuple(found["output"]) == plan.output_shape
        assert found["multiply_adds"] == plan.multiply_adds
        bias = weight[1] * options.get("groups", 1) if "transposed" in options else weight[0]
        assert found["parameters"] == math.prod(weight) + bias


TORCH = [
    ("1x28x28", ["Conv2d(1, 6, 5, padding=2)", "Sigmoid()", "AvgPool2d(kernel_size=2, stride=2)",
                 "Conv2d(6, 16, 5)", "Sigmoid()", "AvgPool2d(2)", "Flatten()", "Linear(400, 120)"]),
    ("3x61x47", ["Conv2d(3, 8, (7, 3), stride=(2, 1), padding=(3, 0), bias=False)",
                 "BatchNorm2d(8)", "ReLU(inplace=True)", "MaxPool2d(3, 2, 1)",
                 "Conv2d(8, 8, 3, 1, 2, 2, 4)", "PReLU(8)", "AdaptiveAvgPool2d((3, None))"]),
    ("4x33", ["Conv1d(4, 6, 3, padding='same', dilation=2)", "BatchNorm1d(6, affine=False)",
              "MaxPool1d(4, dilation=2)", "ConvTranspose1d(6, 2, 4, 3, 1, 2)"]),
    ("2x9x10x11", ["Conv3d(2, 4, (1, 2, 3), (1, 2, 2))", "Dropout3d(0.3)", "AvgPool3d((2, 1, 2))",
                   "ConvTranspose3d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2, "
                   "bias=False)", "AdaptiveMaxPool3d(2)", "GELU()", "Flatten()",
                   "Linear(16, 3, bias=False)"]),
    ("6x8x8", ["ConvTranspose2d(6, 3, 3, 2, 1, 1, 3, True, 2)", "Hardswish()"]),
]  # fmt: skip


@pytest.mark.needs_backend("torch")
@pytest.mark.parametrize(("shape", "layers"), TORCH)
@pytest.mark.parametrize("batch", [None, 2])
def test_torch_has_the_same_sizes_and_parameters(document, shape, layers, batch):
    import torch

    names = {name: getattr(torch.nn, name) for name in dir(torch.nn)}
    modules = [eval(text, names) for text in layers]
    sizes = [int(n) for n in shape.split("x")]
    x = torch.zeros(batch or 1, *sizes)  # always a batch: Flatten and BatchNorm need one
    given = sizes if batch is None else [batch, *sizes]
    found = document("x".join(map(str, given)), *layers)
    for module, layer in zip(modules, found["layers"], strict=True):
        x = module(x)
        assert layer["output"] == list(x.shape if batch else x.shape[1:])
        assert layer["parameters"] == sum(p.numel() for p in module.parameters())


class TestWhatASingleOutputSees:
    def test_it_is_where_the_gradient_goes(self, document):
        """A one in the middle of the output, through the adjoints of all layers."""
        import numpy as np

        found = document(*typed("31x40 -k 3x5 -s 2 -p 1 / -k 2 -d 3 -p ((0,1),(2,0)) / -k 4x1"))
        stack = [((3, 5), 2, 1, 1), ((2, 2), 1, ((0, 1), (2, 0)), 3), ((4, 1), 1, 0, 1)]
        sizes = [(31, 40), *(tuple(layer["output"]) for layer in found["layers"])]
        seen = []
        for shift in (0, 1):
            grad = np.zeros((1, 1, *sizes[-1]), np.int64)
            grad[0, 0, 4 + shift, 9 + shift] = 1
            for (kernel, stride, padding, dilation), size in zip(
                reversed(stack), reversed(sizes[:-1]), strict=True
            ):
                ones = np.ones((1, 1, *kernel), np.int64)
                grad = oracle.input_grad(grad, ones, size, stride, padding, dilation)
            seen.append([np.flatnonzero(grad[0, 0].any(axis=1 - axis)) for axis in (0, 1)])
        assert found["receptive_field"] == [int(at[-1] - at[0]) + 1 for at in seen[0]]
        jump = [int(b[0] - a[0]) for a, b in zip(*seen, strict=True)]
        assert found["jump"] == jump


class TestMisuse:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["32x"], "SHAPE: got '32x', and takes sizes with an x between them"),
            (["9" * 5000, "-k", "3"], "SHAPE: got '999"),
            (["32x32"], 'there is no layer: for example -k 3 -s 2 -p 1, or "Conv2d(1, 6, 5)"'),
            (["32x32", "-s", "2"], "-k: every layer needs a kernel size"),
            (["32x32", "-k", "3", "/"], "-k: every layer needs a kernel size"),
            (["3x32x32", "-k", "3x3"], "beside -k it is the image's size without channels"),
            (["32x32", "-k", "3", "-p", "smae"], "--padding: got 'smae', and takes valid, same"),
            (["32x32", "-k", "3", "-s", "0"], "stride must be at least 1"),
            (["32x32", "-k", "3", "--output-padding", "1"], "is for --transposed"),
            (["32x32", "-k", "3", "--transposed", "--output-padding", "1"], "at most 0 works"),
            (["5x5", "-k", "7"], "padding 1 on all sides fits"),
            (["5x5", "-k", "3", "-d", "4", "-p", "1"], "padding 2 on all sides fits"),
            (["5x5", "-k", "2", "/", "-k", "5"], "layer 2, -k 5: the kernel is larger"),
            (["1x9x9", "ReLU()", "-k", "3"], "by options or as text, not both"),
            (["1x9x9", "Conv2d(1, 6"], "LAYER: 'Conv2d(1, 6' is no layer: layers are written"),
            (["1x9x9", "3"], "LAYER: '3' is no layer"),
            (["1x9x9", "x()()"], "LAYER: 'x()()' is no layer"),
            (["1x9x9", "()"], "there is no layer"),
            (["1x9x9", "Conv2d(1, 6)"], "missing a required argument: 'kernel_size'; it is"),
            (["1x9x9", "Conv2d(1, 6, 3, pad=1)"], "unexpected keyword argument 'pad'"),
            (["1x9x9", "Conv2d(1, 6, 3, padding='smae')"], "did you mean 'same'?"),
            (["1x9x9", "conv2d(1, 6, 3)"], "no layer is called conv2d; did you mean Conv2d?"),
            (["1x9x9", "Embedding(3)"], "no layer is called Embedding; there are Conv1d"),
            (["1x9x9", "Conv2d(1, 6, n)"], "its arguments must be numbers, words, True or False"),
            (["1x9x9", "Conv2d(*[1, 6, 3])"], "its arguments must be numbers"),
            (["1x9x9", "Conv2d(**{'a': 1})"], "Conv2d"),
            (["1x9x9", "Conv2D(16, 16, 3)"], "too many positional arguments"),
            (["2x9x9", "Conv2d(1, 6, 3)"], "in_channels=1, but 2x9x9 comes in: in_channels=2 fits"),
            (["1x9x9", "Conv2d(1, 6, 3)", "BatchNorm2d(5)"], "layer 2, BatchNorm2d(5): num_fea"),
            (["9x9", "Conv2d(1, 6, 3)"], "takes CxHxW or NxCxHxW, and the shape has 2 axes: 1x9x9"),
            (["1x1x1x9x9", "Conv2d(1, 6, 3)"], "the shape has 5 axes: 1x9x9 fits"),
            (["9x9", "MaxPool2d(2)", "Conv2d(3, 6, 3)"], "the shape has 2 axes: 3x9x9 fits"),
            (["9x9", "Conv1d(9, 6, 3)", "Conv2d(6, 6, 3)"], "takes 2 spatial axes, but 6x7 comes"),
            (["9x9", "Linear(9, 4)", "Conv2d(4, 6, 3)"], "takes 2 spatial axes, but 9x4 comes"),
            (["1x9x9", "Conv2d(1, 6, 3)", "Linear(294, 10)"], "put Flatten() before it"),
            (["1x9x9", "Conv2d(1, 6, 3)", "Flatten()", "Linear(290, 10)"],
             "in_features=290, but 294 comes in: in_features=294 fits"),
            (["1x9x9", "Conv2d(1, 6, 12)"], "padding 2 on all sides fits"),
            (["4x9x9", "Conv2d(4, 6, 3, groups=3)"], "groups=3 does not divide in_channels=4"),
            (["4x9x9", "MaxPool2d(3, padding=2)"], "is more than half of kernel_size=3: at most 1"),
            (["4x9x9", "MaxPool2d(2, ceil_mode=True)"], "ceil_mode=True is not followed here"),
            (["4x9x9", "Flatten(2)"], "only Flatten() is followed here"),
            (["4x9x9", "AdaptiveAvgPool2d((1, 2, 3))"], "output_size must be an int or 2 of them"),
        ],
    )  # fmt: skip
    def test_is_one_line_that_says_what_would_work(self, run, arguments, message):
        status, out, err = run(*arguments)
        assert (status, out) == (2, "")
        assert err.startswith("multiconv: error: ")
        assert err.count("\n") == 1
        assert message in err

    def test_the_text_is_never_run(self, tmp_path):
        trap = tmp_path / "trap"
        for text in (
            f"open({str(trap)!r}, 'w')",
            f"Conv2d(1, 1, open({str(trap)!r}, 'w'))",
            f"(lambda: open({str(trap)!r}, 'w'))()",
            f"Conv2d(1, 1, [1 for _ in open({str(trap)!r}, 'w')])",
        ):
            with pytest.raises(ValueError, match="Conv2d"):
                list(layer_text.read(text))
        assert not trap.exists()

    def test_what_nests_too_deep(self, run):
        for text in ("(" * 10000, "[" + "-" * 10000 + "1]", "Sequential(" * 3000 + ")" * 3000):
            status, _, err = run("1x9x9", text)
            assert status == 2
            assert "is no layer" in err
