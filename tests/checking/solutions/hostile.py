"""Functions that do harm, or would like to."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np


def solution(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    return np.einsum("ijkl,kl->ij", windows, k)


def hang(x, k):
    while True:
        pass


def sleep_sometimes(x, k):
    if x.shape[0] != x.shape[1]:
        time.sleep(1000)
    return solution(x, k)


def flood(x, k):
    while True:
        print("multiconv" * 1000)


def prints_much(x, k):
    for _ in range(1000):
        print("x" * 1000)
        print("y" * 1000, file=sys.stderr)
    return solution(x, k)


def writes_to_every_descriptor(x, k):
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, b'{"is": "returned", "results": []}\n' * 100)
    return solution(x, k)


def exits(x, k):
    sys.exit(0)


def exits_at_once(x, k):
    os._exit(0)


def segfault(x, k):
    import ctypes

    ctypes.string_at(0)


def forks(x, k):
    while True:
        os.fork()


def forks_quietly(x, k):
    with contextlib.suppress(OSError):
        os.fork()
    return solution(x, k)


def shell(x, k):
    subprocess.run(["touch", "here"], check=True)


def kills(x, k):
    os.kill(os.getppid(), signal.SIGKILL)


def connects(x, k):
    socket.create_connection(("127.0.0.1", 9))


def writes(x, k):
    with open(os.environ["MULTICONV_TEST_TARGET"], "w") as file:
        file.write("here")
    return solution(x, k)


def removes(x, k):
    os.remove(os.environ["MULTICONV_TEST_TARGET"])
    return solution(x, k)


def renames_out(x, k):
    with open("here", "w") as file:
        file.write("here")
    os.replace("here", os.environ["MULTICONV_TEST_TARGET"])
    return solution(x, k)


def removes_by_folder(x, k):
    folder, name = os.path.split(os.environ["MULTICONV_TEST_TARGET"])
    os.unlink(name, dir_fd=os.open(folder, os.O_RDONLY))
    return solution(x, k)


def writes_by_folder(x, k):
    folder, name = os.path.split(os.environ["MULTICONV_TEST_TARGET"])
    os.open(name, os.O_WRONLY | os.O_TRUNC, dir_fd=os.open(folder, os.O_RDONLY))
    return solution(x, k)


def writes_through_a_link(x, k):
    os.symlink(os.environ["MULTICONV_TEST_TARGET"], "link")
    with open("link", "w") as file:
        file.write("here")
    return solution(x, k)


def uses_a_temporary_folder(x, k):
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, "x.npy"), x)
        return solution(np.load(os.path.join(folder, "x.npy")), k)


def writes_here(x, k):
    with open("notes.txt", "w") as file:
        file.write("here")
    return solution(x, k)


def fills_the_disk(x, k):
    with open("large", "wb") as file:
        while True:
            file.write(bytes(2**20))


def memory(x, k):
    kept = []
    while True:
        kept.append(np.ones(10**7))


def large_result(x, k):
    return np.zeros((3000, 3000))


def recursion(x, k):
    return recursion(x, k)


def threads(x, k):
    for _ in range(4):
        threading.Thread(target=hang, args=(x, k), daemon=True).start()
    return solution(x, k)


def patches_numpy(x, k):
    np.array_equal = lambda *_: True
    np.abs = np.zeros_like
    return k


def raises_oddly(x, k):
    class OddError(Exception):
        def __str__(self):
            raise self

    raise OddError


def returns_objects(x, k):
    return np.array([object()])


class Lies(np.ndarray):
    shape = property(lambda self: 1 / 0)


def returns_lies(x, k):
    return np.zeros((2, 2)).view(Lies)
