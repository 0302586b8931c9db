"""Failures caused by data: databases, images, mean files and lists that Caffe cannot use."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

DATA_RULES = (
    rule(
        "missing-lmdb",
        r"mdb_status == 0 \((?:2|20) vs\. 0\) (?:No such file or directory|Not a directory)",
        "{lmdb} does not exist{of_layer}",
        "relative paths start at {cwd}, the folder that caffe runs in",
    ),
    rule(
        "lmdb-permission",
        r"mdb_status == 0 \((?:13|1) vs\. 0\) (?:Permission denied|Operation not permitted)",
        "{lmdb} cannot be opened: permission denied{of_layer}",
        "LMDB writes lock.mdb even for reading: you need write permission for the folder",
    ),
    rule(
        "lmdb-lock",
        r"mdb_status == 0 \((?:11|35|-30790) vs\. 0\) (?P<reason>.*)",
        "{lmdb} is locked: {reason}{of_layer}",
        "another program has it open, or it is on a network file system without locking",
    ),
    rule(
        "lmdb-map",
        r"mdb_status == 0 \((?:12|-30785) vs\. 0\) (?P<reason>.*)",
        "{lmdb} cannot be mapped into memory: {reason}{of_layer}",
        "check the memory limit of the process (ulimit -v)",
    ),
    rule(
        "not-lmdb",
        r"mdb_status == 0 \((?:-30793|-30794|-30796|-30797|-30784) vs\. 0\) (?P<reason>.*)",
        "{lmdb} is damaged or incomplete: {reason}{of_layer}",
        "build or copy it again: an interrupted copy, or the format of another architecture",
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
        "a data layer without a backend reads a LevelDB; for an LMDB, set backend: LMDB",
    ),
    rule(
        "unknown-backend",
        r"Unknown database backend",
        "this Caffe was built without the database backend of a data layer{of_layer}",
        "a data layer without a backend reads a LevelDB; for an LMDB, set backend: LMDB",
    ),
    rule(
        "crop-too-big",
        r"Check failed: (?:datum|img|input)_(?P<side>height|width) >= crop_(?:size|h|w) "
        r"\((?P<has>\d+) vs\. (?P<crop>\d+)\)",
        "crop_size is {crop}, but the {side} of the images{of_data} is {has}{of_layer}",
        "lower crop_size, or build the data from larger images",
    ),
    rule(
        "mean-shape",
        r"Check failed: (?:datum|img|input)_(?P<side>channels|height|width) == "
        r"data_mean_\.\w+\(\) \((?P<has>\d+) vs\. (?P<mean>\d+)\)",
        "the mean file does not match the data{of_data}: {side} {mean}, but {has} in the "
        "images{of_layer}",
        "compute the mean file from the data that the net is trained on",
    ),
    rule(
        "mean-values",
        r"Specify either 1 mean_value or as many as channels: (?P<channels>\d+)",
        "a data layer needs 1 mean_value or one per channel ({channels}){of_layer}",
    ),
    rule(
        "mean-twice",
        r"Cannot specify mean_file and mean_value at the same time",
        "a data layer sets both mean_file and mean_value{of_layer}",
        "keep only one of them",
    ),
    rule(
        "record-shape",
        r"Check failed: (?:channels == (?:datum|img)_channels|(?:datum|img)_(?:height|width) == "
        r"(?:height|width)|(?:height|width) <= (?:datum|img)_(?:height|width)) "
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "the images{of_data} differ in size or channels: {one} and {other}{of_layer}",
        "build the data with one size (convert_imageset --resize_height --resize_width), all in "
        "colour or all in grey",
    ),
    rule(
        "no-record",
        r"Check failed: (?:datum|img)_channels > 0",
        "the records{of_data} contain no image{of_layer}",
        "the database is empty, or its records are not of Caffe's type Datum",
    ),
    rule(
        "no-opencv",
        r"Encoded datum requires OpenCV",
        "the records{of_data} are compressed images, and this Caffe has no OpenCV{of_layer}",
        "build the data without --encoded, or build Caffe with USE_OPENCV",
    ),
    rule(
        "missing-image",
        r"Could not load (?P<file>.*)",
        "the image '{file}' cannot be read{of_layer}",
        "paths start at the layer's root_folder, and that starts at {cwd}",
    ),
    rule(
        "missing-list",
        r"(?:Failed to open source file|Failed opening HDF5 file): (?P<file>.*)",
        "'{file}' cannot be opened{of_layer}",
        "relative paths start at {cwd}, the folder that caffe runs in",
    ),
)
