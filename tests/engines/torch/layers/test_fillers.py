"""The fillers: their distributions, as Caffe's filler.hpp defines them."""

import math

import pytest
import torch

from ssdh_surgery.caffe.messages.schema import FillerParameter
from ssdh_surgery.engines.torch.layers.fillers import fill
from ssdh_surgery.errors import EngineError

SHAPE = (40, 20, 10, 10)  # 80,000 values: fan in 2,000, fan out 4,000


def filled(shape=SHAPE, **settings):
    tensor = torch.full(shape, math.nan)
    fill(tensor, FillerParameter(**settings), torch.Generator().manual_seed(3))
    return tensor


def norm(name):
    return FillerParameter.VarianceNorm.Value(name)


def assert_uniform(values, low, high):
    assert low <= values.min() < low + (high - low) / 1000
    assert high - (high - low) / 1000 < values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < 4 * values.std() / math.sqrt(values.numel())
    # Evenly over ten parts.
    parts = torch.histc(values, 10, low, high) / values.numel()
    assert (parts - 0.1).abs().max() < 0.006


def assert_normal(values, mean, std):
    assert abs(values.mean() - mean) < 4 * std / math.sqrt(values.numel())
    assert abs(values.std() / std - 1) < 0.01
    within = ((values - mean).abs() < std).float().mean()
    assert abs(within - 0.6827) < 0.006


def test_constant():
    assert (filled(type="constant", value=0.3) == 0.3).all()


def test_the_default_is_a_constant_zero():
    assert (filled() == 0).all()


def test_uniform():
    assert_uniform(filled(type="uniform", min=-0.5, max=2), -0.5, 2)


def test_gaussian():
    assert_normal(filled(type="gaussian", mean=1, std=0.2), 1, 0.2)


def test_gaussian_sparse():
    values = filled((50, 1000), type="gaussian", std=2, sparse=10)

    # On average 10 of 50.
    assert abs((values != 0).float().mean() - 0.2) < 0.01
    assert_normal(values[values != 0], 0, 2)


@pytest.mark.parametrize(
    ("variance_norm", "n"), [("FAN_IN", 2000), ("FAN_OUT", 4000), ("AVERAGE", 3000)]
)
def test_xavier(variance_norm, n):
    bound = math.sqrt(3 / n)

    assert_uniform(filled(type="xavier", variance_norm=norm(variance_norm)), -bound, bound)


@pytest.mark.parametrize(
    ("variance_norm", "n"), [("FAN_IN", 2000), ("FAN_OUT", 4000), ("AVERAGE", 3000)]
)
def test_msra(variance_norm, n):
    values = filled(type="msra", variance_norm=norm(variance_norm))

    assert_normal(values, 0, math.sqrt(2 / n))


def test_fan_out_of_a_vector_is_its_count():
    bound = math.sqrt(3 / 80000)
    values = filled((80000,), type="xavier", variance_norm=norm("FAN_OUT"))

    assert_uniform(values, -bound, bound)


def test_positive_unitball():
    values = filled((30, 4, 5), type="positive_unitball")

    assert (values >= 0).all()
    assert torch.allclose(values.flatten(1).sum(1), torch.ones(30))
    assert values.std() > 0.02


def test_bilinear():
    values = filled((2, 1, 4, 4), type="bilinear")
    line = torch.tensor([0.25, 0.75, 0.75, 0.25])

    assert torch.equal(values, torch.outer(line, line).expand(2, 1, 4, 4))


def test_bilinear_of_odd_size():
    # Caffe 1.0: f = 2, c = (3 - 1) / 4.
    line = torch.tensor([0.5, 1.0, 0.5])

    assert torch.equal(filled((1, 1, 3, 3), type="bilinear")[0, 0], torch.outer(line, line))


def test_a_seed_gives_the_same_values():
    assert torch.equal(filled(type="gaussian"), filled(type="gaussian"))


@pytest.mark.parametrize(
    ("settings", "shape", "message", "hint"),
    [
        ({"type": "gausian"}, SHAPE, "Unknown filler name: gausian", "did you mean 'gaussian'?"),
        ({"type": "xavier", "sparse": 3}, SHAPE, "Sparsity not supported by this Filler.", None),
        (
            {"type": "gaussian", "std": 0},
            SHAPE,
            "a gaussian filler's std must be positive, not 0",
            None,
        ),
        (
            {"type": "gaussian", "sparse": 60},
            SHAPE,
            "a filler's sparse is 60, more than the 40 outputs",
            None,
        ),
        (
            {"type": "gaussian", "sparse": -2},
            SHAPE,
            "a filler's sparse must be -1 or more, not -2",
            None,
        ),
        (
            {"type": "uniform", "min": 1, "max": 0},
            SHAPE,
            "a uniform filler's min 1 is above its max 0",
            None,
        ),
        ({"type": "bilinear"}, (3, 3), "Blob must be 4 dim.", None),
        ({"type": "bilinear"}, (1, 1, 3, 4), "Filter must be square", None),
        ({"type": "msra"}, (), "a msra filler cannot fill a blob without axes", None),
    ],
)
def test_what_caffe_refuses(settings, shape, message, hint):
    with pytest.raises(EngineError) as caught:
        filled(shape, **settings)

    assert (caught.value.message, caught.value.hint) == (message, hint)
