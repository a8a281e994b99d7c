"""Weights of the published network give its logits: against NumPy, and against torch if present.

Both references are written here from the paper and the key names, in PyTorch's layout
(batch, channels, frequency, time), and share no code with the Keras model.
"""

from typing import Any

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.errors import UserError
from edge_tf.models import build_model, load_torch_bc_resnet

CLASSES = 12
STAGES = ((2, 1), (2, 2), (4, 2), (4, 1))  # blocks, frequency stride of the first
SUB_BANDS = 5


def widths(tau: float) -> tuple[int, list[int], int]:
    c = int(8 * tau)
    return 2 * c, [c, int(1.5 * c), 2 * c, int(2.5 * c)], 4 * c


class Writer:
    """Fills a state dict with random weights of a trained network's kind."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.values: dict[str, np.ndarray] = {}

    def conv(self, key: str, outs: int, ins: int, rows: int, frames: int) -> None:
        spread = (ins * rows * frames) ** -0.5
        shape = (outs, ins, rows, frames)
        self.values[f"{key}.weight"] = self.draw.normal(0, spread, shape).astype(np.float32)

    def norm(self, key: str, size: int) -> None:
        for name, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -0.5, 0.5),
            ("running_mean", -0.5, 0.5),
            ("running_var", 0.3, 2.0),
        ):
            self.values[f"{key}.{name}"] = self.draw.uniform(low, high, size).astype(np.float32)
        self.values[f"{key}.num_batches_tracked"] = np.array(7_400)


def random_state_dict(tau: float, seed: int = 0) -> dict[str, np.ndarray]:
    stem, stages, tail = widths(tau)
    to = Writer(seed)
    to.conv("cnn_head.0", stem, 1, 5, 5)
    to.norm("cnn_head.1", stem)
    ins = stem
    for i, ((blocks, _), outs) in enumerate(zip(STAGES, stages, strict=True)):
        for j in range(blocks):
            block = f"BCBlocks.{i}.{j}"
            k = 0
            if ins != outs:
                to.conv(f"{block}.f2.0.block.0", outs, ins, 1, 1)
                to.norm(f"{block}.f2.0.block.1", outs)
                k = 1
            to.conv(f"{block}.f2.{k}.block.0", outs, 1, 3, 1)
            to.norm(f"{block}.f2.{k}.block.1.ssnorm", outs * SUB_BANDS)
            to.conv(f"{block}.f1.0.block.0", outs, 1, 1, 3)
            to.norm(f"{block}.f1.0.block.1", outs)
            to.conv(f"{block}.f1.1", outs, outs, 1, 1)
            ins = outs
    to.conv("classifier.0", ins, 1, 5, 5)
    to.conv("classifier.1", tail, ins, 1, 1)
    to.norm("classifier.2", tail)
    to.conv("classifier.5", CLASSES, tail, 1, 1)
    to.values["classifier.5.bias"] = to.draw.normal(size=CLASSES).astype(np.float32)
    return to.values


# The published forward pass in NumPy, float64


def conv(x, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1)) -> np.ndarray:
    """A correlation, dense or (one input channel a filter) depthwise, tap by tap."""
    outs, ins, rows, frames = weight.shape
    x = np.pad(x, [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2])
    high = (x.shape[2] - dilation[0] * (rows - 1) - 1) // stride[0] + 1
    wide = (x.shape[3] - dilation[1] * (frames - 1) - 1) // stride[1] + 1
    y = np.zeros((len(x), outs, high, wide))
    for f in range(rows):
        for t in range(frames):
            f0, t0 = f * dilation[0], t * dilation[1]
            seen = x[:, :, f0 : f0 + stride[0] * high : stride[0]]
            seen = seen[..., t0 : t0 + stride[1] * wide : stride[1]]
            if ins == x.shape[1]:
                y += np.einsum("ncft,oc->noft", seen, weight[:, :, f, t])
            else:
                assert ins == 1 and outs == x.shape[1]
                y += seen * weight[None, :, 0, f, t, None, None]
    return y


class Published:
    """Logits of a state dict."""

    def __init__(self, state_dict: dict[str, np.ndarray]) -> None:
        self.w = {key: value.astype(np.float64) for key, value in state_dict.items()}

    def norm(self, x, key: str) -> np.ndarray:
        weight, bias, mean, var = (
            self.w[f"{key}.{name}"][None, :, None, None]
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(var + 1e-5) * weight + bias

    def sub_spectral_norm(self, x, key: str) -> np.ndarray:
        """As published: each sub-band of a channel becomes a channel of its own."""
        n, c, f, t = x.shape
        return self.norm(x.reshape(n, c * SUB_BANDS, f // SUB_BANDS, t), key).reshape(x.shape)

    def block(self, x, key: str, stride: int, dilation: int) -> np.ndarray:
        transition = f"{key}.f2.1.block.0.weight" in self.w
        y = x
        if transition:
            y = conv(y, self.w[f"{key}.f2.0.block.0.weight"])
            y = np.maximum(self.norm(y, f"{key}.f2.0.block.1"), 0)
        f2 = f"{key}.f2.{int(transition)}.block"
        y = conv(y, self.w[f"{f2}.0.weight"], stride=(stride, 1), padding=(1, 0))
        y = self.sub_spectral_norm(y, f"{f2}.1.ssnorm")
        z = y.mean(axis=2, keepdims=True)
        z = conv(
            z, self.w[f"{key}.f1.0.block.0.weight"], padding=(0, dilation), dilation=(1, dilation)
        )
        z = self.norm(z, f"{key}.f1.0.block.1")
        z = z / (1 + np.exp(-z))
        y = y + conv(z, self.w[f"{key}.f1.1.weight"])
        return np.maximum(y if transition else y + x, 0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(batch, 1, 40, T) to (batch, classes)."""
        x = conv(x.astype(np.float64), self.w["cnn_head.0.weight"], stride=(2, 1), padding=(2, 2))
        x = np.maximum(self.norm(x, "cnn_head.1"), 0)
        for i, (blocks, stride) in enumerate(STAGES):
            for j in range(blocks):
                x = self.block(x, f"BCBlocks.{i}.{j}", stride if j == 0 else 1, 2**i)
        x = conv(x, self.w["classifier.0.weight"], padding=(0, 2))
        x = conv(x, self.w["classifier.1.weight"])
        x = np.maximum(self.norm(x, "classifier.2"), 0).mean(axis=(2, 3), keepdims=True)
        return conv(x, self.w["classifier.5.weight"])[:, :, 0, 0] + self.w["classifier.5.bias"]


