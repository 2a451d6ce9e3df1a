"""What chunks cost: throughput beside others, tasks, memory, and weak scaling from 1 to 2 workers.

    python benchmarks/scale.py throughput    # beside map_overlap, dask-image, and plain loops
    python benchmarks/scale.py memory        # 10240 x 10240 in chunks of 1024, one thread
    python benchmarks/scale.py killed        # the same on two processes, one killed in the middle
    python benchmarks/scale.py scaling       # LocalCluster, 1 and 2 processes, and the model

Every part prints one JSON document. It needs dask, distributed, scipy, dask-image.
"""

import argparse
import json
import statistics
import time

import numpy as np
from killed_worker import killed, peak

import multiconv as mc

SIDE, CHUNK, TAPS = 10240, 1024, 15


def medians(candidates, rounds, clock=time.perf_counter):
    """The median seconds of each, all taking turns."""
    samples = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(rounds):
        for name, call in candidates.items():
            start = clock()
            call()
            samples[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in samples.items()}


def windows(side, chunk, reach):
    """For each tile, row by row: where it lies, what it sees of the image, and its border."""
    for top in range(0, side, chunk):
        for left in range(0, side, chunk):
            wanted = [(at, min(at + chunk, side)) for at in (top, left)]
            seen = [(max(low - reach, 0), min(high + reach, side)) for low, high in wanted]
            pads = tuple(
                (reach - (low - first), reach - (last - high))
                for (low, high), (first, last) in zip(wanted, seen, strict=True)
            )
            yield *(tuple(slice(*ends) for ends in box) for box in (wanted, seen)), pads


