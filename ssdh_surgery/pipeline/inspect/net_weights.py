"""What a net copies from a weights file, as Caffe does it: by layer name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.weights.weights_summary import weights_summary
from ssdh_surgery.pipeline.check.weights.renamed_layers import renamed_layers
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy, weights_copy
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.inspect.show import net_table


@dataclass(frozen=True)
class NetWeights:
    """A net and the weights that it copies.

    Attributes:
        net: the name of its file.
        state: the phase, level and stages that it is built for.
        copy: what it copies, layer by layer.
        renamed: layers that are likely the same under two names: that in the net, that in the file.
    """

    net: str
    state: str
    copy: WeightsCopy
    renamed: tuple[tuple[str, str], ...]

    @property
    def is_usable(self) -> bool:
        """Whether Caffe takes the weights, and copies any layer of them."""
        return bool(self.copy.names("copied")) and not self.copy.names("shape-clash")

    def as_json(self) -> dict[str, Any]:
        """The answer of `weights --net --json`."""
        return {
            "file": self.copy.file,
            "net": self.net,
            "weights": self.copy.as_json(),
            "renamed": [{"layer": ours, "file_layer": theirs} for ours, theirs in self.renamed],
        }


def net_weights(net: str, path: Path | str) -> NetWeights:
    """What a net copies from a weights file.

    Args:
        net: the net, as read_source takes it.
        path: the weights.

    Raises:
        FileError: a file cannot be read.
        SsdhError: the net cannot be read, or is none.
        DataError: the file holds no weights.
        MissingExtra: it is HDF5 and h5py is not installed.
    """
    summary = weights_summary(path)
    table = net_table(read_source(net))
    copy = weights_copy(table.shapes, summary)
    return NetWeights(table.net.file, str(table.state), copy, tuple(renamed_layers(copy)))