def features(batch: int = 3) -> np.ndarray:
    """Log-mel values of the usual size, (batch, 40, 101, 1)."""
    draw = np.random.default_rng(5)
    return draw.normal(-4, 3, (batch, 40, 101, 1)).astype(np.float32)


@pytest.mark.parametrize("tau", [1, 1.5])
def test_logits_are_those_of_the_published_network(bc_resnet, tau):
    model, state_dict = bc_resnet(tau), random_state_dict(tau)
    load_torch_bc_resnet(model, state_dict)
    expected = Published(state_dict)(features().transpose(0, 3, 1, 2))
    assert np.ptp(expected) > 1.0  # not all zero for want of a signal
    np.testing.assert_allclose(model(features(), training=False), expected, rtol=0, atol=1e-4)


def test_every_weight_is_set(bc_resnet):
    """No variable keeps its value, and each key is needed: none is read twice."""
    model = bc_resnet(1)
    load_torch_bc_resnet(model, random_state_dict(1, seed=1))
    before = model.get_weights()
    load_torch_bc_resnet(model, random_state_dict(1, seed=2))
    for variable, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert (old != new).all(), variable.name


def test_the_callers_arrays_are_left_alone(bc_resnet):
    state_dict = random_state_dict(1)
    load_torch_bc_resnet(bc_resnet(1), state_dict)
    again = random_state_dict(1)
    assert list(state_dict) == list(again)
    for key, value in again.items():
        np.testing.assert_array_equal(state_dict[key], value)


