"""What several tests share: paths, nets, images, codes, and ways to ask the real Caffe."""
