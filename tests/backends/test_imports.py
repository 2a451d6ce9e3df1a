"""What importing the package loads and changes, and what happens where a framework is missing."""

import ast
import inspect
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import backends_under_test
import numpy as np
import pytest
from comparing import check_error
from subprocesses import run_python

import multiconv
from multiconv import public
from multiconv.layers.table import NAMES

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]

# What an environment looks like that has NumPy alone.
HIDDEN = """
import importlib.machinery, sys
class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.split(".")[0] in ("torch", "jax"):
            return None
        return super().find_spec(fullname, path, target)
sys.meta_path[:] = [f for f in sys.meta_path if f is not importlib.machinery.PathFinder]
sys.meta_path.append(Finder)
"""


def hidden(code):
    return run_python(HIDDEN + inspect.cleandoc(code))


class TestImports:
    def test_it_loads_the_list_of_names_and_nothing_else(self):
        loaded = run_python("""
            import sys
            before = set(sys.modules)
            import multiconv
            hasattr(multiconv, "__wrapped__")
            new = {name for name in set(sys.modules) - before if name.startswith("multiconv")}
            heavy = ("numpy", "importlib.metadata", "array_api_compat", "torch", "jax", "scipy")
            print(sorted(new), [name for name in heavy if name in set(sys.modules) - before])
        """)
        light = ["multiconv", "multiconv.core", "multiconv.core.version", "multiconv.public"]
        assert loaded == f"{light} []"

    def test_a_call_on_numpy_arrays_loads_neither_layers_nor_learning_nor_metadata(self):
        loaded = run_python("""
            import sys
            import numpy as np
            before = set(sys.modules)
            import multiconv
            multiconv.corr2d(np.ones((3, 3)), np.ones((2, 2)))
            heavy = ("importlib.metadata", "array_api_compat", "multiconv.layers",
                     "multiconv.learning", "multiconv.kernels", "multiconv.cli")
            print([name for name in heavy if name in set(sys.modules) - before])
        """)
        assert loaded == "[]"

    def test_the_package_loads_neither_torch_nor_jax(self):
        heavy = run_python("""
            import sys
            import multiconv
            multiconv.corr2d([[1, 2]], [[3]])
            multiconv.available_backends()
            multiconv.get_backend("numpy")
            heavy = ("torch", "jax", "scipy", "dask", "array_api_strict")
            print([name for name in heavy if name in sys.modules])
        """)
        assert heavy == "[]"

    @pytest.mark.needs_backend("torch")
    def test_one_framework_does_not_load_another(self):
        found = run_python("""
            import sys
            from multiconv import torch as face
            face.corr2d([[1., 2.]], [[3.]])
            print("torch" in sys.modules, "jax" in sys.modules)
        """)
        assert found == "True False"

    @pytest.mark.needs_backend("jax")
    def test_jax_does_not_load_torch(self):
        found = run_python("""
            import sys
            from multiconv import jax as face
            face.corr2d([[1., 2.]], [[3.]])
            print("jax" in sys.modules, "torch" in sys.modules)
        """)
        assert found == "True False"

    @pytest.mark.needs_backend("torch")
    def test_torchs_configuration_stays_as_it_was(self):
        assert (
            run_python("""
            import torch
            def state():
                return (
                    torch.get_default_dtype(), torch.get_num_threads(),
                    torch.get_num_interop_threads(),
                    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32,
                    torch.get_float32_matmul_precision(), torch.initial_seed(),
                    torch.random.get_rng_state().tolist(), torch.is_grad_enabled(),
                    torch.are_deterministic_algorithms_enabled(), torch.backends.mkldnn.enabled,
                    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic,
                )
            before = state()
            from multiconv import torch as face
            x = torch.ones(1, 1, 8, 8, requires_grad=True)
            for method in ("loop", "direct", "im2col", "toeplitz", "fft", "native", "auto"):
                face.conv2d(x, torch.ones(1, 1, 3, 3), method=method).sum().backward()
            print(state() == before)
        """)
            == "True"
        )

    @pytest.mark.needs_backend("jax")
    def test_jaxs_configuration_stays_as_it_was(self):
        assert (
            run_python("""
            import jax
            before = dict(jax.config.values)
            from multiconv import jax as face
            x = jax.numpy.ones((1, 1, 8, 8))
            for method in ("direct", "im2col", "toeplitz", "fft", "native", "auto"):
                jax.jit(jax.grad(
                    lambda x: face.conv2d(x, jax.numpy.ones((1, 1, 3, 3)), method=method).sum()
                ))(x)
            after = dict(jax.config.values)
            print({k: v for k, v in after.items() if before.get(k, v) != v})
            print(jax.config.jax_enable_x64)
        """)
            == "{}\nFalse"
        )

    def test_numpys_configuration_stays_as_it_was(self):
        assert (
            run_python("""
            import numpy as np
            before = np.geterr(), np.random.get_state()[1].tolist(), np.get_printoptions()
            import multiconv
            multiconv.corr2d(np.ones((3, 3)), np.ones((2, 2)), method="fft")
            print(before == (np.geterr(), np.random.get_state()[1].tolist(), np.get_printoptions()))
        """)
            == "True"
        )


