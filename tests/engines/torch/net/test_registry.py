"""The table of layer types: read without PyTorch, true, and documented."""

import subprocess
import sys

import pytest

from ssdh_surgery.caffe.shapes.rules import SHAPE_RULES
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.net.registry import (
    REGISTRY,
    is_supported,
    layer_class,
    unsupported_type,
)
from ssdh_surgery.location import Location
from support.paths import ROOT


def test_reads_without_torch():
    code = (
        "import sys; from ssdh_surgery.engines.torch.net.registry import is_supported; "
        "print(is_supported('LRN'), is_supported('Python'), 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "True False False\n"


@pytest.mark.parametrize("layer_type", REGISTRY)
def test_every_entry_is_a_layer_that_has_a_rule(layer_type):
    assert issubclass(layer_class(layer_type), TorchLayer)
    assert layer_type in SHAPE_RULES


def test_the_types_of_caffe_that_are_missing():
    from ssdh_surgery.caffe.messages.dialect import V1_TYPES

    known = {*V1_TYPES.values()} - {""}

    assert {layer_type for layer_type in known if not is_supported(layer_type)} == {
        "HDF5Output",
        "WindowData",
    }


def test_an_unsupported_type_is_named_with_its_place():
    place = Location("net.prototxt", 3, 9, "  type: 'PriorBox'", 10)

    assert str(unsupported_type("PriorBox", "prior", place)) == (
        "net.prototxt:3:9: layer 'prior' has the type 'PriorBox', which the embedded engine does "
        "not have\n"
        "  3 |   type: 'PriorBox'\n"
        "    |         ^^^^^^^^^^\n"
        "hint: use --engine binary with a Caffe that has it"
    )


def test_a_misspelt_type_is_suspected():
    assert unsupported_type("Convolutoin", "c").hint == (
        "did you mean 'Convolution'? If not, use --engine binary with a Caffe that has it"
    )


def test_the_page_of_layers_is_up_to_date():
    command = [sys.executable, str(ROOT / "tools" / "docs" / "layers.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True)

    assert (run.returncode, run.stderr) == (0, "")
