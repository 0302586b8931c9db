"""The text: protobuf text format, kept byte for byte; knows nothing of Caffe."""
