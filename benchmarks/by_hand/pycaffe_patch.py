"""The script that users write by hand: read, edit and print a net and its solver with pycaffe.

It loses all comments and the layout, and proves nothing.

    python pycaffe_patch.py FOLDER_OF_PYCAFFE
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from caffe.proto import caffe_pb2
from google.protobuf import text_format

net = text_format.Parse(Path("train_val.prototxt").read_text(), caffe_pb2.NetParameter())
solver = text_format.Parse(Path("solver.prototxt").read_text(), caffe_pb2.SolverParameter())

layers = list(net.layer)
position = next(i for i, layer in enumerate(layers) if layer.name == "loss3/classifier")
classifier = layers[position]

latent = caffe_pb2.LayerParameter(name="latent_SSDH", type="InnerProduct", top=["latent_SSDH"])
latent.bottom.append(classifier.bottom[0])
for lr_mult, decay_mult in ((1, 1), (2, 0)):
    latent.param.add(lr_mult=lr_mult, decay_mult=decay_mult)
latent.inner_product_param.num_output = 128
latent.inner_product_param.weight_filler.type = "gaussian"
latent.inner_product_param.weight_filler.std = 0.005
latent.inner_product_param.bias_filler.value = 1
code = caffe_pb2.LayerParameter(name="latent_SSDH_encode", type="Sigmoid")
code.bottom.append("latent_SSDH")
code.top.append("latent_SSDH_encode")

old = classifier.top[0]
classifier.name += "_change"
classifier.bottom[0], classifier.top[0] = code.top[0], classifier.name
for param in classifier.param:
    param.lr_mult *= 10
for layer in layers:
    for i, bottom in enumerate(layer.bottom):
        if bottom == old:
            layer.bottom[i] = classifier.name

result = caffe_pb2.NetParameter(name=net.name)
result.layer.extend([*layers[:position], latent, code, *layers[position:]])

solver.base_lr /= 10
solver.weight_decay = 0.0005
solver.net = "train_val_ssdh.prototxt"
solver.snapshot_prefix += "_ssdh"

sys.stdout.write(text_format.MessageToString(result))
sys.stdout.write(text_format.MessageToString(solver))
