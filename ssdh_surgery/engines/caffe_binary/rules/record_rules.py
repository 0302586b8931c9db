"""Failures of images and records: those that cannot be decoded, of the wrong size, with means."""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

_CROP = "transform_param.crop_size transform_param.crop_h"
_MEAN_FILE = "transform_param.mean_file"
_MEAN_VALUE = "transform_param.mean_value"
_OTHER_MEAN = "compute the mean file from the data that the net is trained on: ssdh data mean"
_ONE_SIZE = (
    "build the data with one size (convert_imageset --resize_height --resize_width), all in colour "
    "or all in grey"
)

# For an image of no size: what OpenCV gives for one that it cannot decode.
BROKEN_RECORD = rule(
    "broken-record",
    r"Check failed: (?:"
    r"(?:datum|img|input|bottom)_(?:height|width)_? >=? (?:transform_param_\.)?crop_?\w*(?:\(\))? "
    r"\(0 vs\. \d+\)|cv_cropped_im(?:g|age)\.data|img_(?:channels|height|width) > 0 \(0 vs\. 0\)"
    r"|(?:img|datum)_(?:height|width) == \w+ \(0 vs\. \d+\)"
    r"|(?:height|width) <= img_(?:height|width) \(\d+ vs\. 0\)"
    r"|'?img\.data'? *(?:Must be non NULL|$))",
    "a record{of_data} cannot be decoded{of_layer}",
    "{verify} names it; build the data again without it",
    fields="data_param.source",
)

