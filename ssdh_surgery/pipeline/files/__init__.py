"""Files that commands read and write: what the user names, where caffe looks, where results go."""
