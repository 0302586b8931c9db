"""Files that commands read and write: what a user names, where caffe looks, where results go."""
