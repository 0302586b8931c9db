"""What Caffe says of databases, pictures, means and lists that it cannot use."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.rule import rule

DATA_RULES = (
    rule(
        "missing-lmdb",
        r"mdb_status == 0 \((?:2|20) vs\. 0\) (?:No such file or directory|Not a directory)",
        "{lmdb} does not exist{of_layer}",
        "it is looked for in {cwd}, the folder that caffe runs in",
    ),
    rule(
        "lmdb-permission",
        r"mdb_status == 0 \((?:13|1) vs\. 0\) (?:Permission denied|Operation not permitted)",
        "{lmdb} may not be opened: permission denied{of_layer}",
        "LMDB writes lock.mdb even to read: the folder must be yours to write, or hold none",
    ),
    rule(
        "lmdb-lock",
        r"mdb_status == 0 \((?:11|35|-30790) vs\. 0\) (?P<reason>.*)",
        "{lmdb} is locked: {reason}{of_layer}",
        "another program has it open, or it is on a network disk that cannot lock",
    ),
    rule(
        "lmdb-map",
        r"mdb_status == 0 \((?:12|-30785) vs\. 0\) (?P<reason>.*)",
        "{lmdb} cannot be mapped into memory: {reason}{of_layer}",
        "the process may be limited (ulimit -v), or the system is out of address space",
    ),
    rule(
        "not-lmdb",
        r"mdb_status == 0 \((?:-30793|-30794|-30796|-30797|-30784) vs\. 0\) (?P<reason>.*)",
        "{lmdb} is not whole: {reason}{of_layer}",
        "build it again, or copy it again (a copy that was cut short, another machine's format)",
    ),
    rule(
        "lmdb",
        r"mdb_status == 0 \((?P<status>-?\d+) vs\. 0\) (?P<reason>.*)",
        "{lmdb} cannot be read: {reason}{of_layer}",
    ),
    rule(
        "leveldb",
        r"Failed to open leveldb (?P<source>.*)",
        "'{source}' cannot be opened as a LevelDB{of_layer}",
        "a data layer without a backend means LEVELDB; for an LMDB write backend: LMDB",
    ),
    rule(
        "unknown-backend",
        r"Unknown database backend",
        "this Caffe was built without the database that a data layer asks for{of_layer}",
        "a data layer without a backend means LEVELDB; for an LMDB write backend: LMDB",
    ),
    rule(
        "crop-too-big",
        r"Check failed: (?:datum|img|input)_(?P<side>height|width) >= crop_(?:size|h|w) "
        r"\((?P<has>\d+) vs\. (?P<crop>\d+)\)",
        "crop_size is {crop}, but the pictures{of_data} have a {side} of {has}{of_layer}",
        "lower crop_size, or build the data with larger pictures",
    ),
    rule(
        "mean-shape",
        r"Check failed: (?:datum|img|input)_(?P<side>channels|height|width) == "
        r"data_mean_\.\w+\(\) \((?P<has>\d+) vs\. (?P<mean>\d+)\)",
        "the mean file was made of other pictures: {side} {mean}, and {has} in the "
        "data{of_data}{of_layer}",
        "make the mean file of the very data that the net is trained on",
    ),
    rule(
        "mean-values",
        r"Specify either 1 mean_value or as many as channels: (?P<channels>\d+)",
        "the number of mean_value entries is neither 1 nor that of channels, {channels}{of_layer}",
    ),
    rule(
        "mean-twice",
        r"Cannot specify mean_file and mean_value at the same time",
        "a data layer has both mean_file and mean_value{of_layer}",
        "keep one of them",
    ),
    rule(
        "record-shape",
        r"Check failed: (?:channels == (?:datum|img)_channels|(?:datum|img)_(?:height|width) == "
        r"(?:height|width)|(?:height|width) <= (?:datum|img)_(?:height|width)) "
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "the pictures{of_data} differ in size or channels: {one} and {other}{of_layer}",
        "build the data with one size (convert_imageset --resize_height --resize_width), and "
        "with colour or grey for all",
    ),
    rule(
        "no-record",
        r"Check failed: (?:datum|img)_channels > 0",
        "the records{of_data} hold no picture{of_layer}",
        "the database is empty, or its records are not Caffe's Datum",
    ),
    rule(
        "no-opencv",
        r"Encoded datum requires OpenCV",
        "the records{of_data} are compressed pictures, and this Caffe has no OpenCV{of_layer}",
        "build the data without --encoded, or Caffe with USE_OPENCV",
    ),
    rule(
        "missing-image",
        r"Could not load (?P<file>.*)",
        "the picture '{file}' cannot be read{of_layer}",
        "paths are looked for in {cwd} after the layer's root_folder",
    ),
    rule(
        "missing-list",
        r"(?:Failed to open source file|Failed opening HDF5 file): (?P<file>.*)",
        "'{file}' cannot be opened{of_layer}",
        "it is looked for in {cwd}, the folder that caffe runs in",
    ),
)