@pytest.mark.parametrize("name", ["torch", "jax"])
class TestAFrameworkThatIsMissingOrBroken:
    def hide(self, folder, name, body):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(body)

    CASES = (
        ("missing", "raise ModuleNotFoundError(\"No module named '{0}'\", name='{0}')"),
        ("broken", "raise OSError('lib{0}.so: cannot open shared object file')"),
        ("half removed", "from {0} import something_that_is_gone"),
    )

    @pytest.mark.parametrize(("case", "body"), CASES, ids=[case for case, _ in CASES])
    def test_it_fails_only_when_used_and_says_what_to_install(self, tmp_path, name, case, body):
        self.hide(tmp_path, name, body.format(name))
        out = run_python(
            f"""
            import numpy as np
            import multiconv
            assert multiconv.corr2d(np.ones((3, 3)), np.ones((2, 2))).tolist() == [[4, 4], [4, 4]]
            print("numpy" in multiconv.available_backends())
            for use in (lambda: multiconv.get_backend("{name}").corr2d([[1]], [[1]]),
                        lambda: multiconv.{name}.corr2d([[1]], [[1]]),
                        lambda: __import__("multiconv.{name}", fromlist=["corr2d"]).corr2d):
                try:
                    use()
                except ImportError as error:
                    print("multiconv[{name}]" in str(error) or "pip install" in str(error), error)
            """,
            path=[tmp_path],
        )
        lines = out.splitlines()
        assert lines[0] == "True"
        told = [line for line in lines[1:] if line.startswith("True")]
        assert len(told) == 3, out
        assert all(name in line for line in told)

    def test_a_missing_one_is_not_available(self, name):
        out = run_python(f"""
            import importlib.machinery, sys
            class Finder(importlib.machinery.PathFinder):
                @classmethod
                def find_spec(cls, fullname, path=None, target=None):
                    if fullname.split(".")[0] == "{name}":
                        return None
                    return super().find_spec(fullname, path, target)
            sys.meta_path[:] = [f for f in sys.meta_path if f is not importlib.machinery.PathFinder]
            sys.meta_path.append(Finder)
            import multiconv
            print("{name}" in multiconv.available_backends())
            try:
                multiconv.get_backend("{name}").corr2d([[1]], [[1]])
            except ImportError as error:
                print("install" in str(error))
        """)
        assert out.splitlines() == ["False", "True"]


