"""For which framework a function is written, and where it stands."""

import pytest

from multiconv.checking import source

FUNCTION = "def corr2d(x, k):\n    return {}\n"


class TestTheFramework:
    @pytest.mark.parametrize(
        ("text", "framework"),
        [
            ("import numpy as np\n" + FUNCTION.format("np.sum(x)"), "numpy"),
            (FUNCTION.format("x"), "numpy"),
            ("import torch\n" + FUNCTION.format("x"), "torch"),
            ("from torch import nn\n" + FUNCTION.format("x"), "torch"),
            ("import torch.nn.functional as F\n" + FUNCTION.format("x"), "torch"),
            ("from d2l import torch as d2l\n" + FUNCTION.format("x"), "torch"),
            ("from multiconv import jax as d2l\n" + FUNCTION.format("x"), "jax"),
            ("import jax.numpy as jnp\n" + FUNCTION.format("jnp.sum(x)"), "jax"),
            ("import torch\nimport jax\n" + FUNCTION.format("jax.numpy.sum(x)"), "jax"),
            ("import numpy as np\nimport torch\n" + FUNCTION.format("torch.sum(x)"), "torch"),
            ("import numpy as np\nimport torch\n" + FUNCTION.format("np.sum(x)"), "numpy"),
            ("from flax import linen\n" + FUNCTION.format("x"), "jax"),
        ],
    )
    def test_it_is_the_one_that_is_used(self, text, framework, tmp_path):
        path = tmp_path / "solution.py"
        path.write_text(text)
        assert source.of_file(path, "corr2d", (), None).framework == framework
        assert source.of_file(path, "corr2d", (), "torch").framework == "torch"


class TestTheName:
    def test_one_that_is_not_there_lists_those_that_are(self, tmp_path):
        path = tmp_path / "solution.py"
        path.write_text(FUNCTION.format("x"))
        with pytest.raises(ValueError, match=r"defines no 'conv'; it defines corr2d"):
            source.of_file(path, "conv", (), None)

    def test_two_tasks_in_a_file_need_a_choice(self, tmp_path):
        path = tmp_path / "solution.py"
        path.write_text(FUNCTION.format("x") + "def im2col(x, k): return x\n")
        with pytest.raises(ValueError, match=r"2 functions \(corr2d, im2col\)"):
            source.of_file(path, None, ("corr2d", "im2col"), None)
