"""Which libraries' layers and optimisers are tested with ours, beside torch's own.

The environment variable MULTICONV_TEST_LIBRARIES names some of flax, equinox, optax, keras, cv2
(whose filters the documentation compares with ours), distributed, tifffile and zarr: one that is
named and missing fails the run.
Without the variable they are the installed ones whose framework is under test. Keras runs on what
KERAS_BACKEND names: jax or torch.
"""

import importlib
import importlib.util
import os

import backends_under_test

os.environ.setdefault("KERAS_BACKEND", "jax" if "jax" in backends_under_test.CHOSEN else "torch")

FRAMEWORKS = {
    "flax": "jax",
    "equinox": "jax",
    "optax": "jax",
    "keras": os.environ["KERAS_BACKEND"],
    "cv2": "numpy",
    "distributed": "numpy",
    "tifffile": "numpy",
    "zarr": "numpy",
}
NAMED = os.environ.get("MULTICONV_TEST_LIBRARIES")


def usable():
    """The libraries that are installed, on frameworks that are under test."""
    return tuple(
        name
        for name, framework in FRAMEWORKS.items()
        if framework in backends_under_test.CHOSEN and importlib.util.find_spec(name)
    )


CHOSEN = (
    usable() if NAMED is None else tuple(name.strip() for name in NAMED.split(",") if name.strip())
)


# What has no layers of its own.
OTHERS = ("optax", "cv2", "distributed", "tifffile", "zarr")
CONVOLUTIONS = tuple(name for name in CHOSEN if name not in OTHERS)


def check_choice():
    """Why the named libraries cannot be tested, as one line each; none, where they can."""
    problems = []
    for name in CHOSEN if NAMED is not None else ():
        if name not in FRAMEWORKS:
            problems.append(
                f"MULTICONV_TEST_LIBRARIES names {name!r}, none of {', '.join(FRAMEWORKS)}"
            )
        elif FRAMEWORKS[name] not in backends_under_test.CHOSEN:
            problems.append(
                f"MULTICONV_TEST_LIBRARIES names {name!r}, which needs {FRAMEWORKS[name]!r} among "
                f"the backends under test"
            )
        else:
            try:
                importlib.import_module(name)
            except Exception as error:
                problems.append(
                    f"MULTICONV_TEST_LIBRARIES names {name!r}, which does not import: {error!r}"
                )
    return problems