class TestTheListOfNames:
    def imported(self, module):
        """The names that type checkers read of a module's TYPE_CHECKING."""
        [block] = [
            n.body
            for n in ast.parse(inspect.getsource(module)).body
            if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"
        ]
        return {alias.asname: n.module for n in block for alias in n.names}

    def test_type_checkers_read_the_same(self):
        assert self.imported(public) == public.FUNCTIONS

    def test_a_face_has_all_that_it_lists(self):
        face = multiconv.get_backend("numpy")
        assert set(vars(face)) - {"kernels"} == {*public.FUNCTIONS, "backend", "name"}

    def test_every_name_leads_somewhere(self):
        for name, module in public.FUNCTIONS.items():
            function = getattr(multiconv, name)
            assert (function.__module__, function.__name__) == (module, name)
        assert set(multiconv.__all__) > set(public.FUNCTIONS)
        assert all(hasattr(multiconv, name) for name in [*multiconv.__all__, *NAMES])

    @pytest.mark.parametrize("name", FACES)
    def test_a_face_has_them_all(self, name):
        module, face = getattr(multiconv, name), multiconv.get_backend(name)
        assert module.__all__ == dir(module) == sorted([*public.FUNCTIONS, *NAMES, "kernels"])
        for exported in module.__all__:
            assert getattr(module, exported) is getattr(face, exported)
            assert exported in dir(face)

    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("cross_correlate", "correlate"),
            ("correlate2d", "corr2d"),
            ("convolve1d", "convolve"),
            ("conv", "conv2d"),
            ("conv2D", "conv2d"),
            ("Conv2d", "Conv2D"),
            ("unfold", "im2col"),
            ("filter2D", "corr2d"),
            ("conv2s", "conv2d"),
        ],
    )
    def test_a_name_that_is_wrong_leads_to_the_right_one(self, wrong, right):
        owners = (multiconv, multiconv.get_backend("numpy"), multiconv.numpy)
        for owner in owners:
            check_error(
                AttributeError, lambda owner=owner: getattr(owner, wrong), f"did you mean {right}?"
            )
        assert not hasattr(multiconv, "nothing_of_the_kind")

    def test_the_terminal_shows_one_suggestion(self):
        """And not Python's own behind ours."""
        code = "import multiconv; multiconv.conv2D"
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        assert done.stderr.splitlines()[-1].lower().count("did you mean") == 1


class TestLookingAround:
    LOOK = """
        import inspect, pydoc, rlcompleter, sys
        import multiconv
        members = dict(inspect.getmembers(multiconv))
        tab = rlcompleter.Completer({"mc": multiconv}).attr_matches("mc.")
        text = pydoc.render_doc(multiconv)
        print("corr2d" in members, "Conv2D" in members, "mc.corr2d(" in tab, "corr2d(x" in text)
    """

    def test_with_numpy_alone(self):
        out = hidden(
            self.LOOK
            + """
        print(hasattr(multiconv, "torch"), getattr(multiconv, "jax", None), "torch" in members)
        for use in (lambda: multiconv.torch.corr2d, lambda: multiconv.jax):
            try:
                use()
            except AttributeError as error:
                print("is not installed: pip install" in str(error))
        for name in ("torch", "jax"):
            try:
                exec(f"from multiconv import {name}")
            except ImportError as error:
                print("is not installed: pip install" in str(error))
        """
        )
        assert out.splitlines() == ["True True True True", "False None False", *["True"] * 4]

    def test_it_imports_no_framework(self):
        out = run_python(
            self.LOOK.strip("\n") + '\n        print("torch" in sys.modules, "jax" in sys.modules)'
        )
        assert out.splitlines() == ["True True True True", "False False"]

    @pytest.mark.parametrize("chosen", ["nonsense", "torch"])
    def test_a_default_backend_that_is_not_there(self, chosen):
        out = hidden(f"""
            import inspect, os
            os.environ["MULTICONV_BACKEND"] = "{chosen}"
            import multiconv
            print(hasattr(multiconv, "Conv2D"), "corr2d" in dict(inspect.getmembers(multiconv)))
            try:
                multiconv.Conv2D
            except AttributeError as error:
                print("{chosen}" in str(error))
        """)
        assert out.splitlines() == ["False True", "True"]


@pytest.mark.parametrize("name", FACES)
class TestFunctionsTravel:
    def test_to_another_process(self, name):
        module = getattr(multiconv, name)
        functions = [getattr(module, exported) for exported in public.FUNCTIONS]
        back = run_python(f"""
            import pickle
            functions = pickle.loads({pickle.dumps(functions)!r})
            import multiconv.{name} as face
            print([f is getattr(face, f.__name__) for f in functions].count(True))
        """)
        assert int(back) == len(functions)

    def test_to_spawned_workers(self, name):
        corr2d = multiconv.get_backend(name).corr2d
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(corr2d, [[1, 2, 3]], [[1, 1]]).result()
        assert np.asarray(found).tolist() == [[3, 5]]

    def test_a_function_by_name_belongs_to_the_module(self, name):
        """Which cloudpickle looks for among the modules that are imported."""
        out = run_python(f"""
            import sys, multiconv
            load = multiconv.get_backend("{name}").load
            print(getattr(sys.modules[load.__module__], "load") is load)
        """)
        assert out == "True"