def test_a_data_parallel_checkpoint(bc_resnet):
    model, state_dict = bc_resnet(1), random_state_dict(1, seed=3)
    load_torch_bc_resnet(model, {f"module.{key}": value for key, value in state_dict.items()})
    parallel = model.get_weights()
    load_torch_bc_resnet(model, random_state_dict(1, seed=4))
    load_torch_bc_resnet(model, state_dict)
    for one, two in zip(parallel, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_without_batch_counters_and_in_double_precision(bc_resnet):
    """What other tools write: no num_batches_tracked, float64."""
    state_dict = random_state_dict(1, seed=5)
    model = bc_resnet(1)
    load_torch_bc_resnet(model, state_dict)
    expected = model.get_weights()
    load_torch_bc_resnet(model, random_state_dict(1, seed=6))
    doubles = {k: v.astype(np.float64) for k, v in state_dict.items() if "num_batches" not in k}
    load_torch_bc_resnet(model, doubles)
    for one, two in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


# Refusals: UserError, and the model as it was


def refused(model: keras.Model, state_dict: dict[str, Any], match: str) -> None:
    before = model.get_weights()
    with pytest.raises(UserError, match=match):
        load_torch_bc_resnet(model, state_dict)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "key",
    [
        "cnn_head.0.weight",
        "cnn_head.1.running_var",
        "BCBlocks.0.0.f2.0.block.0.weight",
        "BCBlocks.1.1.f2.0.block.1.ssnorm.running_mean",
        "BCBlocks.3.3.f1.1.weight",
        "classifier.2.bias",
        "classifier.5.bias",
    ],
)
def test_refuses_a_missing_key_and_names_it(bc_resnet, key):
    state_dict = random_state_dict(1, seed=7)
    del state_dict[key]
    refused(bc_resnet(1), state_dict, f"no '{key}'")


@pytest.mark.parametrize(
    "key", ["classifier.6.weight", "BCBlocks.3.4.f1.1.weight", "optimizer", ""]
)
def test_refuses_an_unknown_key_and_names_it(bc_resnet, key):
    state_dict = {**random_state_dict(1, seed=7), key: np.zeros(3, np.float32)}
    refused(bc_resnet(1), state_dict, f"'{key}'")


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("cnn_head.0.weight", (16, 1, 3, 3)),
        ("cnn_head.0.weight", (16, 25)),
        ("cnn_head.1.weight", (1,)),
        ("cnn_head.1.bias", (4, 4)),
        ("cnn_head.1.bias", ()),
        ("BCBlocks.0.0.f2.0.block.0.weight", (16, 8, 1, 1)),
        ("BCBlocks.0.0.f2.1.block.0.weight", (8, 1, 1, 3)),
        ("BCBlocks.0.0.f2.1.block.1.ssnorm.weight", (8,)),
        ("BCBlocks.0.0.f2.1.block.1.ssnorm.weight", (8, 5)),
        ("BCBlocks.0.0.f2.1.block.1.ssnorm.weight", (5, 8)),
        ("BCBlocks.0.0.f1.0.block.0.weight", (8, 8, 1, 3)),
        ("BCBlocks.0.0.f1.0.block.0.weight", (8, 1, 3)),
        ("classifier.5.weight", (12, 32, 3, 1)),
        ("classifier.5.weight", (12,)),
        ("classifier.5.bias", (35,)),
    ],
    ids=str,
)
def test_refuses_another_shape_and_names_the_key(bc_resnet, key, shape):
    """Also one with as many elements, which a reshape would take."""
    state_dict = {**random_state_dict(1, seed=8), key: np.zeros(shape, np.float32)}
    refused(bc_resnet(1), state_dict, f"'{key}' has shape")


def test_refuses_a_checkpoint_of_another_width(bc_resnet):
    refused(bc_resnet(1), random_state_dict(1.5), "build the model with the tau")


def test_refuses_a_model_of_another_kind():
    refused(build_model("ds_cnn"), random_state_dict(1), "'cnn_head.0.weight' has shape")


# The same against torch itself


