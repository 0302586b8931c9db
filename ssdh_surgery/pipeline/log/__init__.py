"""The story of `ssdh log`: the runs in logs of Caffe, as rows and as summaries."""
