"""One digest for processors of other kinds: libraries told to leave instructions of this one out.

Each is a process of its own, for the switches are read when a library is loaded. What a library
says of itself shows that it has taken the switch.
"""

import platform

import backends_under_test
import pytest
from subprocesses import run_python

from multiconv.coursework.exact_digest import EXPECTED_WHOLE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        platform.machine().lower() not in ("x86_64", "amd64"),
        reason=f"the switches name x86 instructions, and this is {platform.machine()!r}",
    ),
]

DIGEST = """
    from multiconv import get_backend
    from multiconv.coursework.exact_digest import digest
    face = get_backend({name!r})
    print(digest(face, face.backend.asarray([])).whole)
"""

# How a process says which instructions a library uses.
OPENBLAS = """
    import ctypes
    from pathlib import Path
    import numpy
    folder = Path(numpy.__file__).parent.parent / "numpy.libs"
    name = ctypes.CDLL(next(folder.glob("libscipy_openblas64_*"))).scipy_openblas_get_corename64_
    name.restype = ctypes.c_char_p
    print(name().decode())
"""
ATEN = """
    import torch
    print(torch.backends.cpu.get_cpu_capability())
"""

SWITCHES = {
    "numpy": [
        {"OPENBLAS_CORETYPE": "Nehalem", "OMP_NUM_THREADS": "1"},
        {"OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "2"},
        {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "", "NUMBA_NUM_THREADS": "2"},
    ],
    "torch": [
        {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "OMP_NUM_THREADS": "1"},
        {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "2"},
        {"MKL_CBWR": "COMPATIBLE", "DNNL_MAX_CPU_ISA": "AVX", "OMP_NUM_THREADS": "2"},
    ],
    # With SSE4_2 its compiler has no code for float16.
    "jax": [{"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "OMP_NUM_THREADS": "2"}],
}
CASES = [
    pytest.param(name, switches, id=f"{name}-{'-'.join(switches.values())}")
    for name in SWITCHES
    if name in backends_under_test.CHOSEN
    for switches in SWITCHES[name]
]
SAYS = {"OPENBLAS_CORETYPE": OPENBLAS, "ATEN_CPU_CAPABILITY": ATEN}


@pytest.mark.parametrize(("name", "switches"), CASES)
def test_the_digest_is_the_same(name, switches, tmp_path):
    expected, code = [EXPECTED_WHOLE], DIGEST.format(name=name)
    for switch in SAYS.keys() & switches.keys():
        expected.append(switches[switch].lower())
        code += SAYS[switch]
    # Numba keeps what it has compiled, and for which processor.
    found = run_python(code, timeout=900, **switches, NUMBA_CACHE_DIR=str(tmp_path))
    assert found.lower().split() == expected
