"""`multiconv.check`: what it takes, where the function runs, and what it returns."""

import sys

import numpy as np
import pytest
from subprocesses import run_python

import multiconv as mc
from multiconv.checking.check import check_file
from multiconv.checking.running.runner import Limits


def corr2d(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    return np.einsum("ijkl,kl->ij", windows, k)


class TestTheReport:
    def test_it_is_true_where_all_is_right(self):
        report = mc.check(mc.corr2d, framework="numpy")
        assert report
        assert report.points == report.max_points
        assert report.mistake is None

    def test_its_html_is_a_table(self):
        report = mc.check(lambda x, k: x, task="corr2d")
        assert report._repr_html_().count("<tr>") == report.max_points
        assert "not right" in report._repr_html_()

    def test_our_own_functions_are_right(self):
        for name in ("corr2d", "convolve2d", "im2col"):
            report = mc.check(getattr(mc, name), framework="numpy")
            assert report, str(report)

    def test_a_correlation_is_no_convolution(self):
        assert mc.check(mc.corr2d, "convolve2d", framework="numpy").mistake.key == "not-flipped"

    @pytest.mark.parametrize("framework", ["torch", "jax"])
    def test_our_layers_and_gradients_are_right(self, framework, backend):
        if backend.name == framework:
            report = mc.check(mc.corr2d, framework=framework)
            assert report, str(report)


class TestWhereItRuns:
    def test_a_closure_runs_here_and_the_report_says_so(self):
        scale = np.ones(1)
        report = mc.check(lambda x, k: corr2d(x, k) * scale, task="corr2d")
        assert report
        assert "in this process" in str(report)

    def test_here_random_numbers_stay_as_they_were(self):
        np.random.seed(5)  # noqa: NPY002
        expected = np.random.rand()  # noqa: NPY002
        np.random.seed(5)  # noqa: NPY002
        mc.check(lambda x, k: corr2d(x, k) + 0, task="corr2d")
        assert np.random.rand() == expected  # noqa: NPY002

    def test_a_function_of_a_script_runs_elsewhere_without_the_rest(self, tmp_path):
        script = tmp_path / "script.py"
        script.write_text(
            "import os\nimport numpy as np\nimport multiconv as mc\n"
            "SCALE = 1\n"
            "def helper(x, k):\n"
            "    return np.lib.stride_tricks.sliding_window_view(x, k.shape)\n"
            "def corr2d(x, k):\n"
            "    if x.shape == (7, 4):\n"
            "        os._exit(3)\n"
            "    return SCALE * np.einsum('ijkl,kl->ij', helper(x, k), k)\n"
            "print('once')\n"
            "report = mc.check(corr2d)\n"
            "print(report.points, report.mistake.key, report.protection)\n"
        )
        said = run_python(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
        assert said.splitlines()[0] == "once"
        assert said.splitlines()[1] == "12 exit", said

    def test_a_file_that_checks_itself_can_be_checked(self, tmp_path):
        path = tmp_path / "solution.py"
        lines = ["import multiconv as mc", "def corr2d(x, k):", "    return mc.corr2d(x, k)"]
        path.write_text("\n".join([*lines, "assert mc.check(corr2d)"]))
        assert check_file(path, None, None, None, Limits(), 0)

    def test_rows_of_numbers_are_an_array(self, tmp_path):
        path = tmp_path / "homework.py"
        path.write_text(
            "def corr2d(x, k):\n"
            "    rows, columns = range(len(k)), range(len(k[0]))\n"
            "    return [\n"
            "        [sum(x[i + a][j + b] * k[a][b] for a in rows for b in columns)\n"
            "         for j in range(len(x[0]) - len(k[0]) + 1)]\n"
            "        for i in range(len(x) - len(k) + 1)\n"
            "    ]\n"
        )
        assert check_file(path, None, None, None, Limits(), 0)

    def test_padding_by_one_is_told(self, tmp_path):
        path = tmp_path / "homework.py"
        path.write_text(
            "import numpy as np\nimport multiconv as mc\n"
            "def corr2d(x, k):\n    return mc.corr2d(np.pad(x, 1), k)\n"
        )
        report = check_file(path, None, None, None, Limits(), 0)
        assert report.mistake.key == "padded"
        assert "by 1 on every side" in report.mistake.says

    def test_an_error_has_the_line_of_the_script(self, tmp_path):
        script = tmp_path / "script.py"
        script.write_text(
            "import multiconv as mc\n\n\ndef corr2d(x, k):\n    y = x\n    return y / 0 + nothing\n"
            "print(mc.check(corr2d).line)\n"
        )
        said = run_python(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
        assert said == "6"

    def test_a_class_of_a_notebook_runs_elsewhere_with_its_base(self):
        said = run_python(NOTEBOOK)
        assert said.splitlines() == ["right: 10 of 10", "", "1 of 10", "line 3"], said


# As IPython has it: the cells are no files, but linecache knows their lines.
NOTEBOOK = """
import linecache, os
import multiconv as mc

def run(name, text):
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), globals())

run("<cell 1>", "import numpy as np")
run("<cell 2>", '''
class Base:
    def __init__(self, size):
        self.weight, self.bias = np.zeros(size), np.zeros(1)
''')
run("<cell 3>", '''
import os
class Conv2D(Base):
    def __call__(self, x):
        assert os.environ["MULTICONV_CHECKING"]
        windows = np.lib.stride_tricks.sliding_window_view(x, self.weight.shape)
        return np.einsum("ijkl,kl->ij", windows, self.weight) + self.bias
''')
report = mc.check(Conv2D)
print(f"right: {report.points} of {report.max_points}")
print(report.protection)
run("<cell 4>", '''class Conv2D(Base):
    def __call__(self, x):
        return x * self.weight + self.bias if x.shape == (3, 5) else nothing
''')
report = mc.check(Conv2D)
print(f"{report.points} of {report.max_points}")
print("line", report.line)
"""


class TestErrors:
    def test_what_cannot_be_called(self):
        with pytest.raises(TypeError, match=r"multiconv check FILE\.py:FUNCTION"):
            mc.check("solution.py")

    def test_an_unknown_name_lists_the_tasks(self):
        def mine(x, k):
            return x

        with pytest.raises(ValueError, match="corr2d, convolve2d, im2col"):
            mc.check(mine)

    def test_a_name_that_the_file_has_not(self, tmp_path):
        path = tmp_path / "homework.py"
        path.write_text("import numpy as np\n\ndef corr2d(x, k):\n    return x\n")
        with pytest.raises(ValueError, match=r"defines no 'cor2d'; it defines corr2d"):
            check_file(path, "cor2d", None, None, Limits(), 0)

    def test_an_unknown_task(self):
        with pytest.raises(ValueError, match="did you mean 'corr2d'"):
            mc.check(corr2d, "corr2D")

    def test_limits_that_are_none(self):
        with pytest.raises(ValueError, match="seconds must be positive"):
            mc.check(corr2d, seconds=0)
        with pytest.raises(ValueError, match="memory must be at least 1"):
            mc.check(corr2d, memory=0)

    def test_a_framework_that_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ImportError, match="torch"):
            mc.check(corr2d, framework="torch")
