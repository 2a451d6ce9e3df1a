"""Every example runs as a script on every backend, and prints what it says that it prints."""

import ast
import itertools
import os
import subprocess
import sys

import backends_under_test
import confined
import pytest
from example_files import EXAMPLES, FOLDER, OPTIONAL, Cell, cells, expected, title

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]
HERE = {"ids": lambda value: getattr(value, "stem", None)}


def follows_the_environment(path):
    """Whether an example takes its framework from MULTICONV_BACKEND."""
    return "get_backend()" in path.read_text(encoding="utf-8")


# An example that shows frameworks side by side is the same whatever the variable says.
RUNS = [
    (path, name)
    for path in EXAMPLES
    for name in (FACES if follows_the_environment(path) else FACES[:1])
]


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Where libraries may keep what they keep at home, such as the fonts they have found."""
    return tmp_path_factory.mktemp("home")


def run(script, backend, home, folder):
    """What a script prints, run in ``folder``, where nothing may be written."""
    caches = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "KERAS_HOME")
    caches = (*caches, "NUMBA_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR")
    environment = os.environ | dict.fromkeys(caches, str(home))
    environment |= {"MULTICONV_BACKEND": backend, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PYTHONIOENCODING": "utf-8", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, confined.__file__, str(home), str(script)],
        env=environment,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.rstrip() for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("path", "backend"), RUNS, **HERE)
def test_an_example_prints_what_it_says(path, backend, home, tmp_path):
    says = [line for cell in cells(path) for line in expected(cell)]
    assert run(path, backend, home, tmp_path) == says
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", EXAMPLES, **HERE)
class TestAnExample:
    def test_is_numbered(self, path):
        number, _, name = path.stem.partition("_")
        assert len(number) == 2
        assert [other.name[:2] for other in EXAMPLES].count(number) == 1
        assert name.replace("_", "").isalnum()

    def test_begins_with_its_title(self, path):
        first = cells(path)[0]
        assert not first.is_code
        assert first.text.startswith("# ")
        assert not title(path).endswith(".")

    def test_is_a_page(self, path):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert 30 <= len(lines) <= 120
        assert max(map(len, lines)) <= 88

    def test_has_text_between_its_code(self, path):
        kinds = [cell.is_code for cell in cells(path)]
        assert kinds.count(False) >= 3
        assert (True, True) not in set(itertools.pairwise(kinds))

    def test_names_no_place_of_this_machine(self, path):
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert not [text for text in strings if text.startswith(("/", "~", "http", "\\"))]

    def test_says_what_every_print_prints(self, path):
        for cell in cells(path):
            code = ast.parse("\n".join(cell.lines)).body
            runs = [ast.unparse(node) for node in code if not isinstance(node, ast.FunctionDef)]
            assert cell.printed or not any("print(" in line for line in runs)

    def test_is_in_the_table(self, path):
        row = f"| [{path.name}]({path.name}) | {title(path)} |"
        assert row in (FOLDER / "README.md").read_text(encoding="utf-8")


class TestReading:
    def test_printed_lines_stand_directly_below_code(self):
        lines = ["# why", "print(1)", "# 1", "", "# and now", "print(2)", "print(3)", "# 2", "# 3"]
        assert Cell(is_code=True, lines=lines).printed == ["1", "2", "3"]

    def test_an_empty_line_is_printed_as_a_bare_sign(self):
        assert Cell(is_code=True, lines=["print()", "#", "#  a"]).printed == ["", " a"]

    def test_a_line_of_a_package_that_is_not_there_is_not_expected(self, monkeypatch):
        lines = ["print()", "# numpy 1", "# torch 2", "#  more", "# jax 3"]
        cell = Cell(is_code=True, lines=lines)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert expected(cell) == ["numpy 1"]
        monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
        assert expected(cell) == ["numpy 1", "torch 2", " more", "jax 3"]
        assert "numpy" not in OPTIONAL


class TestRunning:
    """The run notices what it is there to notice."""

    @pytest.mark.parametrize(
        ("code", "what"),
        [
            ("open('stray.txt', 'w')", "writes outside"),
            ("import os; os.mkdir('stray')", "writes outside"),
            ("import pathlib; pathlib.Path('stray').touch()", "writes outside"),
            ("import socket; socket.create_connection(('localhost', 9))", "the network"),
            ("raise ValueError('an error nobody caught')", "an error nobody caught"),
        ],
    )
    def test_it_fails(self, code, what, home, tmp_path):
        script = home / "script.py"
        script.write_text(code)
        with pytest.raises(AssertionError, match=what):
            run(script, "numpy", home, tmp_path)
        assert not list(tmp_path.iterdir())

    def test_it_may_write_temporary_files(self, home, tmp_path):
        script = home / "script.py"
        script.write_text("import tempfile\nwith tempfile.TemporaryFile('w') as f: f.write('a')")
        assert run(script, "numpy", home, tmp_path) == []
