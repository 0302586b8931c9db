"""Change the few lines of the unpacked sdist that would fail or mislead an ordinary run.

Usage: patch_sources.py SOURCE_FOLDER. Every line is replaced exactly as often as said below;
anything else means that these are other sources, and nothing is guessed. What is left of the
differences from BVLC Caffe 1.0 is listed in tests/caffe_differences.toml.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple


class Patch(NamedTuple):
    """`old` becomes `new`, `times` times, in the file `path`."""

    path: str
    old: str
    new: str
    times: int = 1


_SIX = "import six\n"
_NO_SIX = """\
class six:  # Python 2 is gone, and so is the need for the package of this name
    iteritems, itervalues, next = dict.items, (lambda d: iter(d.values())), next
"""

_FINETUNE = """\
template <typename Dtype>
static void Finetune(const SolverParameter& param, Net<Dtype>* net) {
  for (const string& names : param.weights()) {
    std::istringstream stream(names);
    for (string name; std::getline(stream >> std::ws, name, ',');) {
      name.erase(name.find_last_not_of(" ") + 1);
      LOG(INFO) << "Finetuning from " << name;
      net->CopyTrainedLayersFrom(name);
    }
  }
}

"""

_LOGGED = [
    ("include/caffe/layer_factory.hpp", 'DLOG(INFO) << "Creating layer', 1),
    ("src/caffe/net.cpp", "DLOG_IF(INFO, Caffe::root_solver())", 22),
    ("src/caffe/net.cpp", 'DLOG(INFO) << "Ignoring source layer', 2),
    ("src/caffe/net.cpp", "DLOG(INFO) << layer_names_[layer_id]", 2),
    ("src/caffe/net.cpp", "DLOG(INFO) << layer_param->name()", 1),
    ("src/caffe/util/upgrade_proto.cpp", "DLOG(INFO)", 12),
    ("src/caffe/data_reader.cpp", 'DLOG(INFO) << "Restarting', 1),
]

PATCHES = [
    # BVLC's release build logs what it builds, skips and upgrades; this fork's keeps silent.
    *(Patch(path, old, old[1:], times) for path, old, times in _LOGGED),
    # `caffe train -weights` is accepted and then forgotten here. In BVLC it is the solver's
    # `weights`: several files with commas between, loaded into the train net and the test nets.
    Patch(
        "src/caffe/proto/caffe.proto",
        '  optional string ap_version = 42 [default = "Integral"];\n',
        '  optional string ap_version = 43 [default = "Integral"];\n'
        "  repeated string weights = 42;\n",
    ),
    Patch(
        "tools/caffe.cpp",
        "  caffe::ReadSolverParamsFromTextFileOrDie(FLAGS_solver, &solver_param);\n",
        "  caffe::ReadSolverParamsFromTextFileOrDie(FLAGS_solver, &solver_param);\n"
        "  if (FLAGS_snapshot.size() || FLAGS_weights.size()) solver_param.clear_weights();\n"
        "  if (FLAGS_weights.size()) solver_param.add_weights(FLAGS_weights);\n",
    ),
    Patch(
        "src/caffe/solver.cpp",
        "template <typename Dtype>\nvoid Solver<Dtype>::InitTrainNet() {\n",
        _FINETUNE + "template <typename Dtype>\nvoid Solver<Dtype>::InitTrainNet() {\n",
    ),
    Patch(
        "src/caffe/solver.cpp",
        "    net_.reset(new Net<Dtype>(net_param));\n",
        "    net_.reset(new Net<Dtype>(net_param));\n    Finetune(param_, net_.get());\n",
    ),
    Patch(
        "src/caffe/solver.cpp",
        "    test_nets_[i]->set_debug_info(param_.debug_info());\n",
        "    test_nets_[i]->set_debug_info(param_.debug_info());\n"
        "    Finetune(param_, test_nets_[i].get());\n",
    ),
    # BVLC asks the file whether it is HDF5, not its name.
    Patch(
        "src/caffe/net.cpp",
        "  if (trained_filename.size() >= 3 &&\n"
        '      trained_filename.compare(trained_filename.size() - 3, 3, ".h5") == 0) {\n',
        "  if (H5Fis_hdf5(trained_filename.c_str())) {\n",
    ),
    # Weights of VGG-16 are larger than the 512 MiB that this fork reads; BVLC reads 2 GiB.
    Patch(
        "src/caffe/util/io.cpp",
        "SetTotalBytesLimit(536870912)",
        "SetTotalBytesLimit(2147483647)",
        times=2,
    ),
    # Two layers of one name on one LMDB (train and test, or two nets) would share a reader that
    # is made for several GPUs, and the second would abort.
    Patch("src/caffe/data_reader.cpp", "  body_ = weak.lock();\n", ""),
    # With a crop, an encoded image and a mean file never have the same size here.
    Patch(
        "src/caffe/data_transformer.cpp",
        "    CHECK_EQ(cv_cropped_image.rows, data_mean_.height());\n"
        "    CHECK_EQ(cv_cropped_image.cols, data_mean_.width());\n",
        "",
    ),
    # Nothing keeps weight decay off BatchNorm's running statistics, and the three `param`s that
    # a prototxt may carry against it are dropped when it is read. In BVLC they never learn.
    Patch(
        "src/caffe/layers/batch_norm_layer.cpp",
        "  eps_ = param.eps();\n",
        "  eps_ = param.eps();\n"
        "  while (this->layer_param_.param_size() < 3) this->layer_param_.add_param();\n"
        "  for (int i = 0; i < 3; ++i) this->layer_param_.mutable_param(i)->set_lr_mult(0);\n",
    ),
    Patch(
        "src/caffe/util/upgrade_proto.cpp",
        "      net_param->mutable_layer(i)->clear_param();\n",
        "      for (int j = 0; j < 3; ++j) {\n"
        "        net_param->mutable_layer(i)->mutable_param(j)->set_lr_mult(0);\n"
        "        net_param->mutable_layer(i)->mutable_param(j)->set_decay_mult(0);\n"
        "      }\n",
    ),
    # `import caffe` needs neither scikit-image nor SciPy: two functions on images do.
    Patch("python/caffe/io.py", "import skimage.io\nfrom scipy.ndimage import zoom\n", ""),
    Patch(
        "python/caffe/io.py",
        "    img = skimage.img_as_float(skimage.io.imread(filename, as_grey=not color))",
        "    import skimage.io\n"
        "    img = skimage.img_as_float(skimage.io.imread(filename, as_gray=not color))",
    ),
    # BVLC's line that imports `resize` is missing from this fork.
    Patch(
        "python/caffe/io.py",
        "    if im.shape[-1] == 1 or im.shape[-1] == 3:\n",
        "    from scipy.ndimage import zoom\n"
        "    from skimage.transform import resize\n"
        "    if im.shape[-1] == 1 or im.shape[-1] == 3:\n",
    ),
    Patch("python/caffe/pycaffe.py", _SIX, _NO_SIX),
    Patch("python/caffe/net_spec.py", _SIX, _NO_SIX),
]


def apply(source: Path, patch: Patch) -> None:
    """Change one file of the sources in place.

    Raises:
        SystemExit: the file does not hold `old` exactly `times` times.
    """
    file = source / patch.path
    text = file.read_text(encoding="utf-8")
    found = text.count(patch.old)
    if found != patch.times:
        sys.exit(f"{file}: expected {patch.times} of {patch.old!r}, found {found}")
    file.write_text(text.replace(patch.old, patch.new), encoding="utf-8")


if __name__ == "__main__":
    for patch in PATCHES:
        apply(Path(sys.argv[1]), patch)