def torch_bc_resnet(torch: Any, tau: float) -> Any:
    """A torch network of the paper with the published key names."""
    nn: Any = torch.nn
    Base: Any = nn.Module
    stem, stages, tail = widths(tau)

    class SubSpectral(Base):
        def __init__(self, channels):
            super().__init__()
            self.ssnorm = nn.BatchNorm2d(channels * SUB_BANDS)

        def forward(self, x):
            split = x.reshape(len(x), -1, x.shape[2] // SUB_BANDS, x.shape[3])
            return self.ssnorm(split).reshape(x.shape)

    class Unit(Base):
        """A convolution, a norm, an activation, called `block` in the published keys."""

        def __init__(self, convolution, norm, *activation):
            super().__init__()
            self.block = nn.Sequential(convolution, norm, *activation)

        def forward(self, x):
            return self.block(x)

    class Block(Base):
        def __init__(self, ins, outs, stride, dilation):
            super().__init__()
            self.transition = ins != outs
            depthwise = nn.Conv2d(outs, outs, (3, 1), (stride, 1), (1, 0), groups=outs, bias=False)
            f2 = [Unit(depthwise, SubSpectral(outs))]
            if self.transition:
                expand = nn.Conv2d(ins, outs, 1, bias=False)
                f2.insert(0, Unit(expand, nn.BatchNorm2d(outs), nn.ReLU()))
            self.f2 = nn.Sequential(*f2)
            temporal = nn.Conv2d(
                outs, outs, (1, 3), 1, (0, dilation), (1, dilation), groups=outs, bias=False
            )
            self.f1 = nn.Sequential(
                Unit(temporal, nn.BatchNorm2d(outs), nn.SiLU()),
                nn.Conv2d(outs, outs, 1, bias=False),
                nn.Dropout2d(0.1),
            )

        def forward(self, x):
            y = self.f2(x)
            y = y + self.f1(y.mean(2, keepdim=True))
            return torch.relu(y if self.transition else y + x)

    class Network(Base):
        def __init__(self):
            super().__init__()
            self.cnn_head = nn.Sequential(
                nn.Conv2d(1, stem, 5, (2, 1), 2, bias=False), nn.BatchNorm2d(stem), nn.ReLU()
            )
            self.BCBlocks = nn.ModuleList()
            ins = stem
            for i, ((blocks, stride), outs) in enumerate(zip(STAGES, stages, strict=True)):
                stage = nn.ModuleList()
                for j in range(blocks):
                    stage.append(Block(ins, outs, stride if j == 0 else 1, 2**i))
                    ins = outs
                self.BCBlocks.append(stage)
            self.classifier = nn.Sequential(
                nn.Conv2d(ins, ins, 5, 1, (0, 2), groups=ins, bias=False),
                nn.Conv2d(ins, tail, 1, bias=False),
                nn.BatchNorm2d(tail),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(tail, CLASSES, 1),
            )

        def forward(self, x):
            x = self.cnn_head(x)
            for stage in self.BCBlocks:
                for block in stage:
                    x = block(x)
            return self.classifier(x)[:, :, 0, 0]

    return Network()


@pytest.mark.optional
@pytest.mark.parametrize("tau", [1, 1.5])
def test_logits_are_those_of_torch(bc_resnet, tau):
    """torch takes every key of our random state dict, and runs its own convolutions."""
    torch = pytest.importorskip("torch")
    network = torch_bc_resnet(torch, tau).eval()
    state_dict = random_state_dict(tau, seed=9)
    network.load_state_dict({key: torch.from_numpy(v.copy()) for key, v in state_dict.items()})
    model = bc_resnet(tau)
    assert sum(p.numel() for p in network.parameters()) == sum(
        int(np.prod(v.shape)) for v in model.trainable_variables
    )
    load_torch_bc_resnet(model, {k: v.numpy() for k, v in network.state_dict().items()})
    with torch.no_grad():
        expected = network(torch.from_numpy(features().transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(model(features(), training=False), expected, rtol=0, atol=1e-4)


@pytest.mark.optional
def test_training_mode_agrees_with_torch(bc_resnet):
    """Batch moments of the sub-bands, their running mean and unbiased variance after a step."""
    torch = pytest.importorskip("torch")
    network = torch_bc_resnet(torch, 1).train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.p = 0.0
    state_dict = random_state_dict(1, seed=10)
    network.load_state_dict({key: torch.from_numpy(v.copy()) for key, v in state_dict.items()})
    model = build_model("bc_resnet", tau=1, dropout=0.0)
    load_torch_bc_resnet(model, state_dict)
    with torch.no_grad():
        expected = network(torch.from_numpy(features(8).transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(model(features(8), training=True), expected, rtol=0, atol=1e-3)
    trained = model.get_weights()
    load_torch_bc_resnet(model, {k: v.numpy() for k, v in network.state_dict().items()})
    for variable, ours, theirs in zip(model.weights, trained, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4, err_msg=variable.name)