def written(x, k, chunk):
    """The same tiles in a plain loop, each written to its place in one array."""
    y = np.empty_like(x)
    for wanted, seen, pads in windows(len(x), chunk, len(k) // 2):
        y[wanted] = mc.corr2d(x[seen], k, padding=pads)
    return y


def joined(x, k, chunk):
    """The same tiles in a plain loop, all of them kept and joined at the end, as Dask does."""
    found = [
        mc.corr2d(x[seen], k, padding=pads) for _, seen, pads in windows(len(x), chunk, len(k) // 2)
    ]
    count = -(-len(x) // chunk)
    return np.block([found[row * count : (row + 1) * count] for row in range(count)])


def throughput(side, chunk, taps, rounds):
    import dask
    import dask.array as da
    import dask_image.ndfilters
    from scipy import ndimage

    rng = np.random.default_rng(0)
    x = rng.normal(size=(side, side)).astype("float32")
    k = rng.normal(size=(taps, taps)).astype("float32")
    lazy = da.from_array(x, chunks=chunk)
    scipys = {"weights": k, "mode": "constant"}
    overlapped = da.map_overlap(
        ndimage.correlate, lazy, depth=taps // 2, boundary=0, dtype="float32", **scipys
    )
    images = dask_image.ndfilters.correlate(lazy, k, mode="constant")
    y = mc.corr2d(lazy, k, padding="same")
    error = max(
        float(abs(one.blocks[0, 0].compute() - y.blocks[0, 0].compute()).max())
        for one in (overlapped, images)
    )

    def stored():
        y = np.empty_like(x)
        mc.corr2d(lazy, k, padding="same").store(y, lock=False)

    with dask.config.set(scheduler="synchronous"):
        own = medians(
            {
                "multiconv, computed": lambda: mc.corr2d(lazy, k, padding="same").compute(),
                "loop that joins its tiles": lambda: joined(x, k, chunk),
                "multiconv, stored": stored,
                "loop that writes its tiles": lambda: written(x, k, chunk),
            },
            3 * rounds,
            time.process_time,  # one thread's, which other work on the machine hardly disturbs
        )
        # In turns of their own: memory that nobody has for seconds goes back to where it came
        # from, and whoever is next would pay for that.
        others = medians(
            {
                "map_overlap(scipy.ndimage.correlate)": overlapped.compute,
                "dask_image.ndfilters.correlate": images.compute,
            },
            rounds,
            time.process_time,
        )
    found = own | others

    def overhead(name, loop):
        return found[name] / found[f"loop that {loop} its tiles"] - 1

    return {
        "side": side,
        "chunk": chunk,
        "kernel": taps,
        "seconds": found,
        "megapixels per second": {n: side**2 / t / 1e6 for n, t in found.items()},
        "computed, over the loop that joins": overhead("multiconv, computed", "joins"),
        "stored, over the loop that writes": overhead("multiconv, stored", "writes"),
        "computed, over the loop that writes": overhead("multiconv, computed", "writes"),
        "largest difference": error,
    }


def memory(side, chunk, taps):
    """Peak above that of one chunk's run; the image is made and used up chunk by chunk."""
    import dask
    import dask.array as da

    k = np.ones((taps, taps), "float32")

    def run(side):
        x = da.random.default_rng(0).random((side, side), chunks=chunk, dtype="float32")
        y = mc.corr2d(x, k, padding="same")
        with dask.config.set(scheduler="synchronous"):
            y.sum().compute()
        return y

    run(chunk)
    one = peak()
    y = run(side)
    own = sum(len(v) for n, v in y.dask.layers.items() if n.startswith("multiconv"))
    return {
        "side": side,
        "chunk": chunk,
        "peak above one chunk's run, MB": (peak() - one) / 1e6,
        "tasks per chunk": own / (side // chunk) ** 2,
        "all tasks per chunk": len(y.dask) / (side // chunk) ** 2,
    }


def scaling(side, chunk, taps, rounds):
    """The same work for each worker: seconds with 1 and with 2 processes, and what a halo costs."""
    import dask.array as da
    from distributed import Client, LocalCluster

    k = np.ones((taps, taps), "float32")
    seconds = {}
    for workers in (1, 2):
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            shape = (workers * side, side)
            x = da.random.default_rng(0).random(shape, chunks=chunk, dtype="float32")
            x = client.persist(x)
            samples = []
            for _ in range(rounds + 1):
                start = time.perf_counter()
                client.compute(mc.corr2d(x, k, padding="same").sum()).result()
                samples.append(time.perf_counter() - start)
            seconds[workers] = statistics.median(samples[1:])
    task, pixel = task_cost(), kernel_cost(chunk, taps)
    return {
        "pixels for each worker": side**2,
        "chunk": chunk,
        "seconds": seconds,
        "weak scaling efficiency": seconds[1] / seconds[2],
        "seconds for a task": task,
        "seconds for a pixel": pixel,
        "model": {n: model(n, chunk, taps, task, pixel) for n in (1, 2, 10, 100, 1000)},
    }


def model(workers, chunk, taps, task, pixel, bandwidth=1e9, latency=1e-3, tasks=5.6):
    """The efficiency of so many workers, from what a task, a pixel and a byte cost.

    A worker computes a chunk and then fetches what its neighbours have: 8 strips along their edges,
    for a corner as long as for a side. Those at the edge of a worker's own chunks come from
    another; here all of them do, which is the worst. One scheduler hands out the tasks of all
    workers, one after another: for a chunk itself, the strips cut from it, and its block.
    """
    compute = chunk**2 * pixel
    halo = 8 * chunk * (taps - 1) / 2 * 4 / bandwidth + 8 * latency
    return compute / max(compute + (halo if workers > 1 else 0), workers * tasks * task)


def task_cost():
    """Seconds that a scheduler spends on a task: of many that do nothing."""
    import dask
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        tasks = [dask.delayed(int, pure=False)(n) for n in range(2000)]
        client.compute(dask.delayed(sum)(tasks)).result()
        start = time.perf_counter()
        client.compute(dask.delayed(sum)(tasks)).result()
        return (time.perf_counter() - start) / len(tasks)


def kernel_cost(chunk, taps):
    """Seconds for a pixel of a chunk, computed alone."""
    x = np.ones((chunk + taps - 1, chunk + taps - 1), "float32")
    k = np.ones((taps, taps), "float32")
    found = medians({"chunk": lambda: mc.corr2d(x, k)}, 5)
    return found["chunk"] / chunk**2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("throughput", "memory", "killed", "scaling"))
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--chunk", type=int, default=CHUNK)
    parser.add_argument("--taps", type=int, default=TAPS)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    sizes = given.side, given.chunk, given.taps
    found = {
        "throughput": lambda: throughput(*sizes, given.rounds),
        "memory": lambda: memory(*sizes),
        "killed": lambda: killed(*sizes),
        "scaling": lambda: scaling(*sizes, given.rounds),
    }[given.part]()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
