"""Findings, and the one table of all rules that they come from, in the order of their codes.

A finding is a value: a check yields it and never raises it. Everything but its message, hint
and location is in its rule. To add one: a row here, the function that yields it, a test
that names its code, and `tools/docs/findings.py`, which writes `docs/findings.md`. The file is
long because the table is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssdh_surgery.location import Location, describe

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class FindingRule:
    """A row of the table.

    Attributes:
        code: stable and unique (`SSDH101`); its first digit is the family.
        name: stable and unique (`labels-out-of-range`).
        severity: `error` where the run would fail or be useless.
        summary: what is wrong, in one sentence.
        reason: why it matters: what Caffe does with it, or what goes wrong later.
        remedy: how to mend it, in one sentence.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    reason: str
    remedy: str

    def at(self, location: Location | None, message: str, hint: str | None = None) -> Finding:
        """A finding of this rule."""
        return Finding(self, message, hint, location)


@dataclass(frozen=True)
class Finding:
    """One violation of a rule: what exactly is wrong, where, and what to do about it."""

    rule: FindingRule
    message: str
    hint: str | None = None
    location: Location | None = None

    @property
    def code(self) -> str:
        """The rule's code."""
        return self.rule.code

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.name

    @property
    def severity(self) -> Severity:
        """The rule's severity."""
        return self.rule.severity

    @property
    def is_error(self) -> bool:
        """Whether the run would fail or be useless."""
        return self.rule.severity == "error"

    def as_json(self) -> dict[str, str | None]:
        """The finding without its location, as commands other than `check` print it."""
        return {
            "code": self.rule.code,
            "name": self.rule.name,
            "severity": self.rule.severity,
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        rule = self.rule
        label = f"{rule.severity} {rule.code} {rule.name}: {self.message}"
        return describe(label, self.location, self.hint)


# What the rules of a family are about, by the first digit of their codes.
FAMILIES = {
    "1": "Training data",
    "2": "Nets",
    "3": "Solvers",
    "4": "Weights and snapshots",
    "5": "Runs and machines",
    "6": "Lists and folders of images",
    "7": "Encoding",
}

RULES: dict[str, FindingRule] = {}


def _rule(
    code: str, name: str, severity: Severity, summary: str, reason: str, remedy: str
) -> FindingRule:
    assert code not in RULES, f"{code} appears twice in the table"
    RULES[code] = FindingRule(code, name, severity, summary, reason, remedy)
    return RULES[code]


# fmt: off

# ---------------------------------------------------------------- SSDH1xx training data

LABELS_OUT_OF_RANGE = _rule(
    "SSDH101", "labels-out-of-range", "error",
    "Labels of a source for which the classifier has no output.",
    "Caffe does not check labels: a GPU reads out of bounds, and a CPU build trains on garbage "
    "and exits with 0. `loss_param { ignore_label }` is respected.",
    "Number the labels from 0 without gaps, or set `num_output` to the largest label plus 1.",
)
NO_MEAN_FILE = _rule(
    "SSDH102", "no-mean-file", "error",
    "The `mean_file` of a data layer does not exist.",
    "Caffe stops when it builds the layer. It looks the path up from its working directory, not "
    "from the net's folder.",
    "Write the path as it is seen from the directory that caffe runs in, or make the file "
    "with `ssdh data mean`.",
)
NO_SOURCE = _rule(
    "SSDH103", "no-source", "error",
    "The `source` of an `ImageData`, `HDF5Data` or `WindowData` layer does not exist.",
    "Caffe stops when it builds the layer. It looks the path up from its working directory, not "
    "from the net's folder.",
    "Write the path as it is seen from the directory that caffe runs in.",
)
NO_DATABASE = _rule(
    "SSDH104", "no-database", "error",
    "The `source` of a `Data` layer does not exist.",
    "Caffe stops when it opens the database. It looks the path up from its working directory, "
    "not from the net's folder.",
    "Write the path as it is seen from the directory that caffe runs in, or make the database "
    "with `ssdh data build`.",
)
WRONG_BACKEND = _rule(
    "SSDH105", "wrong-backend", "error",
    "A `Data` layer names another `backend` than the one that its database was written with.",
    "Caffe opens the database with the library that `backend` names, LEVELDB by default, and "
    "stops.",
    "Set `backend` in `data_param` to what the database is.",
)
UNREADABLE_DATABASE = _rule(
    "SSDH106", "unreadable-database", "error",
    "The LMDB of a `Data` layer cannot be read.",
    "Caffe stops when it opens the database, or at the first damaged record.",
    "Make the database again with `ssdh data build`, or copy it again.",
)
ONE_LABEL = _rule(
    "SSDH107", "one-label", "warning",
    "All records of a training or a test set have the same label.",
    "The loss falls to 0 and the accuracy is the share of that class: nothing is learned. The "
    "labels of a list are 0 where its lines end in a space, and those of a Datum where none was "
    "set.",
    "Make the database again from folders or from a list with the right labels.",
)
CLASSES_WITHOUT_RECORDS = _rule(
    "SSDH108", "classes-without-records", "warning",
    "The classifier has outputs for classes that no training record has.",
    "They are never learned. Usually num_output is too large, or the labels do not start at 0.",
    "Set `num_output` to the number of classes, or number the labels from 0.",
)
TEST_COVERAGE = _rule(
    "SSDH109", "test-coverage", "info",
    "A test does not read each record of its LMDB once.",
    "The accuracy is that of a part of the records, and differs from test to test as the next "
    "one starts where the last one ended.",
    "Set `test_iter` to the number of test records divided by the batch size, rounded up.",
)
UNDECODABLE_RECORD = _rule(
    "SSDH110", "undecodable-record", "error",
    "A record of a database is no image, or not even a record.",
    "Caffe stops at its batch, which may be hours into the run: at an image with `height >= "
    "crop_size (0 vs. N)` or `Check failed: cv_cropped_image.data`. Of bytes that are no record "
    "it takes what it can read.",
    "Make the database again, or remove the record; `ssdh data show LMDB --verify` names all "
    "that cannot be read.",
)
SHORT_RECORD = _rule(
    "SSDH111", "short-record", "error",
    "A record has fewer values than its channels, height and width say.",
    "Caffe does not compare them: it reads on past the end of the record, and trains on what is "
    "in memory there.",
    "Make the database again with `ssdh data build`, or with the sizes of its pixels.",
)
LONG_RECORD = _rule(
    "SSDH112", "long-record", "warning",
    "A record has more values than its channels, height and width say.",
    "Caffe reads the first of them and leaves out the others: the sizes are probably wrong.",
    "Make the database again with `ssdh data build`, or with the sizes of its pixels.",
)
RECORD_SIZES = _rule(
    "SSDH113", "record-sizes", "error",
    "The records of a database differ in size or channels, and the layer cannot take that.",
    "Caffe stops at the first batch with two sizes. With a `crop_size` they may differ, as long as "
    "each is at least that large and no `mean_file` is subtracted; channels never may.",
    "Make the database again with all images of one size: `ssdh data build --resize WxH`.",
)
MIXED_ENCODING = _rule(
    "SSDH114", "mixed-encoding", "info",
    "Some records of a database are encoded images, others are raw pixels.",
    "Caffe reads both. Such a database was written in two ways, which may differ in size or in the "
    "order of the channels.",
    "Make the database again in one way, with `ssdh data build`.",
)
CHANNELS_LAST = _rule(
    "SSDH115", "channels-last", "warning",
    "The sizes of records look like height x width x channels.",
    "A record is channels x height x width. Caffe takes the rows of an image for its channels.",
    "Make the database again with `ssdh data build`, or transpose the pixels to channels x "
    "height x width.",
)
CUT_IMAGE = _rule(
    "SSDH116", "cut-image", "warning",
    "An encoded image of a database ends before its end marker.",
    "Decoders fill up what is missing with gray, without a word.",
    "Copy the image again, and make the database anew.",
)
RECORDS_CLASS_BY_CLASS = _rule(
    "SSDH117", "records-class-by-class", "warning",
    "The training data come class by class.",
    "Each batch has one class or two, and the net forgets the others meanwhile: the loss rises "
    "and falls in waves, and little is learned. A `Data` layer does not shuffle.",
    "Make the database again in random order: `ssdh data build --shuffle`.",
)
UNTRAINED_TEST_CLASSES = _rule(
    "SSDH118", "untrained-test-classes", "warning",
    "The test data have classes that the training data do not have.",
    "The net cannot recognize them. Usually the two sets were numbered differently.",
    "Number the classes of both sets by one `labels.txt`, as `ssdh data build` does.",
)
UNTESTED_CLASSES = _rule(
    "SSDH119", "untested-classes", "info",
    "The training data have classes that the test data do not have.",
    "The accuracy says nothing about these.",
    "Add test images of these classes, or read the accuracy as that of the others.",
)
OUT_OF_STEP = _rule(
    "SSDH120", "out-of-step", "warning",
    "Two data layers whose tops meet do not read the same items at the same time.",
    "Each layer reads its source by itself, in the order of its keys or lines. Images get the "
    "labels of other images, and Caffe does not notice.",
    "Make both sources from one list in one order, and give both layers the same batch size.",
)
TEST_DATA_TRAINED_ON = _rule(
    "SSDH121", "test-data-trained-on", "warning",
    "Records of the test data are also in the training data.",
    "The accuracy is too high: the net has learned these images.",
    "Remove them from one of the two; `ssdh data build --split` keeps equal images on one "
    "side.",
)
LEVELDB_OPENED_TWICE = _rule(
    "SSDH122", "leveldb-opened-twice", "info",
    "A LevelDB is read by two layers, or by a run on several GPUs.",
    "A LevelDB can be open once at a time. Caffe stops with `IO error: lock LOCK: already held by "
    "process`; only the Caffes of 2015 and 2016 share a reader between layers of one name.",
    "Make an LMDB of it, which any number of readers may open: `ssdh data build`.",
)
NO_BATCH = _rule(
    "SSDH123", "no-batch", "error",
    "The `batch_size` of a data layer is 0 or not set.",
    "A `Data` layer waits for its first batch without end, and Caffe says nothing; an `ImageData` "
    "layer stops with `Positive batch size required`.",
    "Set `batch_size` to the number of images that are read at a time.",
)
UNREADABLE_MEAN = _rule(
    "SSDH130", "unreadable-mean", "error",
    "The `mean_file` of a data layer holds no mean image.",
    "Caffe reads a BlobProto of 1 x C x H x W, as `compute_image_mean` writes it, and stops at "
    "anything else, among them numpy's and MATLAB's files.",
    "Make the mean with `ssdh data mean`, or convert it: `ssdh data mean --convert mean.npy "
    "mean.binaryproto`.",
)
MEAN_OF_ANOTHER_SIZE = _rule(
    "SSDH131", "mean-of-another-size", "error",
    "The mean file has other sizes than the images that it is subtracted from.",
    "Caffe stops at the first batch. It subtracts the mean before the crop, so channels, height "
    "and width must be those of the whole images.",
    "Make the mean of these images with `ssdh data mean`.",
)
MEAN_VALUE_COUNT = _rule(
    "SSDH132", "mean-value-count", "error",
    "The number of `mean_value` is neither 1 nor the number of channels.",
    "Caffe stops at the first batch.",
    "Give one `mean_value`, or one for each channel.",
)
MEAN_FILE_AND_VALUES = _rule(
    "SSDH133", "mean-file-and-values", "error",
    "A layer has a `mean_file` and a `mean_value`.",
    "Caffe stops when it builds the layer.",
    "Remove one of the two.",
)
CROP_TOO_LARGE = _rule(
    "SSDH134", "crop-too-large", "error",
    "`crop_size` is larger than the images.",
    "Caffe stops when it builds the layer, or at the first image that is too small.",
    "Set `crop_size` to at most the smaller side of the images.",
)
TESTS_PREPARED_OTHERWISE = _rule(
    "SSDH135", "tests-prepared-otherwise", "warning",
    "Images are scaled, or freed of a mean, in training but not in tests, or the other way round.",
    "Caffe tests the net on input that it was not trained on: the loss falls, and the accuracy "
    "stays at chance.",
    "Write the same scale and mean in the data layers of both phases.",
)
SCALE_OUT_OF_RANGE = _rule(
    "SSDH136", "scale-out-of-range", "warning",
    "The scale makes input that is far larger or smaller than a net can learn from.",
    "`scale: 0.00390625` is for pixels from 0 to 255. Records of floats are often from 0 to 1 "
    "already, and become next to nothing.",
    "Set the scale for the range of the pixels: 0.00390625 where it is 0 to 255, none where it "
    "is 0 to 1.",
)
MEAN_OUT_OF_RANGE = _rule(
    "SSDH137", "mean-out-of-range", "warning",
    "The mean is for pixels of another range than those that it is subtracted from.",
    "Caffe subtracts the mean before it multiplies by the scale.",
    "Give the mean for the range of the pixels; `ssdh data mean` computes it.",
)
RAW_PIXELS = _rule(
    "SSDH138", "raw-pixels", "warning",
    "A net starts from random weights at a learning rate of 0.01 or more, on pixels from 0 to 255.",
    "Activations and gradients are hundreds of times larger than with scaled pixels: the loss "
    "becomes nan, or sticks at 87.3365 or at chance.",
    "Set `scale: 0.00390625` or subtract a mean, in the data layers of both phases; or lower "
    "`base_lr`.",
)
MIRRORED_TESTS = _rule(
    "SSDH139", "mirrored-tests", "info",
    "Images are mirrored at random in tests.",
    "Caffe mirrors in both phases, so that each test judges other images.",
    "Remove `mirror` from the layer of the tests; give them a layer of their own with `include "
    "{ phase: TEST }`.",
)
UNREADABLE_LIST = _rule(
    "SSDH140", "unreadable-list", "error",
    "The list of an `ImageData`, `HDF5Data` or `WindowData` layer is empty, or is not a text.",
    "Caffe stops when it builds the layer.",
    "Name a text file with lines: for an `ImageData` layer a path, one space and a label.",
)
LINE_WITHOUT_PICTURE = _rule(
    "SSDH141", "line-without-picture", "error",
    "A line in the list of an `ImageData` layer is empty.",
    "Caffe takes `root_folder` for the path of its image, and stops when it comes to that line. "
    "`convert_imageset` leaves such lines out.",
    "Remove the line.",
)
SIZES_IN_A_BATCH = _rule(
    "SSDH142", "sizes-in-a-batch", "error",
    "The images of an `ImageData` layer differ in size, and nothing makes them equal.",
    "The first image of a batch decides its size. BVLC Caffe stops at an image of another one; "
    "Caffes of SSD's lineage copy its pixels as if it had that size. With `new_height` and "
    "`new_width` all are resized, with `crop_size` all are cropped.",
    "Set `new_height` and `new_width`, or `crop_size`.",
)
COLOR_AND_GRAY = _rule(
    "SSDH143", "color-and-gray", "error",
    "A layer that reads encoded records has both `force_color` and `force_gray`.",
    "Caffe stops at the first record.",
    "Remove one of the two.",
)
HDF5_AS_LIST = _rule(
    "SSDH144", "hdf5-as-list", "error",
    "The `source` of an `HDF5Data` layer is an HDF5 file.",
    "Caffe reads a text there, with the path of an HDF5 file in each line, and stops at the "
    "first of its bytes that it takes for a path.",
    "Write a text file with the path of the HDF5 file in a line, and set `source` to it.",
)
UNREADABLE_HDF5 = _rule(
    "SSDH145", "unreadable-hdf5", "error",
    "A file in the list of an `HDF5Data` layer does not exist, or is not HDF5.",
    "Caffe stops when it comes to that file: at the start for the first one, hours later for the "
    "last. It looks paths up from its working directory, and splits the list at white space.",
    "Correct the path in the list, as it is seen from the directory that caffe runs in.",
)
NO_DATASET = _rule(
    "SSDH146", "no-dataset", "error",
    "An HDF5 file has no dataset of the name of a top.",
    "Caffe stops when it reads the file.",
    "Give the dataset the name of the top, or the top that of the dataset.",
)
DATASET_ROWS = _rule(
    "SSDH147", "dataset-rows", "error",
    "The datasets of an HDF5 file differ in their number of rows.",
    "Caffe stops when it reads the file: a row of each dataset is one item.",
    "Write the file again with as many rows in each dataset.",
)
DATASET_REFUSED = _rule(
    "SSDH148", "dataset-refused", "error",
    "A dataset is empty, has no rows, is too large for a blob, or holds something other than "
    "integers and floats.",
    "Caffe stops when it reads the file. NumPy's booleans are an enum in HDF5.",
    "Write the dataset again, as float32 with at least one row.",
)
DATASETS_DIFFER = _rule(
    "SSDH149", "datasets-differ", "error",
    "The rows of a dataset have more or fewer values than in the first file of the list.",
    "Caffe does not look at it: it takes the shape from the first file, and reads rows of other "
    "files at wrong places or beyond their end.",
    "Write all files with the same shapes.",
)
HDF5_UNCHECKED = _rule(
    "SSDH150", "hdf5-unchecked", "info",
    "The HDF5 files of a layer were not looked into, since h5py is not installed.",
    "Missing datasets, datasets of unequal length and labels out of range go unnoticed until "
    "Caffe stops, or trains on garbage.",
    "Install h5py: `pip install 'ssdh-surgery[train]'`.",
)
FED_BY_PROGRAM = _rule(
    "SSDH151", "fed-by-program", "error",
    "A net that is trained takes its data from a program: from a `MemoryData` or `Input` layer, "
    "or an `input` of the net.",
    "`caffe train` has no such program. It stops at the first batch of a `MemoryData` layer, and "
    "trains on zeros where it is an input.",
    "Read the data with a `Data`, `ImageData` or `HDF5Data` layer.",
)
NO_REAL_DATA = _rule(
    "SSDH152", "no-real-data", "warning",
    "All data of a net that is trained come from `DummyData` layers.",
    "They write constants or random numbers. That is good for measuring speed; nothing of use is "
    "learned.",
    "Read real data; for a measurement of speed, nothing.",
)
WINDOW_FILE = _rule(
    "SSDH153", "window-file", "error",
    "The window file of a `WindowData` layer is not one, or its images do not suit.",
    "Caffe reads it word by word: `#` and the number of the image, its path, channels, height and "
    "width, the number of windows, then class, overlap and corners of each. It stops at another "
    "word or ignores the rest, and leaves a batch unfinished where an image is missing.",
    "Write the window file in the form that the reason describes.",
)
WINDOW_MEAN = _rule(
    "SSDH154", "window-mean", "error",
    "The mean file of a `WindowData` layer is smaller than its crop, or has other channels.",
    "Caffe takes the middle of the mean without a look at its size, and reads beyond its end.",
    "Make a mean of the size of the crop, or larger, with the channels of the images.",
)
PICTURE_OF_TWO_LABELS = _rule(
    "SSDH155", "picture-of-two-labels", "warning",
    "A list of an `ImageData` layer names an image several times, with different labels.",
    "One of them is wrong for a loss that knows one class per image. `ssdh data build "
    "--multi-label` makes LMDBs of images with several labels.",
    "Remove the lines with the wrong label, or build with `ssdh data build --multi-label`.",
)

# ---------------------------------------------------------------- SSDH2xx nets

UNREADABLE_NET = _rule(
    "SSDH200", "unreadable-net", "error",
    "A net of the solver does not exist or cannot be parsed.",
    "Caffe stops before the first iteration. Nothing else can be checked until it is readable.",
    "Correct the path in the solver, or the text at the place of the message.",
)
UNKNOWN_BOTTOM = _rule(
    "SSDH201", "unknown-bottom", "error",
    "A layer reads a blob that no layer above it writes.",
    "Caffe builds layers in the order of the file and stops at the first one whose bottom does "
    "not exist in that phase.",
    "Correct the name of the bottom, or add the layer that writes it above.",
)
DUPLICATE_TOP = _rule(
    "SSDH202", "duplicate-top", "error",
    "Two layers write the same blob, or a layer writes in place over a blob that is used twice.",
    "Caffe stops. It gives each of several readers its own copy of a blob, so that none of them "
    "can work in place.",
    "Give the top a name of its own.",
)
NO_LAYERS = _rule(
    "SSDH203", "no-layers", "error",
    "The net has no layers in a phase that the solver runs it in.",
    "Caffe builds the empty net, and stops when it runs it: at the first test or iteration.",
    "Name a net with layers for that phase, or remove `test_iter` to train without tests.",
)
FOREIGN_SYNTAX = _rule(
    "SSDH204", "foreign-syntax", "error",
    "The text has characters or numbers that Caffe's parser does not read.",
    "Python's protobuf reads them, so such a file goes unnoticed until Caffe stops at it. Text "
    "that was copied from a web page has other spaces than U+0020.",
    "Replace the character or the number as the hint says.",
)
OTHER_DIALECT = _rule(
    "SSDH205", "other-dialect", "error",
    "A layer has a field of another dialect.",
    "Caffe stops when it reads the net: its parser refuses fields that it does not know.",
    "Write the field as the dialect of the file has it; `ssdh upgrade` converts a file that "
    "is old throughout.",
)
UNKNOWN_LAYER_TYPE = _rule(
    "SSDH210", "unknown-layer-type", "warning",
    "A layer has a type that stock Caffe does not have.",
    "Stock Caffe stops at it. A fork may have it; its shapes, and those of everything that reads "
    "it, remain unknown here.",
    "Correct the type; with a fork that has it, silence the line with `# ssdh: ignore "
    "SSDH210`.",
)
UNKNOWN_SHAPE = _rule(
    "SSDH211", "unknown-shape", "info",
    "The shape of a blob is unknown without its data or its Python code.",
    "Layers above it cannot be checked, and their parameters and multiply-adds are not counted.",
    "Put the data where the net looks for them, or give `--input-shape`.",
)
ASSUMED_CHANNELS = _rule(
    "SSDH212", "assumed-channels", "info",
    "Nothing states the number of channels of the images, so one was assumed.",
    "Shapes, parameters and multiply-adds are wrong if the images have another number.",
    "Put the data where the net looks for them, or give `--input-shape`.",
)
LAYER_SETUP = _rule(
    "SSDH214", "layer-setup", "error",
    "A layer's parameters or the shapes of its bottoms are not allowed.",
    "Caffe stops when it sets up the layer; the message is Caffe's own.",
    "Change the parameter at the place of the message.",
)
SHARED_PARAM = _rule(
    "SSDH215", "shared-param", "error",
    "Layers share a parameter by name, and their shapes differ.",
    "Caffe stops. With `share_mode: PERMISSIVE` only the counts must be equal.",
    "Give the parameters names of their own, or make their shapes equal.",
)
EMPTY_BLOB = _rule(
    "SSDH216", "empty-blob", "warning",
    "A blob has no values.",
    "Caffe builds the net, and stops at the first iteration: `Check failed: data_`. Usually a "
    "kernel is larger than what it slides over.",
    "Make the kernel smaller, or the input larger.",
)
NO_INPUT_SHAPE = _rule(
    "SSDH217", "no-input-shape", "error",
    "An `input` of the net has no shape.",
    "Caffe leaves the input out and stops at the first layer that reads it.",
    "Add an `input_shape` for it, or remove the input.",
)

FOREIGN_NET_FIELD = _rule(
    "SSDH218", "foreign-net-field", "warning",
    "The net has a field, or a value, that BVLC Caffe does not have.",
    "BVLC Caffe stops when it reads or builds the net; a fork may have it.",
    "Correct the name, or remove the field for BVLC Caffe; with a fork that has it, nothing.",
)
ENGINE_LACKS_LAYER = _rule(
    "SSDH219", "engine-lacks-layer", "error",
    "The embedded engine was asked for, and it does not have the type of a layer.",
    "The engine stops before the first iteration. A Caffe that has the layer trains the net.",
    "Train with a Caffe that has the layer: `--engine binary`, `--caffe PATH`.",
)
ENGINE_LACKS_FIELD = _rule(
    "SSDH220", "engine-lacks-field", "error",
    "The embedded engine was asked for, and it does not have a field of the net.",
    "The engine stops when it reads the net, as BVLC Caffe does: without the field it would be "
    "another net.",
    "Train with a Caffe that has the field: `--engine binary`, `--caffe PATH`; or remove it.",
)
PYTHON_MODULE = _rule(
    "SSDH221", "python-module", "warning",
    "The module of a `Python` layer is in a folder that Python does not search.",
    "Caffe stops with `No module named`: it searches `PYTHONPATH`, and not its working directory.",
    "Add the folder of the module to `PYTHONPATH`.",
)
NO_STATISTICS = _rule(
    "SSDH222", "no-statistics", "warning",
    "A `BatchNorm` layer is trained on stored statistics that no weights hold.",
    "`use_global_stats: true` takes mean and variance from the layer's blobs. They are 0 without "
    "weights, so that values are divided by the root of `eps`: 316 times as large, at each such "
    "layer.",
    "Give the weights that hold the statistics, or remove `use_global_stats`, which Caffe sets "
    "by the phase.",
)
FEW_STATISTICS = _rule(
    "SSDH223", "few-statistics", "warning",
    "A `BatchNorm` layer measures its statistics over next to nothing: one image, or few values.",
    "A value is normalised by the mean and variance of the batch. Of one value per channel nothing "
    "remains but 0; of a few, next to nothing. The stored statistics, which tests use, come from "
    "the same batches.",
    "Raise `batch_size`, or set `use_global_stats: true` and start from weights with "
    "statistics.",
)
NO_SCALE = _rule(
    "SSDH224", "no-scale", "info",
    "No `Scale` layer follows a `BatchNorm`.",
    "BVLC Caffe's BatchNorm only normalises. The factor and the bias that the method learns per "
    "channel are a layer of their own: `Scale` with `bias_term: true`.",
    "Add a `Scale` layer with `scale_param { bias_term: true }` after it.",
)
EQUAL_UNITS = _rule(
    "SSDH225", "equal-units", "warning",
    "Layers start from equal weights and stay so, or start from zeros that stop each other.",
    "The default `weight_filler` is a constant 0. Units that start equal get equal gradients, and "
    "a layer above zeros gets none: the net learns next to nothing, and nothing fails.",
    "Give the layers a `weight_filler`, such as `xavier` or `msra`.",
)
NOTHING_LEARNS = _rule(
    "SSDH226", "nothing-learns", "warning",
    "No layer of the net learns.",
    "Caffe runs all iterations, and the weights stay as they were.",
    "Set `lr_mult` above 0 in the layers that are to learn, and check what the losses read.",
)
NO_GRADIENT = _rule(
    "SSDH227", "no-gradient", "warning",
    "Layers with weights to learn get no gradient: no loss reads them, or they are cut off.",
    "Caffe computes them in each iteration, and their weights stay as they were.",
    "Remove the branch, or let a loss depend on it; `lr_mult: 0` states that it is not to "
    "learn.",
)
LOSS_WITHOUT_EFFECT = _rule(
    "SSDH228", "loss-without-effect", "warning",
    "A loss does not depend on anything that learns.",
    "It is computed and displayed, and nothing is learned from it.",
    "Correct the bottoms of the loss, or remove it.",
)
NO_BACKWARD = _rule(
    "SSDH229", "no-backward", "error",
    "A gradient has to pass a layer, or a label, that has none.",
    "Caffe stops in the first iteration, with `Not Implemented Yet` or `Layer cannot "
    "backpropagate to label inputs`.",
    "Remove the layer from the path to the loss, or stop the gradient there with "
    "`propagate_down: false`.",
)
NO_LOSS = _rule(
    "SSDH230", "no-loss", "error",
    "The net that is trained has no loss.",
    "Caffe runs all iterations with a loss of 0, and learns nothing.",
    "Add a loss layer in TRAIN, or remove `loss_weight: 0`.",
)
INCOMPLETE_OBJECTIVE = _rule(
    "SSDH231", "incomplete-objective", "warning",
    "The loss has one of the two terms on the code, and not the other.",
    "The term that forces bits to 0 and 1 alone lets all images take the same code; the one that "
    "keeps half of the bits at 1 alone leaves them undecided.",
    "Add the other term: `ssdh patch --objective ssdh` writes both.",
)
FEW_BITS = _rule(
    "SSDH232", "few-bits", "warning",
    "A code has fewer bits than it takes to tell the classes apart.",
    "K bits make 2^K codes. With fewer codes than classes, images of different classes share one.",
    "Choose more bits: `ssdh patch --bits N`.",
)
BITS_START_EQUAL = _rule(
    "SSDH233", "bits-start-equal", "info",
    "All bits start at the same value, by the bias of the hash layer.",
    "All images share one code until training has moved the activations across the threshold.",
    "Nothing, where the run is long enough; a bias of 0 starts at the threshold: `ssdh patch "
    "--bias 0`.",
)
SATURATED_BITS = _rule(
    "SSDH234", "saturated-bits", "warning",
    "The activations of the code are next to 0 or 1 at the start, by their fillers.",
    "The gradient of a Sigmoid or TanH vanishes there, so that the bits hardly move.",
    "Choose a filler with a smaller deviation: `ssdh patch --filler gaussian:0.005`.",
)

UNTRAINED_TEST_LAYER = _rule(
    "SSDH235", "untrained-test-layer", "warning",
    "A layer of a test net has weights, and the train net has no layer of its name.",
    "Caffe shares weights by layer name. Another name starts from its fillers at each test, so "
    "that tests say nothing about what was learned, and nothing fails.",
    "Give the layer the name that it has in the train net.",
)
TEST_SHAPES = _rule(
    "SSDH236", "test-shapes", "error",
    "A layer has weights of other shapes in a test net than in the train net.",
    "Caffe stops at the first test: the nets share their weights.",
    "Give the layer the same parameters and the same input sizes in both nets.",
)
TWICE_NORMALIZED = _rule(
    "SSDH237", "twice-normalized", "warning",
    "A loss that contains a Softmax or Sigmoid reads the top of one.",
    "`SoftmaxWithLoss` and `SigmoidCrossEntropyLoss` take scores, not probabilities. Of "
    "probabilities the loss cannot come near to 0, and its gradients are small.",
    "Let the loss read the scores below the Softmax or Sigmoid.",
)

# ---------------------------------------------------------------- SSDH3xx solvers

NO_NET = _rule(
    "SSDH301", "no-net", "error",
    "The solver names no net to train.",
    "Caffe needs exactly one of `net`, `train_net`, `net_param` and `train_net_param`, and stops.",
    "Set `net` to the path of the train net.",
)
NO_MAX_ITER = _rule(
    "SSDH302", "no-max-iter", "error",
    "`max_iter` is not set, or is 0.",
    "Caffe takes 0 and finishes at once without training.",
    "Set `max_iter`.",
)
NO_BASE_LR = _rule(
    "SSDH303", "no-base-lr", "error",
    "`base_lr` is not set.",
    "Caffe takes 0: it runs all iterations and learns nothing.",
    "Set `base_lr`.",
)
UNREADABLE_SOLVER = _rule(
    "SSDH304", "unreadable-solver", "error",
    "The solver has a value that Caffe's schema does not have.",
    "Caffe stops when it reads the solver.",
    "Write one of the values that the message names.",
)
TEST_ITER_COUNT = _rule(
    "SSDH305", "test-iter-count", "error",
    "The number of `test_iter` differs from the number of test nets.",
    "Caffe needs one `test_iter` for each test net, and stops.",
    "Repeat `test_iter` once for each test net, in their order.",
)
NO_TEST_INTERVAL = _rule(
    "SSDH306", "no-test-interval", "error",
    "`test_iter` is set, but `test_interval` is not.",
    "Caffe stops: it does not know when to test.",
    "Set `test_interval`, or remove `test_iter` to train without tests.",
)
NO_SNAPSHOT_FOLDER = _rule(
    "SSDH307", "no-snapshot-folder", "error",
    "The folder of `snapshot_prefix` does not exist.",
    "Caffe does not create it. With `snapshot` above 0 it stops at the start; otherwise, and in "
    "old versions, when it writes the first snapshot, and what it learned is lost.",
    "Create the folder: `mkdir -p FOLDER`. `ssdh train` creates it.",
)
SNAPSHOT_FOLDER_READ_ONLY = _rule(
    "SSDH308", "snapshot-folder-read-only", "error",
    "The folder of `snapshot_prefix` is not writable.",
    "With `snapshot` above 0 Caffe stops at the start; otherwise, and in old versions, when it "
    "writes the first snapshot, and what it learned is lost.",
    "Change the permissions of the folder, or set `snapshot_prefix` to another one.",
)
NO_SNAPSHOTS = _rule(
    "SSDH309", "no-snapshots", "warning",
    "A solver writes no weights at all: `snapshot` is 0 and `snapshot_after_train` is false.",
    "Caffe trains to the end and exits with 0; what it learned is lost.",
    "Remove `snapshot_after_train: false`, or set `snapshot`.",
)
SOLVER_REFUSED = _rule(
    "SSDH310", "solver-refused", "error",
    "Caffe refuses a value of the solver: an unknown policy or type, or a field out of range.",
    "Caffe stops at the first iteration, after the whole first test, or dies of a division by "
    "zero.",
    "Correct the value at the place of the message.",
)
VANISHING_RATE = _rule(
    "SSDH311", "vanishing-rate", "warning",
    "The learning rate is next to nothing for half of the run or longer.",
    "Caffe goes on to the end and exits with 0; nothing is learned from there on.",
    "Set `gamma`, usually to 0.1, or lower the rate later: a larger `stepsize` or larger "
    "values of `stepvalue`.",
)
CONSTANT_RATE = _rule(
    "SSDH312", "constant-rate", "warning",
    "The policy of the learning rate never lowers it within the run.",
    "Caffe takes a missing `power` or `stepvalue` without a word. Training usually needs a lower "
    "rate at its end.",
    "Set the field that the policy reads, below `max_iter` where it is an iteration; "
    "`lr_policy: \"fixed\"` if it is intended.",
)
FOREIGN_SOLVER_FIELD = _rule(
    "SSDH313", "foreign-solver-field", "warning",
    "The solver has a field that BVLC Caffe does not have.",
    "BVLC Caffe stops when it reads the solver; a fork may have the field.",
    "Correct the name, or remove the field for BVLC Caffe; with a fork that has it, nothing.",
)

FOREIGN_SOLVER_VALUE = _rule(
    "SSDH314", "foreign-solver-value", "warning",
    "The solver has a policy or a type that BVLC Caffe does not have, and a fork has.",
    "BVLC Caffe stops at it, in the first iteration.",
    "Write a policy or a type of BVLC Caffe, or train with the fork: `--caffe PATH`.",
)
ZERO_RATE = _rule(
    "SSDH315", "zero-rate", "warning",
    "`base_lr` is 0.",
    "Caffe runs all iterations, and the weights stay as they were.",
    "Set `base_lr` above 0.",
)
WRONG_RATE = _rule(
    "SSDH316", "wrong-rate", "error",
    "`base_lr` is negative, or not a number.",
    "Caffe takes it: a negative rate raises the loss, and nan or inf makes all weights nan.",
    "Set `base_lr` to a number above 0.",
)
HIGH_MOMENTUM = _rule(
    "SSDH317", "high-momentum", "error",
    "`momentum` is 1 or above.",
    "Caffe takes it where the type of the solver does not refuse it: updates add up without end, "
    "and the loss becomes nan.",
    "Set `momentum` below 1, usually to 0.9.",
)
WEIGHT_DECAY = _rule(
    "SSDH318", "weight-decay", "warning",
    "`weight_decay` is negative, or so large that it takes the weights to 0 within 100 iterations.",
    "Each update takes the rate times the decay off the weights: with a large decay nothing that "
    "is learned remains, and a negative one makes weights grow without end.",
    "Set `weight_decay` to a small number, such as 0.0005.",
)
ZERO_CLIP = _rule(
    "SSDH319", "zero-clip", "error",
    "`clip_gradients` is 0.",
    "Caffe scales all gradients to a norm of 0, and nothing is learned. A negative value, the "
    "default, turns clipping off.",
    "Remove `clip_gradients`, or set it to the largest norm that is wanted.",
)
ZERO_DELTA = _rule(
    "SSDH320", "zero-delta", "warning",
    "`delta` is 0 or negative.",
    "The solver divides by a root plus `delta`; where a gradient is 0, the weights become nan.",
    "Set `delta` to a small number above 0, such as 1e-8.",
)
STEPVALUE_ORDER = _rule(
    "SSDH321", "stepvalue-order", "warning",
    "The values of `stepvalue` do not rise.",
    "Caffe waits for them one after the other: a value that is past when its turn comes lowers "
    "the rate at once.",
    "Sort the values of `stepvalue`.",
)
RISING_RATE = _rule(
    "SSDH322", "rising-rate", "warning",
    "The learning rate rises during the run.",
    "Caffe takes a `gamma` above 1, or a negative `power`: the rate grows until the loss becomes "
    "nan.",
    "Set `gamma` below 1, usually to 0.1.",
)
SILENT_RUN = _rule(
    "SSDH323", "silent-run", "info",
    "`display` is 0: the run prints no loss.",
    "Caffe prints nothing between tests and snapshots, so progress cannot be seen.",
    "Set `display`, such as to 100.",
)
EMPTY_TEST = _rule(
    "SSDH324", "empty-test", "warning",
    "A `test_iter` is 0 or negative.",
    "Caffe tests on no batch at all, and prints no result.",
    "Set `test_iter` to the number of batches of a test, or remove it to train without tests.",
)
NEW_LAYER_RATES = _rule(
    "SSDH325", "new-layer-rates", "info",
    "The learning rates of layers that start from weights, and of those that start from fillers.",
    "New layers have all to learn, and usually get ten times the rate of the others.",
    "Set `lr_mult` of the layers that should learn faster or slower.",
)
SLOW_NEW_LAYER = _rule(
    "SSDH326", "slow-new-layer", "info",
    "A fully connected layer of a million weights or more is new, and learns at the rate of a "
    "fine-tuning.",
    "At a rate of 0.001 or less such a layer hardly leaves its random weights.",
    "Set `lr_mult: 10` in the layer, or raise `base_lr`.",
)

# ---------------------------------------------------------------- SSDH4xx weights and snapshots

NO_WEIGHTS = _rule(
    "SSDH401", "no-weights", "error",
    "A file given with `--weights` does not exist.",
    "Caffe stops after it has built the nets.",
    "Correct the path.",
)
UNREADABLE_WEIGHTS = _rule(
    "SSDH402", "unreadable-weights", "error",
    "A file given with `--weights` holds no weights, or is damaged.",
    "Caffe stops after it has built the nets.",
    "Download or copy the file again; it must be a `.caffemodel`, or an HDF5 file of weights.",
)
NOTHING_COPIED = _rule(
    "SSDH403", "nothing-copied", "error",
    "No layer of the weights has the name of a layer of the net.",
    "Caffe copies weights by layer name and ignores all others, so it would train from scratch "
    "silently.",
    "Give the weights of this net; layers must have the same names.",
)
SHAPE_CLASH = _rule(
    "SSDH404", "shape-clash", "error",
    "A layer has the same name in the net and in the weights, but blobs of other shapes.",
    "Caffe copies weights by layer name and stops at another shape. This is why a patched "
    "classifier is renamed.",
    "Rename the layer, so that it starts from its filler, or make its parameters those of the "
    "weights.",
)

FROM_FILLERS = _rule(
    "SSDH405", "from-fillers", "warning",
    "A net with a hash layer is trained without weights to start from.",
    "The method fine-tunes a trained classifier. From its fillers the whole net starts at random, "
    "and the small learning rate of a fine-tuning hardly moves it.",
    "Give the weights of the trained classifier: `--weights FILE`.",
)
SNAPSHOT_IS_WEIGHTS = _rule(
    "SSDH406", "snapshot-is-weights", "error",
    "The file given with `--snapshot` holds weights, not a solver's state.",
    "Caffe builds the nets, reads no history from it and stops: `Incorrect length of history "
    "blobs`.",
    "Give the `.solverstate` of the snapshot, or start anew with `--weights FILE`.",
)
WEIGHTS_ARE_A_STATE = _rule(
    "SSDH407", "weights-are-a-state", "error",
    "A file given with `--weights` holds a solver's state, not weights.",
    "Caffe stops after it has built the nets, or copies nothing and trains from its fillers.",
    "Give the `.caffemodel` of the snapshot, or go on with `--snapshot FILE`.",
)
UNREADABLE_SNAPSHOT = _rule(
    "SSDH408", "unreadable-snapshot", "error",
    "The file given with `--snapshot` is damaged, or holds no solver's state.",
    "Caffe stops after it has built the nets.",
    "Resume from another snapshot, or start from its weights with `--weights FILE`.",
)
SNAPSHOT_NAME = _rule(
    "SSDH409", "snapshot-name", "error",
    "A file of a snapshot is HDF5 and its name does not end in `.h5`, or the other way round.",
    "Caffe chooses how to read a solver's state by its name, and reads the weights of a binary "
    "state as binary: it stops.",
    "Rename the file, so that its name ends in `.h5` where it is HDF5.",
)
OTHER_SOLVER_TYPE = _rule(
    "SSDH410", "other-solver-type", "error",
    "A snapshot has another number of history blobs than the solver keeps for the net.",
    "Caffe stops: Adam and AdaDelta keep two blobs per param, the other types one.",
    "Set `type` to that of the run that wrote the snapshot, or start from its weights with "
    "`--weights FILE`.",
)
SNAPSHOT_OF_ANOTHER_NET = _rule(
    "SSDH411", "snapshot-of-another-net", "error",
    "The history blobs of a snapshot have other sizes than the params of the net.",
    "Most versions of Caffe do not compare them: they update the params with values of others, or "
    "read past their end.",
    "Resume with the net that wrote the snapshot, or start from its weights with `--weights "
    "FILE`.",
)
NOTHING_LEFT = _rule(
    "SSDH412", "nothing-left", "error",
    "The snapshot is at `max_iter` already, or beyond it.",
    "Caffe ends at once, with exit code 0, without training.",
    "Train longer: `--iterations N`.",
)
NO_SNAPSHOT_WEIGHTS = _rule(
    "SSDH413", "no-snapshot-weights", "error",
    "The weights that a snapshot names do not exist where caffe looks for them.",
    "A solver's state holds no weights but the path of their file, as seen from the directory that "
    "caffe ran in. Without the file Caffe stops; where no path is stored, it goes on from fillers.",
    "Copy the weights to where the snapshot names them, or resume from the directory of the "
    "first run.",
)
OTHER_SNAPSHOT_WEIGHTS = _rule(
    "SSDH414", "other-snapshot-weights", "error",
    "The weights that a snapshot names were replaced since it was written.",
    "Caffe takes them: the history of one run would go on with the weights of another.",
    "Resume from another snapshot, or start from the weights alone with `--weights FILE`.",
)
WEIGHTS_NOT_FINITE = _rule(
    "SSDH415", "weights-not-finite", "warning",
    "Weights, or the history of a snapshot, hold nan or infinite values.",
    "Whatever is computed with them is nan: the loss, the codes, and all weights after one update.",
    "Start from weights of before the run diverged, with a lower `base_lr`.",
)
HARDLY_COPIED = _rule(
    "SSDH416", "hardly-copied", "warning",
    "Hardly any layer of the net is copied from the weights, and most of them are not used.",
    "Caffe copies weights by layer name and is silent about the others: nearly the whole net is "
    "trained from its fillers.",
    "Give the weights of this net; layers must have the same names.",
)
RENAMED_LAYER = _rule(
    "SSDH417", "renamed-layer", "warning",
    "Layers that start from their fillers have the shapes, and nearly the names, of layers of the "
    "weights.",
    "Caffe compares names exactly, case included: what was learned is not copied.",
    "Rename the layer to what the weights call it, if it is the same.",
)
ZERO_WEIGHTS = _rule(
    "SSDH418", "zero-weights", "warning",
    "Layers of the weights hold nothing but zeros.",
    "The layer passes on its bias alone, and nothing reaches the layers below it.",
    "Give other weights, or rename the layer, so that it starts from its filler.",
)
HASH_LAYER_COPIED = _rule(
    "SSDH419", "hash-layer-copied", "info",
    "The weights already hold the hash layer of the net.",
    "They come from an earlier training with it: its bits go on from there, and not from the "
    "filler of the hash layer.",
    "Nothing, to go on from them; otherwise give the weights of the classifier.",
)

# ---------------------------------------------------------------- SSDH5xx runs and machines

CPU_ONLY_CAFFE = _rule(
    "SSDH501", "cpu-only-caffe", "error",
    "The run asks for a GPU, and the caffe that would train it was built for the CPU only.",
    "Caffe stops before it reads the net.",
    "Train on the CPU with `--gpu none`, or build Caffe for the GPU.",
)
NO_GPU = _rule(
    "SSDH502", "no-gpu", "info",
    "The solver asks for a GPU, and there is none, or the caffe at hand cannot use it.",
    "`ssdh train` passes over such a caffe and trains with the embedded engine, on the CPU where "
    "there is no GPU. `--gpu none` does the same without a word.",
    "Set `solver_mode: CPU`, or train with `--gpu none`.",
)
NO_SUCH_GPU = _rule(
    "SSDH503", "no-such-gpu", "warning",
    "The run asks for a GPU with a number that no GPU of the machine has.",
    "Caffe stops when it selects the GPU. GPUs are numbered from 0, as nvidia-smi lists them, and "
    "`CUDA_VISIBLE_DEVICES` numbers those that it leaves from 0 again.",
    "Choose a GPU that is there; they are numbered from 0.",
)
EFFECTIVE_BATCH = _rule(
    "SSDH504", "effective-batch", "info",
    "A run on several GPUs learns from another batch than the net states.",
    "With BVLC Caffe each GPU reads a batch of its own, so the batch of an iteration is multiplied "
    "by the number of GPUs; NVCaffe divides the batch among them. The learning rate was chosen "
    "for one batch size: it usually grows with the batch.",
    "Divide `batch_size` by the number of GPUs, or raise `base_lr` with the batch.",
)
INDIVISIBLE_BATCH = _rule(
    "SSDH505", "indivisible-batch", "warning",
    "A batch cannot be divided evenly among the GPUs.",
    "NVCaffe raises it to the next multiple of the number of GPUs.",
    "Set `batch_size` to a multiple of the number of GPUs.",
)
SHARED_LEVELDB = _rule(
    "SSDH506", "shared-leveldb", "warning",
    "A run on several GPUs reads a LevelDB.",
    "A LevelDB can be open only once, and BVLC Caffe 1.0 opens it for each GPU: it stops. An LMDB "
    "has any number of readers.",
    "Make an LMDB of the images: `ssdh data build`.",
)
SNAPSHOT_TOO_LARGE = _rule(
    "SSDH507", "snapshot-too-large", "error",
    "The disk has no room for a snapshot.",
    "Caffe stops when it writes the first one, and what it learned is lost.",
    "Make room, or set `snapshot_prefix` to a folder on another disk.",
)
SNAPSHOTS_FILL_DISK = _rule(
    "SSDH508", "snapshots-fill-disk", "warning",
    "The disk has no room for all snapshots of the run.",
    "Caffe keeps all of them, and stops when it cannot write one.",
    "Raise `snapshot`, or make room.",
)
LATE_SNAPSHOT = _rule(
    "SSDH509", "late-snapshot", "warning",
    "The first snapshot comes after more than a day of training.",
    "Whatever ends the run before loses all that it learned. The time is estimated from the "
    "multiply-adds of the net.",
    "Lower `snapshot`.",
)
LATE_STEP = _rule(
    "SSDH510", "late-step", "info",
    "The learning rate falls for the first time after more than a day of training.",
    "Nothing is wrong if that was intended: schedules for large data and large nets take weeks. "
    "The time is estimated from the multiply-adds of the net.",
    "Nothing, if it was intended; otherwise lower `stepsize` or `stepvalue`.",
)
LONG_FIRST_TEST = _rule(
    "SSDH511", "long-first-test", "info",
    "Caffe tests for more than ten minutes before the first iteration.",
    "It prints nothing meanwhile, and looks as if it hung. `test_initialization: false` skips this "
    "test.",
    "Set `test_initialization: false`, or lower `test_iter`.",
)
NOT_ENOUGH_MEMORY = _rule(
    "SSDH512", "not-enough-memory", "warning",
    "The run needs more memory than is free.",
    "On a GPU Caffe stops with `out of memory`; on a CPU the machine swaps, or the system kills "
    "the process. The need is estimated from the shapes of the nets, without the workspaces of "
    "cuDNN.",
    "Lower `batch_size`; `iter_size` in the solver makes up for it.",
)
NO_COMMON_FOLDER = _rule(
    "SSDH513", "no-common-folder", "warning",
    "Relative paths of the solver and of its nets are found from different directories.",
    "Caffe looks up all of them from the one directory that it runs in, so it stops at those that "
    "it does not find from there.",
    "Write all paths as they are seen from one directory, the one that caffe runs in.",
)

DIVERGING_RATE = _rule(
    "SSDH514", "diverging-rate", "warning",
    "`base_lr` is far above any rate that nets are trained with.",
    "The first updates destroy the weights: the loss becomes nan, or stays at 87, where the true "
    "class has the probability 0. Caffe goes on to the end all the same.",
    "Lower `base_lr`: published solvers have 0.1 at most, and a fine-tuning takes 0.001 or "
    "less.",
)

# ---------------------------------------------------------------- SSDH6xx lists of images

MISSING_PICTURE = _rule(
    "SSDH601", "missing-picture", "error",
    "An image of the list does not exist.",
    "`convert_imageset` leaves it out with a line in its log, and `ImageData` stops at it.",
    "Correct the path or the folder that paths start from, `--root`; `--skip-bad` leaves the "
    "line out.",
)
UNREADABLE_PICTURE = _rule(
    "SSDH602", "unreadable-picture", "error",
    "An image cannot be decoded.",
    "`convert_imageset` leaves it out with a line in its log, and `ImageData` stops at it.",
    "Replace the file, or leave the line out with `--skip-bad`.",
)
NO_LABEL = _rule(
    "SSDH603", "no-label", "error",
    "A line of the list is not a path and a label.",
    "Caffe splits the line at its last space, and would read another path and label 0.",
    "Add the label after one space.",
)
TRAILING_SPACE = _rule(
    "SSDH604", "trailing-space", "error",
    "A line of the list has white space after its label.",
    "Caffe splits the line at its last space, and reads label 0.",
    "Remove the space at the end of the line.",
)
TAB_FOR_SPACE = _rule(
    "SSDH605", "tab-for-space", "error",
    "A line of the list has a tab before its label.",
    "Caffe splits a line at a space only: the path and the label are read as one.",
    "Replace the tab with a space.",
)
LABEL_NOT_A_NUMBER = _rule(
    "SSDH606", "label-not-a-number", "error",
    "A label is not an integer.",
    "Caffe reads the digits that it begins with, or 0 where there are none.",
    "Number the classes from 0, and write the number.",
)
NEGATIVE_LABEL = _rule(
    "SSDH607", "negative-label", "error",
    "A label is negative.",
    "Classes count from 0: a classifier has no such output, and Caffe does not check labels.",
    "Number the classes from 0; leave out images without a class.",
)
LABEL_TOO_LARGE = _rule(
    "SSDH608", "label-too-large", "error",
    "A label does not fit into 32 bits.",
    "A record stores its label as a 32-bit integer.",
    "Number the classes from 0.",
)
LISTED_TWICE = _rule(
    "SSDH609", "listed-twice", "warning",
    "An image is listed twice with the same label.",
    "Both lines are kept: the image has two records.",
    "Remove one of the two lines.",
)
CONTRADICTING_LABELS = _rule(
    "SSDH610", "contradicting-labels", "error",
    "An image is listed twice with different labels.",
    "One of the two labels is wrong. `--multi-label` takes several labels per image.",
    "Remove the line with the wrong label.",
)
SEVERAL_LABELS = _rule(
    "SSDH611", "several-labels", "error",
    "A line of the list has several labels.",
    "A record has one label. `--multi-label` writes label vectors into a second LMDB.",
    "Keep one label on each line, or build with `--multi-label`.",
)
BYTE_ORDER_MARK = _rule(
    "SSDH612", "byte-order-mark", "warning",
    "The list begins with a byte order mark.",
    "It is ignored here, but Caffe takes it for part of the first path.",
    "Save the list as UTF-8 without a byte order mark.",
)
WINDOWS_LINE_ENDS = _rule(
    "SSDH613", "windows-line-ends", "warning",
    "The lines of the list end in CR LF.",
    "They are read correctly here and by Caffe; other programs may take the CR for part of the "
    "label.",
    "Save the list with Unix line ends.",
)
EMPTY_LINE = _rule(
    "SSDH614", "empty-line", "warning",
    "A line of the list is empty.",
    "It is skipped, but counts in the line numbers that record keys begin with.",
    "Remove the line.",
)
PATH_TOO_LONG = _rule(
    "SSDH615", "path-too-long", "error",
    "A path has more than 502 bytes.",
    "It is part of the record's key, and an LMDB key has at most 511 bytes.",
    "Shorten the path: list it from a folder further down, and give that as `--root`.",
)
PICTURE_WITHOUT_CLASS = _rule(
    "SSDH616", "picture-without-class", "warning",
    "An image lies next to the class folders, not in one of them.",
    "It has no label, and is left out.",
    "Move the image into the folder of its class, or leave it out.",
)
NOT_A_PICTURE = _rule(
    "SSDH617", "not-a-picture", "warning",
    "A file in a class folder does not have the extension of an image.",
    "It is left out.",
    "Move the file elsewhere, or give an image the extension of its format.",
)
SEVERAL_SIZES = _rule(
    "SSDH618", "several-sizes", "warning",
    "The images differ in size.",
    "All images of a batch need one size: resize them, or crop them all in the net.",
    "Resize all images: `--resize WxH`.",
)
OTHER_NUMBER_OF_LABELS = _rule(
    "SSDH619", "other-number-of-labels", "error",
    "A line has more or fewer labels than most lines.",
    "A label vector has one value for each class. Where the labels are class numbers, "
    "`--classes N` is missing.",
    "Give each line as many labels as there are classes, or give `--classes N` if they are "
    "class numbers.",
)
LABEL_OUT_OF_RANGE = _rule(
    "SSDH620", "label-out-of-range", "error",
    "A label is not below `--classes`.",
    "Classes count from 0, so the last of N classes is N - 1.",
    "Raise `--classes`, or correct the label.",
)
LABELS_NOT_BINARY = _rule(
    "SSDH621", "labels-not-binary", "warning",
    "A label vector has values other than 0 and 1.",
    "The values are kept. Where the labels are class numbers, `--classes N` is missing.",
    "Give `--classes N` if the labels are class numbers; otherwise correct the line.",
)
PICTURE_IN_NO_CLASS = _rule(
    "SSDH622", "picture-in-no-class", "warning",
    "A label vector is all zeros.",
    "As a query the image has no relevant item in an evaluation.",
    "Give the image a class, or leave it out.",
)
CLASS_TWICE = _rule(
    "SSDH623", "class-twice", "warning",
    "A line names the same class twice.",
    "With `--classes` labels are class numbers; label vectors of 0 and 1 are read without it.",
    "Name the class once; without `--classes` if the labels are vectors.",
)
CLASS_BY_CLASS = _rule(
    "SSDH624", "class-by-class", "info",
    "The images are ordered by class.",
    "Caffe reads records in order, so a net sees one class at a time. `--shuffle` mixes them.",
    "Build with `--shuffle`, or set `shuffle: true` in an `ImageData` layer.",
)

# ---------------------------------------------------------------- SSDH7xx encoding

LAYERS_WITHOUT_WEIGHTS = _rule(
    "SSDH701", "layers-without-weights", "warning",
    "Layers that the encoded blob depends on have no weights in the file.",
    "They keep the values of their fillers, so the codes are meaningless.",
    "Give the weights that were trained with the hash layer: `--weights FILE`.",
)
NO_CODE = _rule(
    "SSDH702", "no-code", "warning",
    "The encoded blob is not a code.",
    "Only its activations are stored. `ssdh deploy` adds the hash layer to a deploy net.",
    "Add the hash layer with `ssdh deploy`, or name the blob that holds the code: `--blob "
    "NAME`.",
)
UNLIKE_TRAINING = _rule(
    "SSDH703", "unlike-training", "warning",
    "An option differs from what `ssdh.toml` records of the training.",
    "A net makes good codes only of input that is prepared as in training.",
    "Leave the option out, so that the value of the training is taken.",
)
UNKNOWN_RESIZE = _rule(
    "SSDH704", "unknown-resize", "warning",
    "The size that images were resized to for training is unknown.",
    "No prototxt states it. The size of the net's input is taken, which differs where training "
    "cropped.",
    "Give the size with `--resize WxH`, and with `--crop N` where training cropped.",
)
NO_MEAN = _rule(
    "SSDH705", "no-mean", "warning",
    "Neither a mean nor a scale is known.",
    "The net gets pixels from 0 to 255; most nets were trained with a mean subtracted.",
    "Give what the training subtracted and multiplied by: `--mean-file`, `--mean-value`, "
    "`--scale`.",
)
SCALE = _rule(
    "SSDH706", "scale", "warning",
    "The scale is far from 1 and from 1/255.",
    "The net gets input far outside the usual range, often by a factor of 255.",
    "Give the scale of the training; 0.00390625 maps pixels to 0 to 1.",
)
MEAN_OF_ANOTHER_SCALE = _rule(
    "SSDH707", "mean-of-another-scale", "warning",
    "The mean is for pixels of another range than those that it is subtracted from.",
    "Caffe subtracts the mean before it multiplies by the scale.",
    "Give the mean for pixels of the range that it is subtracted from.",
)
CHANNEL_ORDER = _rule(
    "SSDH708", "channel-order", "warning",
    "The order of the channels, RGB or BGR, is doubtful.",
    "Caffe reads images as BGR. A net that gets red and blue swapped makes worse codes, and "
    "nothing fails.",
    "Give the mean in the order of the channels, blue first for BGR, or the order: "
    "`--channels`.",
)
INPUT_RANGE = _rule(
    "SSDH709", "input-range", "warning",
    "The first images have a range of values, after mean and scale, that no net is trained on.",
    "Mean and scale are probably not those of the training.",
    "Give the mean and the scale of the train net's `transform_param`.",
)
COLLAPSED_CODES = _rule(
    "SSDH710", "collapsed-codes", "warning",
    "Nearly all images have the same code.",
    "Searches return arbitrary results. The weights, the mean or the scale are not those of this "
    "net, or its training was too short (all bits are still 1) or has collapsed.",
    "Train longer, or give the weights, mean and scale that belong together.",
)
NEW_CLASSES = _rule(
    "SSDH711", "new-classes", "warning",
    "A folder has classes that the numbering of the net's classes lacks.",
    "They get the next free labels, and keep their names: searches and evaluations compare names. "
    "The classifier has no outputs for them. Names are compared exactly, upper and lower case "
    "included.",
    "Correct the name of the folder; for classes that are really new, nothing.",
)
CLASS_NAMES_UNFIT = _rule(
    "SSDH712", "class-names-unfit", "warning",
    "`labels.txt` names fewer or more classes than the labels have.",
    "It probably belongs to other data, and then its names are wrong. For label vectors of another "
    "length they are not used.",
    "Give the names of these data: `--labels-file FILE`, or `none`.",
)
