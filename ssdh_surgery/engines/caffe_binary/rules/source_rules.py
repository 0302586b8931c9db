"""Failures of sources other than databases: lists of images, HDF5, windows, fed and dummy data."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

_RELATIVE = "relative paths start at {cwd}, the folder that caffe runs in"
_SOURCES = "image_data_param.source hdf5_data_param.source window_data_param.source"
_HDF5 = "hdf5_data_param.source"
_BATCH = (
    "data_param.batch_size image_data_param.batch_size hdf5_data_param.batch_size "
    "memory_data_param.batch_size"
)

SOURCE_RULES = (
    rule(
        "missing-image",
        r"Could not load (?P<file>.*)",
        "the image '{file}' cannot be read{of_layer}",
        "paths start at the layer's root_folder, and that starts at {cwd}",
        fields="image_data_param.root_folder image_data_param.source",
    ),
    rule(
        "empty-list",
        r"!lines_\.empty\(\) File is empty|lines_size > lines_id_ \(0 vs\. 0\)",
        "the list of an ImageData layer is empty{of_layer}",
        "each of its lines is a path and a label: images/a.jpg 0",
        fields="image_data_param.source",
    ),
    rule(
        "skip-beyond-list",
        r"(?:lines\w*(?:\[id_\])?\.size\(\) > skip \((?P<lines>\d+) vs\. (?P<skip>\d+)\) )"
        r"?Not enough points to skip",
        "rand_skip skips {skip} of {lines} lines of the list{of_layer}",
        "lower rand_skip",
        fields="image_data_param.rand_skip",
    ),
    rule(
        "one-side",
        r"(?P<side>new|min)_height and (?:new|min)_width to be set at the same time",
        "only one of {side}_height and {side}_width is set{of_layer}",
        "set both, or neither",
        fields="image_data_param.new_height image_data_param.new_width",
    ),
    rule(
        "hdf5-as-list",
        r"Failed opening HDF5 file: [^\w/.]+HDF\b",
        "the source of an HDF5Data layer is itself an HDF5 file{of_layer}, and must be a list of "
        "them",
        "write the path of the HDF5 file into a text file, one a line, and name that as source",
        fields=_HDF5,
    ),
    rule(
        "missing-list",
        r"(?:Failed to open source file|Failed opening HDF5 file): (?P<file>.*)"
        r"|Failed to open window file (?P<windows>.*)|infile\.good\(\) File (?P<list>.*)",
        "'{file}{windows}{list}' cannot be opened{of_layer}",
        _RELATIVE,
        fields=_SOURCES,
    ),
    rule(
        "empty-list",
        r"Must have at least 1 HDF5 filename listed in (?P<file>.*)",
        "'{file}' lists no HDF5 file{of_layer}",
        "each of its lines is the path of one",
        fields=_HDF5,
    ),
    rule(
        "hdf5-dataset",
        r"Failed to find HDF5 dataset (?P<name>.*)",
        "an HDF5 file has no dataset '{name}'{of_layer}",
        "the datasets must be called as the tops of the layer: rename one side (h5ls lists them)",
        fields="top",
    ),
    rule(
        "hdf5-rows",
        r"Check failed: (?:hdf_blobs_\[i\]->(?:shape\(0\)|num\(\)) == num"
        r"|data_blob_\.num\(\) == label_blob_\.num\(\)) \((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "the datasets of an HDF5 file differ in their numbers of rows: {one} and {other}{of_layer}",
        "write one row per item into each dataset",
        fields=_HDF5,
    ),
    rule(
        "hdf5-type",
        r"Unsupported datatype class: (?P<type>H5T_\w+)|(?P<old>Expected float or double data)"
        r"|(?P<unknown>Datatype class unknown)",
        "a dataset of an HDF5 file holds neither floats nor integers: {type}{of_layer}",
        "write it as float32",
        fields=_HDF5,
    ),
    rule(
        "hdf5-axes",
        r"Check failed: (?:ndims (?:>=|<=) \w+|hdf_blobs_\[0\]->num_axes\(\) >= 1) "
        r"\((?P<axes>\d+) vs\. (?P<limit>\d+)\)",
        "a dataset of an HDF5 file has {axes} axes, where {limit} is the limit{of_layer}",
        "write one row per item",
        fields=_HDF5,
    ),
    rule(
        "hdf5-read",
        r"Failed to (?:read|get|load|close) (?:\w+ )*(?:dataset|HDF5 file)\S*(?: \w+)*? "
        r"(?P<name>\S+)$",
        "HDF5 cannot read '{name}'{of_layer}",
        "the file is damaged or still open elsewhere: h5dump -H shows whether it can be read",
        fields=_HDF5,
    ),
    rule(
        "no-hdf5",
        r"requires hdf5; compile with USE_HDF5",
        "this Caffe was built without HDF5, and a file of it is read or written",
        "use files without .h5 (snapshot_format: BINARYPROTO), or build Caffe with USE_HDF5",
        solver_fields="snapshot_format",
    ),
    rule(
        "no-transform",
        r"(?P<type>\w+) does not transform data",
        "a {type} layer has a transform_param, which it does not apply{of_layer}",
        "remove it, and prepare the data beforehand",
        fields="transform_param",
    ),
    rule(
        "fed-data",
        r"(?P<type>MemoryData)Layer needs to be init\w+ by calling Reset",
        "a MemoryData layer is fed by a program, and caffe train feeds none{of_layer}",
        "train from a Data, ImageData or HDF5Data layer",
        fields="type",
    ),
    rule(
        "memory-data-sizes",
        r"batch_size, channels, height, and width must be specified and",
        "a MemoryData layer needs batch_size, channels, height and width above 0{of_layer}",
        fields="memory_data_param",
    ),
    rule(
        "empty-batch",
        r"Positive batch size required|Check failed: (?:batch->data_[.\->]+count\(\)"
        r"|this->(?:transformed|prefetch)_data_\.count\(\))",
        "the batch_size of a data layer is 0, or its images are empty{of_layer}",
        "set batch_size",
        fields=_BATCH,
    ),
    rule(
        "batch-per-gpu",
        r"Batch size must be divisible by the number of solvers \(GPUs\)",
        "the batch_size of a data layer is not a multiple of the number of GPUs{gpus}: this Caffe "
        "divides it among them{of_layer}",
        "make each batch_size a multiple",
    ),
    rule(
        "window-file",
        r"Window file is empty|Check failed: (?:hashtag == \"#\"|[fb]g_windows_\.size\(\) > 0"
        r"|label > 0|[xy]1 > -1|[xy]2 < cv_img\.\w+)",
        "the file of a WindowData layer is empty, malformed, or has a window outside its "
        "image{of_layer}",
        "each image is '# index', path, channels, height, width, the number of windows, and a line "
        "for each: class overlap x1 y1 x2 y2",
        fields="window_data_param.source",
    ),
    rule(
        "dummy-shapes",
        r"Must specify (?:either a single \(1\) )?'(?P<field>num|channels|height|width|shape)' ?"
        r"(?:once, )?or (?:once per|one for each) top blob ?\(?(?P<tops>\d*)",
        "a DummyData layer needs one '{field}', or one for each top{of_layer}",
        fields="dummy_data_param",
    ),
    rule(
        "dummy-shapes",
        r"Both shape and legacy fields were specified",
        "a DummyData layer has both shape and num, channels, height or width{of_layer}",
        "keep shape",
        fields="dummy_data_param.shape",
    ),
    rule(
        "dummy-fillers",
        r"Number of data fillers must be 0, 1 or equal to the number of tops: (?P<tops>\d+)",
        "a DummyData layer needs no data_filler, one, or one for each of its {tops} tops{of_layer}",
        fields="dummy_data_param.data_filler",
    ),
)
