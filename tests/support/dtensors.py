"""Run as a script: DTensors on two processes give what one process gives, or the script fails."""

import random
import socket

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import multiconv as mc

WORLD = 2
METHODS = ("direct", "im2col", "toeplitz", "folded", "native", "auto")


def case(rng):
    """The options of a convolution, and the shapes of its image and filters."""
    axes = rng.choice((1, 2, 2, 3))
    size = tuple(rng.choice((3, 4, 5, 7, 8)) for _ in range(axes))
    kernel = tuple(rng.choice((1, 2, 3)) for _ in range(axes))
    groups, channels, filters = rng.choice((1, 1, 2)), rng.choice((1, 2, 3)), rng.choice((1, 2, 3))
    options = {
        "stride": rng.choice((1, 1, 2, 3)),
        "padding": rng.choice(("full", "same", "same_lower", 1)),
        "dilation": rng.choice((1, 1, 2)),
        "groups": groups,
        "padding_mode": rng.choice(("zeros", "reflect", "symmetric", "replicate", "circular")),
        "method": rng.choice(METHODS),
    }
    return options, (3, groups * channels, *size), (groups * filters, channels, *kernel)


def integers(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.integers(-3, 4, s), dtype=torch.float64) for s in shapes]


def check_case(number, mesh):
    """Compare the result and every gradient; False where the options make no convolution."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    rng = random.Random(number)
    options, image, weight = case(rng)
    function = getattr(mc, f"conv{len(image) - 2}d")
    whole = integers(number, image, weight, weight[:1])
    leaves = [tensor.clone().requires_grad_() for tensor in whole]
    axis, place = rng.randrange(len(image)), rng.choice((Replicate(), Shard(0), Shard(1)))
    try:
        expected = function(*leaves, **options)
    except ValueError:  # a border wider than the image
        return False
    places = ([Shard(axis)], [place], [Replicate()])
    parts = [
        distribute_tensor(t, mesh, p).requires_grad_() for t, p in zip(whole, places, strict=True)
    ]
    if axis == 1 and options["groups"] % WORLD and options["groups"] > 1:
        return False
    y = function(*parts, **options)
    [grad] = integers(number + 1, expected.shape)
    found = torch.autograd.grad(y, parts, distribute_tensor(grad, mesh, y.placements))
    wanted = torch.autograd.grad(expected, leaves, grad)
    said = (number, options, image, weight, axis, place)
    assert torch.equal(y.full_tensor(), expected), said
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one.full_tensor(), other), said
    divided = distribute_tensor(grad, mesh, [Shard(axis)])
    dx = mc.conv_input_grad(divided, parts[1].detach(), image[2:], **options)
    dw = mc.conv_weight_grad(parts[0].detach(), divided, weight[2:], **options)
    assert torch.equal(dx.full_tensor(), wanted[0]), said
    assert torch.equal(dw.full_tensor(), wanted[1]), said
    return True


def check_places(mesh):
    """Rows stay where they are, sums of parts are added up, what does not fit is refused."""
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

    x, k = integers(0, (8, 6), (3, 3))
    rows = distribute_tensor(x, mesh, [Shard(0)])
    kernel = distribute_tensor(k, mesh, [Replicate()])
    y = mc.corr2d(rows, kernel, padding="same")
    assert y.placements == (Shard(0),)
    assert y.to_local().shape == (4, 6)
    halves = DTensor.from_local(x / 2, mesh, [Partial()])
    assert torch.equal(mc.corr2d(halves, kernel).full_tensor(), mc.corr2d(x, k))
    bad = distribute_tensor(torch.full((8, 8), torch.nan), mesh, [Shard(0)])
    ones = distribute_tensor(torch.ones(3, 3), mesh, [Replicate()])
    assert mc.corr2d(bad, ones, method="folded").full_tensor().isnan().all()
    x, weight = integers(1, (1, 6, 4), (3, 2, 3))
    channels = distribute_tensor(x, mesh, [Shard(1)])
    for call, expected in (
        (lambda: mc.corr2d(rows, k), "distribute_tensor(k, x.device_mesh)"),
        (
            lambda: mc.conv1d(channels, distribute_tensor(weight, mesh, [Replicate()]), groups=3),
            "x.redistribute(placements=[Shard(dim=2)])",
        ),
    ):
        with pytest.raises((TypeError, ValueError)) as refused:
            call()
        assert expected in str(refused.value)


def check_double_backward(mesh):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    def second(x, k):
        y = mc.corr2d(x, k, padding="same", padding_mode="reflect")
        [dx] = torch.autograd.grad((y**2).sum(), x, create_graph=True)
        return torch.autograd.grad((dx**2).sum(), (x, k))

    tensors = integers(2, (6, 4), (3, 3))
    places = ([Shard(0)], [Replicate()])
    parts = [
        distribute_tensor(t, mesh, p).requires_grad_() for t, p in zip(tensors, places, strict=True)
    ]
    expected = second(*(t.requires_grad_() for t in tensors))
    for found, one in zip(second(*parts), expected, strict=True):
        assert torch.equal(found.full_tensor(), one)


def work(rank, port, cases):
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=WORLD)
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh("cpu", (WORLD,))
    check_places(mesh)
    check_double_backward(mesh)
    checked = sum(check_case(number, mesh) for number in range(cases))
    if rank == 0:
        print(f"{checked} of {cases} cases are convolutions, and right")
    dist.destroy_process_group()


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(work, (port, 40), nprocs=WORLD)
