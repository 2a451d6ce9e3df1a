"""What importing the package loads and changes, and what happens where a framework is missing."""

import pytest
from subprocesses import run_python


class TestImports:
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
