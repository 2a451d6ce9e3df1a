"""Which backends are tested, how hard hypothesis tries, and the fixtures."""

import os
import sys
from pathlib import Path

# Before JAX starts: eight virtual devices, so that sharded arrays can be tested on any machine.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
).strip()

# The tests ask for the same programs again and again, in functions that JAX takes for new ones, in
# several processes and in one session after another: each is compiled once and kept on disk.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(__file__).parents[1] / "build" / "jax")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

# What this user has measured does not decide what is tested.
os.environ["MULTICONV_CACHE"] = str(Path(__file__).parent / "no such folder")

# The modules that the tests share stand in a folder of their own, outside any package.
sys.path.insert(0, str(Path(__file__).parent / "support"))

import backends_under_test
import browser
import hypothesis
import libraries_under_test
import pytest

pytest.register_assert_rewrite("comparing", "bounds")

for name, examples in (("quick", 24), ("default", 100), ("thorough", 1000)):
    hypothesis.settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "needs_backend(name): runs only where this backend is among those under test"
    )
    config.addinivalue_line(
        "markers", "needs_library(name): runs only where this library is among those under test"
    )
    config.addinivalue_line(
        "markers", "needs_browser: runs only where MULTICONV_TEST_BROWSER says there is one"
    )
    problems = [
        *backends_under_test.check_choice(),
        *libraries_under_test.check_choice(),
        *browser.check_choice(),
    ]
    if problems:
        raise pytest.UsageError("\n".join(problems))


def pytest_report_header():
    libraries = ", ".join(libraries_under_test.CHOSEN) or "none"
    return (
        f"multiconv backends under test: {', '.join(backends_under_test.CHOSEN)}; "
        f"exchange with torch where it is one of them, and with: {libraries}"
    )


def pytest_collection_modifyitems(config, items):
    """Drop the tests of what is not under test: deselected, and counted as such."""
    kept, dropped = [], []
    for item in items:
        needed = [mark.args[0] for mark in item.iter_markers("needs_backend")]
        missing = any(name not in backends_under_test.CHOSEN for name in needed)
        libraries = [mark.args[0] for mark in item.iter_markers("needs_library")]
        missing |= any(name not in libraries_under_test.CHOSEN for name in libraries)
        missing |= bool(item.get_closest_marker("needs_browser")) and not browser.IS_CHOSEN
        missing |= any(  # parametrised over, say, the differentiable ones among the chosen: none
            str(mark.kwargs.get("reason", "")).startswith("got empty parameter set")
            for mark in item.iter_markers("skip")
        )
        (dropped if missing else kept).append(item)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


DIFFERENTIABLE = [name for name in ("torch", "jax") if name in backends_under_test.CHOSEN]


@pytest.fixture(params=DIFFERENTIABLE)
def differentiable(request):
    """Every backend under test whose framework differentiates by itself, in turn."""
    return backends_under_test.make(request.param)


@pytest.fixture(params=backends_under_test.CHOSEN)
def backend(request):
    """Every backend under test in turn."""
    return backends_under_test.make(request.param)