RECORD_RULES = (
    BROKEN_RECORD,
    rule(
        "crop-too-big",
        r"Check failed: (?:datum|img|input|bottom)_(?P<side>height|width)_? >=? "
        r"(?:transform_param_\.)?crop_?(?:size|h|w)(?:\(\))? "
        r"\((?P<has>\d+) vs\. (?P<crop_size>\d+)\)",
        "crop_size is {crop_size}, but the {side} of the images{of_data} is {has}{of_layer}",
        "lower crop_size, or build the data from larger images",
        fields=_CROP,
    ),
    rule(
        "mean-shape",
        r"Check failed: (?:(?:datum|img|input)_)?(?P<side>channels|height|width)_? == "
        r"data_mean_\.\w+\(\) \((?P<has>\d+) vs\. (?P<mean>\d+)\)"
        r"|cv_cropped_image\.(?:rows|cols) == data_mean_\.(?P<cropped_side>height|width)\(\) "
        r"\((?P<cropped_has>\d+) vs\. (?P<cropped_mean>\d+)\)"
        r"|ch == mean_mat_orig_\.(?P<mat_side>channels)\(\) "
        r"\((?P<mat_has>\d+) vs\. (?P<mat_mean>\d+)\)"
        r"|data_mean_\.(?P<old_side>channels|height|width)\(\) >= datum_\w+ "
        r"\((?P<old_mean>\d+) vs\. (?P<old_has>\d+)\)",
        "the mean file does not match the data{of_data}: {side}{cropped_side}{mat_side}{old_side} "
        "{mean}{cropped_mean}{mat_mean}{old_mean}, but {has}{cropped_has}{mat_has}{old_has} in the "
        "images{of_layer}",
        _OTHER_MEAN,
        fields=_MEAN_FILE,
    ),
    rule(
        "mean-count",
        r"Check failed: data_mean_\.num\(\) (?:==|>=) 1 \((?P<count>\d+) vs\. 1\)",
        "the mean file holds {count} images instead of one{of_layer}",
        _OTHER_MEAN,
        fields=_MEAN_FILE,
    ),
    rule(
        "mean-values",
        r"Specify either 1 mean_value or as many as channels: (?P<channels>\d+)",
        "a data layer needs 1 mean_value or one per channel ({channels}){of_layer}",
        "write mean_value once, or {channels} times",
        fields=_MEAN_VALUE,
    ),
    rule(
        "mean-values",
        r"channels\.size\(\) == mean_values_\.size\(\) \((?P<channels>\d+) vs\. (?P<count>\d+)\)",
        "a data layer has {count} values of mean_value for images of {channels} channels{of_layer}",
        "write mean_value once, or {channels} times",
        fields=_MEAN_VALUE,
    ),
    rule(
        "mean-twice",
        r"Cannot specify mean_file and mean_value at the same time",
        "a data layer sets both mean_file and mean_value{of_layer}",
        "keep only one of them",
        fields=f"{_MEAN_VALUE} {_MEAN_FILE} window_data_param.mean_file",
    ),
    rule(
        "color-twice",
        r"cannot set both force_color and force_gray",
        "a data layer sets both force_color and force_gray{of_layer}",
        "keep only one of them",
        fields="transform_param.force_color",
    ),
    rule(
        "record-shape",
        r"Check failed: (?:channels == (?:datum|img|input)_channels|input_channels == channels"
        r"|(?:datum|img|input)_(?:height|width) == (?:height|width)"
        r"|(?:height|width) <= (?:datum|img)_(?:height|width)) "
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "the images{of_data} differ in size or channels: {one} and {other}{of_layer}",
        _ONE_SIZE,
        fields="data_param.source image_data_param.source",
    ),
    rule(
        "record-shape",
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\) (?P<what>Number of channels|Image height|Image width"
        r"|Datum size) can't vary in the same batch",
        "the images{of_data} differ in size or channels: {one} and {other}{of_layer}",
        _ONE_SIZE,
        fields="data_param.source",
    ),
    rule(
        "short-record",
        r"Check failed: (?:(?:datum_len|N) == datum_data\.size\(\)"
        r"|datum_buf\.size\(\) == datum_size|ch \* height \* width == buf_len) "
        r"\((?P<one>\d+) vs\. (?P<other>\d+)\)",
        "a record{of_data} holds another number of bytes than its sizes say: {one} and "
        "{other}{of_layer}",
        "{verify} names it; build the data again",
        fields="data_param.source",
    ),
    rule(
        "no-record",
        r"Check failed: (?:datum|img|bottom)_(?:channels|height|width)_? > 0",
        "the records{of_data} contain no image{of_layer}",
        "the database is empty, or its records are not of Caffe's type Datum",
        fields="data_param.source",
    ),
    rule(
        "no-opencv",
        r"(?P<what>Encoded datum|Image transformer|Random image resizing|Aspect ratio changes) "
        r"requires OpenCV",
        "the records{of_data} are compressed images, and this Caffe has no OpenCV{of_layer}",
        "build the data without --encoded, or build Caffe with USE_OPENCV",
        fields="data_param.source",
    ),
    rule(
        "encoded-record",
        r"datum\.encoded\(\) (?:Datum not encoded|For box data, datum must be encoded)",
        "a record{of_data} is not a compressed image, as this layer needs{of_layer}",
        "build the data with --encoded",
        fields="data_param.source",
    ),
    rule(
        "image-depth",
        r"Image data type must be unsigned byte|Image depth is not supported",
        "an image{of_data} has more than 8 bits per channel{of_layer}",
        "save the images with 8 bits per channel",
    ),
    rule(
        "crop-of-floats",
        r"Image cropping only support uint8 data",
        "crop_size is set for records of floats{of_data}, which this Caffe cannot crop{of_layer}",
        "remove crop_size, or build the data from images",
        fields=_CROP,
    ),
    rule(
        "mirror-without-crop",
        r"Current implementation requires mirror and crop_?size to be",
        "mirror is set without crop_size, which this Caffe cannot do{of_layer}",
        "set both, or neither",
        fields="transform_param.mirror data_param.mirror",
    ),
    rule(
        "crop-sides",
        r"crop_[hw]\b.*parameter must be positive",
        "crop_h and crop_w must be above 0{of_layer}",
        fields="transform_param.crop_h transform_param.crop_w",
    ),
    rule(
        "resize-range",
        r"random resize upper bound can't be less than lower",
        "the upper bound of a random resize is below the lower one{of_layer}",
        fields="transform_param.img_rand_resize_upper",
    ),
)
