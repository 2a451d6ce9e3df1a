# %% [markdown]
# # A network that reads digits
#
# Convolution, relu, pooling, a linear layer, softmax: the smallest network of its kind,
# trained in the idioms of NumPy, torch and JAX from the same first weights.
#
# Digits are strokes between six corners, A B above C D above E F. In each image these
# are turned, scaled and moved a little, together and one by one, and noise is added.

# %%
import numpy as np

import multiconv as mc

CORNERS = np.array([-2 - 4j, 2 - 4j, -2, 2, -2 + 4j, 2 + 4j])  # x + iy
STROKES = "AB BF FE EA,BF,AB BD DC CE EF,AB BF FE CD,AC CD BF,AB AC CD DF FE,"
STROKES += "AB AE EF FD DC,AB BE,AB BF FE EA CD,DC CA AB BF FE"  # of 0, 1, 2 and so on
PIXELS = np.arange(14) - 6.5 + 1j * (np.arange(14)[:, None] - 6.5)


def draw(digit, rng):
    """Return an image of a digit, (14, 14)."""
    turn = rng.normal(1, 0.1) + 1j * rng.normal(0, 0.1)  # a product turns and scales
    moves = rng.normal(0, 0.3, (7, 2)) @ (1, 1j)
    at = dict(zip("ABCDEF", turn * CORNERS + moves[:6] + moves[6], strict=True))
    distance = np.full((14, 14), np.inf)
    for a, b in STROKES.split(",")[digit].split():
        t = np.clip(((PIXELS - at[a]) / (at[b] - at[a])).real, 0, 1)  # how far along
        distance = np.minimum(distance, abs(PIXELS - at[a] - t * (at[b] - at[a])))
    return np.clip(1.5 - distance, 0, 1) + rng.normal(0, 0.1, (14, 14))


for row in draw(5, np.random.default_rng(2))[2:12:2].clip(0, 1):
    print("".join(" .:*#"[round(4 * ink)] for ink in row))
#    .*##*##. .
#     ##
#    .######.
#     ... ##.
#     .*#*##.

# %% [markdown]
# ## NumPy: backward, layer by layer
#
# A 3 x 3 kernel has 12 x 12 places in 14 x 14 pixels; pooling leaves 6 x 6. A linear
# layer is a convolution whose kernel is as large as its input, so that one place is
# left. A seed gives the same weights in every framework, bit for bit.
#
# A step returns the net and the scores it had. `backward` takes dL/dy, returns dL/dx,
# and begins at the end: with softmax(scores) - one_hot(labels), the gradient of the
# cross-entropy. Pooling hands it to the largest of four, relu to what is above 0.

# %%
backend, rate = mc.get_backend(), 0.3
conv = backend.Conv2D(3, in_channels=1, out_channels=8, seed=0)
linear = backend.Conv2D(6, in_channels=8, out_channels=10, seed=1)
net = conv, linear
if backend.name == "numpy":

    def step(net, x, labels):
        y = conv(x)
        blocks = np.maximum(y, 0).reshape(-1, 8, 6, 2, 6, 2)
        largest = blocks.max(axis=(3, 5), keepdims=True)
        scores = linear(largest.reshape(-1, 8, 6, 6))
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        p[np.arange(len(x)), labels] -= 1
        d = linear.backward(p / len(x)).reshape(largest.shape)
        conv.backward((d * (blocks == largest)).reshape(y.shape) * (y > 0))
        for layer in net:
            layer.weight -= rate * layer.weight_grad
            layer.bias -= rate * layer.bias_grad
            layer.zero_grad()
        return net, scores[:, :, 0, 0]

# %% [markdown]
# ## torch and JAX: autodiff
#
# In torch an optimiser changes the weights of a module. In JAX nothing changes: the net
# is a tree of arrays, and so are its gradient and the net after the step.

# %%
if backend.name == "torch":
    from torch import nn, optim, tensor

    net = nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), linear, nn.Flatten())
    optimizer = optim.SGD(net.parameters(), lr=rate)

    def step(net, x, labels):
        scores = net(tensor(x))
        optimizer.zero_grad()
        nn.functional.cross_entropy(scores, tensor(labels)).backward()
        optimizer.step()
        return net, scores.detach()

elif backend.name == "jax":
    import jax

    def loss(net, x, labels):
        y = jax.nn.relu(net[0](x)).reshape(-1, 8, 6, 2, 6, 2).max(axis=(3, 5))
        scores = net[1](y)[:, :, 0, 0]
        return -jax.nn.log_softmax(scores)[np.arange(len(x)), labels].mean(), scores

    @jax.jit
    def step(net, x, labels):
        gradient, scores = jax.grad(loss, has_aux=True)(net, x, labels)
        return jax.tree.map(lambda p, g: p - rate * g, net, gradient), scores

# %% [markdown]
# ## Training
#
# Every batch is new, so its scores, from before the step, are a test on unseen images.

# %%
rng, right = np.random.default_rng(0), []
for _ in range(240):
    labels = rng.integers(10, size=50)
    x = np.array([[draw(digit, rng)] for digit in labels], dtype="float32")
    net, scores = step(net, x, labels)
    right.append(np.mean(np.asarray(scores).argmax(axis=1) == labels))
print(f"right: {right[0]:.0%}, then more than 95 %: {np.mean(right[-40:]) > 0.95}")
# right: 22%, then more than 95 %: True
