"""A line for each failure, as the Caffe that has it prints it, and what it is.

The lines are made from the checks in the sources of BVLC Caffe (tags rc, rc2, rc3, 1.0), NVCaffe
(0.13, 0.16, 0.17), IntelCaffe and the SSDH authors' Caffe; from LMDB's, LevelDB's, CUDA's, glibc's
and Python's own messages.
"""

OK = "Check failed: "

# Of severity F.
LINES = [
    # databases
    (f"{OK}mdb_env_open(mdb_env_, s.c_str(), 0x20000|0x200000, 0664) == 0 (2 vs. 0) mdb_env_open "
     "failed", "missing-lmdb"),
    (f"{OK}mdb_status == 0 (3 vs. 0) The system cannot find the path specified.", "missing-lmdb"),
    (f"{OK}mdb_status == 0 (30 vs. 0) Read-only file system", "lmdb-permission"),
    (f"{OK}mdb_status == 0 (-30798 vs. 0) MDB_NOTFOUND: No matching key/data pair found",
     "empty-database"),
    (f"{OK}status.ok() Failed to open leveldb db\nIO error: lock db/LOCK: already held by process",
     "leveldb-in-use"),
    (f"{OK}status.ok() Failed to open leveldb db\nIO error: lock db/LOCK: Resource temporarily "
     "unavailable", "leveldb-in-use"),
    (f"{OK}status.ok() Failed to open leveldb db\nCorruption: CURRENT file does not end with "
     "newline",
     "damaged-leveldb"),
    (f"{OK}status.ok() Failed to open leveldb db\nIO error: db/LOCK: Permission denied",
     "leveldb-permission"),
    (f"{OK}status.ok() Failed to open leveldb db\nInvalid argument: db: does not exist "
     "(create_if_missing is false)", "leveldb"),
    (f"{OK}iter_->status().ok() Corruption: block checksum mismatch", "damaged-leveldb"),
    (f"{OK}parser_threads_num_ == 1 (2 vs. 1) LevelDB doesn't support multiple connections",
     "leveldb-once"),
    (f"{OK}param.data_param().backend() != DataParameter_DB_LEVELDB LevelDB doesn't support "
     "shuffle",
     "leveldb-once"),
    (f"{OK}db_source_ == db_source (a vs. b) Caching of two DB sources is not supported",
     "two-caches"),
    # records
    (f"{OK}img_height >= crop_size (0 vs. 227) ", "broken-record"),
    (f"{OK}img_height >= crop_h (0 vs. 227) crop_h must be at least as large as the image height",
     "broken-record"),
    (f"{OK}cv_cropped_img.data ", "broken-record"),
    (f"{OK}cv_cropped_image.data ", "broken-record"),
    (f"{OK}img_height == height (0 vs. 28) ", "broken-record"),
    (f"{OK}height <= img_height (28 vs. 0) ", "broken-record"),
    (f"{OK}img_channels > 0 (0 vs. 0) ", "broken-record"),
    (f"{OK}'img.data' Must be non NULL ", "broken-record"),
    (f"{OK}datum_height_ > cropsize (28 vs. 40) ", "crop-too-big"),
    (f"{OK}datum_height_ >= transform_param_.crop_size() (28 vs. 40) ", "crop-too-big"),
    (f"{OK}img_width >= crop_w (20 vs. 40) crop_w must be at least as large as the image width",
     "crop-too-big"),
    (f"{OK}bottom_height >= crop_size (20 vs. 40) ", "crop-too-big"),
    (f"{OK}cv_cropped_image.rows == data_mean_.height() (20 vs. 40) ", "mean-shape"),
    (f"{OK}ch == mean_mat_orig_.channels() (1 vs. 3) ", "mean-shape"),
    (f"{OK}data_mean_.height() >= datum_height_ (20 vs. 40) ", "mean-shape"),
    (f"{OK}input_width == data_mean_.width() (20 vs. 40) ", "mean-shape"),
    (f"{OK}data_mean_.num() == 1 (2 vs. 1) ", "mean-count"),
    (f"{OK}channels.size() == mean_values_.size() (3 vs. 2) ", "mean-values"),
    (f"{OK}!(param_.force_color() && param_.force_gray()) cannot set both force_color and "
     "force_gray", "color-twice"),
    (f"{OK}top_shape[2] == shape[2] (28 vs. 30) Image height can't vary in the same batch",
     "record-shape"),
    (f"{OK}input_channels == channels (3 vs. 1) ", "record-shape"),
    (f"{OK}N == datum_data.size() (192 vs. 100) ", "short-record"),
    (f"{OK}ch * height * width == buf_len (192 vs. 100) ", "short-record"),
    (f"{OK}datum.encoded() Datum not encoded", "encoded-record"),
    (f"{OK}cv_img.depth() == CV_8U Image data type must be unsigned byte", "image-depth"),
    (f"{OK}data.size() Image cropping only support uint8 data", "crop-of-floats"),
    ("Current implementation requires mirror and cropsize to be set at the same time.",
     "mirror-without-crop"),
    (f"{OK}crop_h > 0 (0 vs. 0) crop_h parameter must be positive", "crop-sides"),
    (f"{OK}upper_sz >= lower_sz (1 vs. 2) random resize upper bound can't be less than lower",
     "resize-range"),
    (f"{OK}label_value < num_labels (24 vs. 10) ", "labels"),
    (f"{OK}label_value < prob_.shape(softmax_axis_) (24 vs. 10) ", "labels"),
    (f"{OK}label_value < prob_.channels() (24 vs. 10) ", "labels"),
    (f"{OK}label_value >= 0 (-2147483648 vs. 0) ", "labels"),
    # other sources
    (f"{OK}!lines_.empty() File is empty", "empty-list"),
    (f"{OK}lines_size > lines_id_ (0 vs. 0) ", "empty-list"),
    (f"{OK}lines_.size() > skip (5 vs. 7) Not enough points to skip", "skip-beyond-list"),
    (f"{OK}(new_height == 0 && new_width == 0) || (new_height > 0 && new_width > 0) Current "
     "implementation requires new_height and new_width to be set at the same time.", "one-side"),
    ("Failed opening HDF5 file: \udc89HDF", "hdf5-as-list"),
    ("Failed opening HDF5 file: ?HDF", "hdf5-as-list"),
    ("Failed to open source file: train.txt", "missing-list"),
    (f"{OK}infile.good() File train.txt", "missing-list"),
    (f"{OK}infile.good() Failed to open window file w.txt", "missing-list"),
    (f"{OK}num_files_ >= 1 (0 vs. 1) Must have at least 1 HDF5 filename listed in train.txt",
     "empty-list"),
    (f"{OK}H5LTfind_dataset(file_id, dataset_name_) Failed to find HDF5 dataset data",
     "hdf5-dataset"),
    (f"{OK}hdf_blobs_[i]->shape(0) == num (599 vs. 600) ", "hdf5-rows"),
    (f"{OK}data_blob_.num() == label_blob_.num() (599 vs. 600) ", "hdf5-rows"),
    ("Unsupported datatype class: H5T_STRING", "hdf5-type"),
    (f"{OK}class_ == H5T_FLOAT (0 vs. 1) Expected float or double data", "hdf5-type"),
    (f"{OK}ndims >= min_dim (0 vs. 1) ", "hdf5-axes"),
    (f"{OK}hdf_blobs_[0]->num_axes() >= 1 (0 vs. 1) Input must have at least 1 axis.", "hdf5-axes"),
    (f"{OK}status >= 0 (-1 vs. 0) Failed to read float dataset data", "hdf5-read"),
    (f"{OK}status >= 0 (-1 vs. 0) Failed to get dataset ndims for label", "hdf5-read"),
    ("CopyTrainedLayersFromHDF5 requires hdf5; compile with USE_HDF5.", "no-hdf5"),
    (f"{OK}!this->layer_param_.has_transform_param() HDF5Data does not transform data.",
     "no-transform"),
    (f"{OK}data_ MemoryDataLayer needs to be initalized by calling Reset", "fed-data"),
    (f"{OK}data_ MemoryDataLayer needs to be initialized by calling Reset", "fed-data"),
    (f"{OK}batch_size_ * size_ > 0 (0 vs. 0) batch_size, channels, height, and width must be "
     "specified and positive in memory_data_param", "memory-data-sizes"),
    (f"{OK}batch_size > 0 (0 vs. 0) Positive batch size required", "empty-batch"),
    (f"{OK}batch->data_.count() ", "empty-batch"),
    (f"{OK}this->transformed_data_.count() ", "empty-batch"),
    (f"{OK}batch * solver_count == total Batch size must be divisible by the number of solvers "
     "(GPUs)", "batch-per-gpu"),
    ("Window file is empty", "window-file"),
    (f"{OK}fg_windows_.size() > 0 (0 vs. 0) ", "window-file"),
    (f"{OK}param.shape_size() == 1 || param.shape_size() == num_top Must specify 'shape' once, or "
     "once per top blob (2); specified 3.", "dummy-shapes"),
    (f"{OK}param.num_size() == 1 || param.num_size() == num_top Must specify either a single (1) "
     "'num' or one for each top blob (2); specified 3.", "dummy-shapes"),
    (f"{OK}0 == param.shape_size() (0 vs. 1) Both shape and legacy fields were specified",
     "dummy-shapes"),
    (f"{OK}num_data_filler == 0 || num_data_filler == 1 || num_data_filler == num_top Number of "
     "data fillers must be 0, 1 or equal to the number of tops: 2; you specified 3 data fillers.",
     "dummy-fillers"),
    # nets
    (f"{OK}registry.count(type) == 1 (0 vs. 1) Unknown layer type: ImageData (known types: AbsVal)",
     "unknown-layer-type"),
    (f"{OK}registry.count(type) == 1 (0 vs. 1) Unknown layer type: HDF5Data (known types: AbsVal)",
     "unknown-layer-type"),
    (f"{OK}registry.count(layer_type) == 1 (0 vs. 1) Unknown layer type: 'Swish' (known types: X)",
     "unknown-layer-type"),
    ("Layer fc has unknown type 39", "unknown-layer-type"),
    ("Unknown layer name: hashing", "unknown-layer-type"),
    ("Unknown V1LayerParameter layer type: 99", "unknown-layer-type"),
    ("Layer conv1 has unknown engine.", "unknown-engine"),
    ("Layer conv1 has unknow engine.", "unknown-engine"),
    ("CuDNN doesn't support the dilated convolution at Layer conv1", "engine-dilation"),
    (f"{OK}2 == this->num_spatial_axes_ (2 vs. 3) CuDNNConvolution input must have 2 spatial axes "
     "(e.g., height and width). Use 'engine: CAFFE' for general ND convolution.", "engine-axes"),
    ("Combination of layer types FLOAT16 and FLOAT is not currently supported (discovered in layer "
     "'conv1').", "mixed-precision"),
    (f"{OK}layer_param.include_size() == 0 || layer_param.exclude_size() == 0 Specify either "
     "include rules or exclude rules; not both.", "include-and-exclude"),
    (f"{OK}layer_param.propagate_down_size() == layer_param.bottom_size() (1 vs. 2) propagate_down "
     "param must be specified either 0 or bottom_size times ", "propagate-down"),
    (f"{OK}top.size() == num_loss_weights (1 vs. 2) loss_weight must be unspecified or specified "
     "once per top blob.", "loss-weights"),
    (f"{OK}this_blob->count() == owner_blob->count() (4 vs. 2) Shared parameter blobs must have "
     "the "
     "same count.", "shared-params"),
    (f"{OK}param_spec->lr_mult() == params_lr_[learnable_param_id] (1 vs. 2) Shared param 'w' has "
     "mismatched lr_mult.", "shared-rates"),
    (f"{OK}blobs_lr_size == num_param_blobs || blobs_lr_size == 0 Incorrect blobs lr size: should "
     "be either 0 or the same as the number of the layer's parameter blobs.", "too-many-params"),
    (f"{OK}bottom.size() == top.size() (2 vs. 1) Split Layer produces one top blob as output for "
     "each bottom blob input.", "blob-count"),
    (f"{OK}bottom.size() == 1 (2 vs. 1) IP Layer takes a single blob as input.", "blob-count"),
    (f"{OK}param.input_size() * 4 == param.input_dim_size() (4 vs. 3) Incorrect input blob "
     "dimension "
     "specifications.", "input-shapes"),
    (f"{OK}end < layers_.size() (-1 vs. 0) ", "empty-net"),
    (f"{OK}(layer_param.type() == \"conv\") || (layer_param.type() == \"pool\") Padding layer "
     "input "
     "to non-convolutional / non-pooling layer type relu", "padding"),
    (f"{OK}shape[i] <= LONG_MAX / count_ (5 vs. 3) blob size exceeds LONG_MAX", "blob-too-large"),
    (f"{OK}shape[i] >= 0 (-1 vs. 0) ", "negative-size"),
    (f"{OK}height >= 0 (-3 vs. 0) ", "negative-size"),
    (f"{OK}shape.size() <= kMaxBlobAxes (33 vs. 32) ", "blob-axes"),
    (f"{OK}num_axes() <= 4 (5 vs. 4) Cannot use legacy accessors on Blobs with > 4 axes.",
     "blob-axes"),
    (f"{OK}axis_index < num_axes() (2 vs. 2) axis 2 out of range for 2-D Blob with shape 8 4 (32)",
     "axis"),
    (f"{OK}data_ ", "blob-without-memory"),
    ("Syncedmem not initialized.", "blob-without-memory"),
    ("Trying to copy blobs of different sizes.", "blob-sizes"),
    ("PythonLayer does not support CLI Multi-GPU, use train.py", "python-gpus"),
    ("PythonLayer is not implemented in Multi-GPU training", "python-gpus"),
    (f"{OK}boost::regex_match(module_name, expression) Module name is invalid: a-b", "python-name"),
    # layers
    (f"{OK}kernel_h_ > 0 (0 vs. 0) Filter dimensions cannot be zero.", "kernel"),
    (f"{OK}kernel_shape_data[i] > 0 (0 vs. 0) Filter dimensions must be nonzero.", "kernel"),
    (f"{OK}!pool_param.has_kernel_size() != !(pool_param.has_kernel_h() && "
     "pool_param.has_kernel_w()) Filter size is kernel_size OR kernel_h and kernel_w; not both",
     "kernel"),
    (f"{OK}num_kernel_dims == 1 || num_kernel_dims == num_spatial_axes_ kernel_size must be "
     "specified once, or once per spatial dimension (kernel_size specified 0 times; 2 spatial "
     "dims).", "kernel"),
    (f"{OK}num_spatial_axes_ == 2 (1 vs. 2) kernel_h & kernel_w can only be used for 2D "
     "convolution.",
     "kernel"),
    (f"{OK}(!pool_param.has_pad() && pool_param.has_pad_h() && pool_param.has_pad_w()) || "
     "(!pool_param.has_pad_h() && !pool_param.has_pad_w()) pad is pad OR pad_h and pad_w are "
     "required.", "pad"),
    (f"{OK}pad_w_ < kernel_w_ (3 vs. 3) ", "pad"),
    (f"{OK}x Padding implemented only for average and max pooling.", "pad"),
    (f"{OK}stride_data[i] > 0 (0 vs. 0) Stride dimensions must be nonzero.", "stride"),
    (f"{OK}pad_h_ == 0 && pad_w_ == 0 && stride_h_ == 1 && stride_w_ == 1 With Global_pooling: "
     "true; "
     "only pad = 0 and stride = 1", "global-pooling"),
    (f"{OK}(pooled_height_ - 1) * stride_h_ < height_ + pad_h_ (4 vs. 3) ", "pooling-size"),
    ("Unknown pooling method.", "pooling-method"),
    (f"{OK}channels_ % group_ == 0 (1 vs. 0) ", "group"),
    (f"{OK}num_output_ % group_ == 0 (1 vs. 0) Number of output should be multiples of group.",
     "group"),
    (f"{OK}num_output_ > 0 (0 vs. 0) ", "num-output"),
    (f"{OK}4 == bottom[0]->num_axes() (4 vs. 2) Input must have 4 axes, corresponding to (num, "
     "channels, height, width)", "four-axes"),
    (f"{OK}bottom[0]->shape(channel_axis_) == channels_ (1 vs. 3) Input size incompatible with "
     "convolution kernel.", "input-size"),
    (f"{OK}bottom[0]->shape() == bottom[bottom_id]->shape() All inputs must have the same shape.",
     "equal-inputs"),
    (f"{OK}top_shape[j] == bottom[i]->shape(j) (7 vs. 8) All inputs must have the same shape, "
     "except "
     "at concat_axis.", "concat"),
    (f"{OK}num_axes == bottom[i]->num_axes() (4 vs. 2) All inputs must have the same #axes.",
     "concat"),
    (f"{OK}concat_axis_ < num_axes (4 vs. 2) concat_dim out of range.", "axis"),
    (f"{OK}!(slice_param.has_axis() && slice_param.has_slice_dim()) Either axis or slice_dim "
     "should "
     "be specified; not both.", "axis-twice"),
    (f"{OK}bottom[0]->shape() == bottom[i]->shape() bottom[0]: 8 4 (32), bottom[1]: 8 3 (24)",
     "eltwise"),
    (f"{OK}bottom[i]->shape() == bottom[0]->shape() ", "eltwise"),
    (f"{OK}channels == bottom[i]->channels() (4 vs. 3) ", "eltwise"),
    (f"{OK}x Eltwise Layer takes one coefficient per bottom blob.", "eltwise-coefficients"),
    (f"{OK}bottom_slice_axis % top.size() == 0 (1 vs. 0) Number of top blobs (2) should evenly "
     "divide input slice axis (3)", "slice"),
    (f"{OK}slice_point_.size() == top.size() - 1 (2 vs. 1) ", "slice"),
    (f"{OK}0 == bottom[0]->count() % explicit_count (0 vs. 1) bottom count (10) must be "
     "divisible by "
     "the product of the specified dimensions (3)", "reshape"),
    (f"{OK}top[0]->count() == bottom[0]->count() (12 vs. 10) output count must match input count",
     "reshape"),
    (f"{OK}inferred_axis_ == -1 (0 vs. -1) new shape contains multiple -1 dims; at most a single "
     "(1) value of -1 may be specified", "reshape"),
    (f"{OK}top[0] != bottom[0] (0x1 vs. 0x1) Flatten Layer does not allow in-place computation.",
     "in-place"),
    (f"{OK}bottom[0]->shape(axis_ + i) == scale->shape(i) (3 vs. 4) dimension mismatch between "
     "bottom[0]->shape(1) and scale->shape(0)", "scale-shape"),
    (f"{OK}size_ % 2 == 1 (0 vs. 1) LRN only supports odd values for local_size", "local-size"),
    (f"{OK}this->layer_param_.param(i).lr_mult() == 0.f (1 vs. 0) Cannot configure batch "
     "normalization statistics as layer parameters.", "batch-norm-rates"),
    (f"{OK}bottom[0]->shape(1) == channels_ (3 vs. 4) ", "channels"),
    (f"{OK}this->blobs_[0]->count() == 1 (3 vs. 1) Negative slope size is inconsistent with "
     "prototxt "
     "config", "channels"),
    (f"{OK}top_k_ >= 1 (0 vs. 1) top k must not be less than 1.", "top-k"),
    (f"{OK}bottom[0]->shape(0) == bottom[1]->shape(0) (8 vs. 4) The data and label should have the "
     "same first dimension.", "loss-inputs"),
    (f"{OK}bottom[0]->count(1) == bottom[1]->count(1) (8 vs. 4) Inputs must have the same "
     "dimension.",
     "loss-inputs"),
    (f"{OK}bottom[0]->count() == bottom[1]->count() (8 vs. 4) SIGMOID_CROSS_ENTROPY_LOSS layer "
     "inputs must have the same count.", "loss-inputs"),
    # K1_EuclideanLoss and K2_EuclideanLoss of the SSDH authors
    (f"{OK}bottom[0]->channels() == bottom[1]->channels() (48 vs. 1) ", "loss-inputs"),
    (f"{OK}bottom[1]->channels() == 1 (3 vs. 1) ", "loss-inputs"),
    ("SoftmaxWithLoss Layer cannot backpropagate to label inputs.", "label-gradient"),
    ("Unknown normalization mode: X", "normalization"),
    (f"{OK}this->layer_param_.infogain_loss_param().has_source() Infogain matrix source must be "
     "specified.", "infogain"),
    (f"{OK}blob->width() == blob->height() (3 vs. 2) Filter must be square", "filler-shape"),
    (f"{OK}sigma > 0 (0 vs. 0) ", "filler-range"),
    (f"{OK}a <= b (1 vs. 0) ", "filler-range"),
    (f"{OK}count ", "empty-param"),
    (f"{OK}base > 0 (-2 vs. 0) base must be strictly positive.", "base"),
    (f"{OK}bottom[0]->shape(i) - crop_offset >= bottom[1]->shape(i) (3 vs. 4) the crop for "
     "dimension "
     "2 is out-of-bounds with size 4 and offset 1", "crop-layer"),
    (f"{OK}K_ > 0 (0 vs. 0) EmbedLayer input_dim must be positive.", "embed"),
    (f"{OK}tile_param.has_tiles() Number of tiles must be specified", "tile"),
    (f"{OK}threshold_ < 1. ", "dropout"),
    (f"{OK}bottom[1]->num_axes() == 2 (1 vs. 2) bottom[1] must have exactly 2 axes -- (#timesteps, "
     "#streams)", "recurrent"),
    # weights and snapshots
    (f"{OK}blob_dims == blob->shape() Cannot load blob from hdf5; shape mismatch. Source shape "
     "is 3 "
     "4 (12) target shape is 3 5 (15)", "weights-shape"),
    (f"{OK}ShapeEquals(proto) shape mismatch (reshape not set)", "weights-shape"),
    (f"{OK}target_blobs[j]->num() == source_layer.blobs(j).num() (10 vs. 1000) ", "weights-shape"),
    (f"{OK}target_blobs[j]->shape() == source_blob->shape() ", "weights-shape"),
    ("Incorrect weight shape: expected shape 3 4 (12); instead, shape was 3 5 (15)",
     "weights-shape"),
    (f"{OK}1 + bias_term_ == this->blobs_.size() (1 vs. 2) Incorrect number of weight blobs.",
     "weights-shape"),
    (f"{OK}count_ == proto.data_size() (1 vs. 0) ", "empty-blob"),
    (f"{OK}count_ == proto.data_size() (12 vs. 10) ", "empty-blob"),
    (f"{OK}data_hid >= 0 (-1 vs. 0) Error reading weights from a.caffemodel.h5", "damaged-file"),
    (f"{OK}state.history_size() == history_.size() (0 vs. 4) Incorrect length of history blobs.",
     "other-state"),
    (f"{OK}data_hid >= 0 (-1 vs. 0) Error saving weights to a.caffemodel.h5.", "snapshot-failed"),
    ("Unsupported snapshot format.", "snapshot-format"),
    # solvers
    (f"{OK}num_train_nets >= 1 (0 vs. 1) SolverParameter must specify a train net using one of "
     "these "
     "fields: net, train_net, net_param, train_net_param", "no-net"),
    (f"{OK}num_train_nets <= 1 (2 vs. 1) SolverParameter must not contain more than one of these "
     "fields specifying a train_net: net, train_net, net_param, train_net_param", "two-nets"),
    (f"{OK}num_generic_nets <= 1 (2 vs. 1) Both net_param and net_file may not be specified.",
     "two-nets"),
    (f"{OK}param_.test_state_size() == num_test_net_instances (1 vs. 2) test_state must be "
     "unspecified or specified once per test net.", "test-state"),
    (f"{OK}param_.test_interval() > 0 (0 vs. 0) ", "test-interval"),
    (f"{OK}param_.test_iter() > 0 (0 vs. 0) ", "test-iter"),
    (f"{OK}param_.average_loss() >= 1 (0 vs. 1) average_loss should be non-negative.",
     "average-loss"),
    ("Unknown momentum policy: x", "unknown-policy"),
    ("Unknown larc policy: x", "unknown-policy"),
    ("Unknown regularization type: L3", "unknown-regularization"),
    ("Unknown SolverType: 9", "unknown-solver-type"),
    (f"{OK}!solver_param->has_solver_type() || !solver_param->has_type() Failed to upgrade solver: "
     "old solver_type field (enum) and new type field (string) cannot be both specified in solver "
     "proto text.", "solver-type-twice"),
    (f"{OK}0 == this->param_.momentum() (0 vs. 0.9) Momentum cannot be used with AdaGrad.",
     "momentum"),
    (f"{OK}this->param_.rms_decay() < 1 (1 vs. 1) rms_decay should lie between 0 and 1.",
     "rms-decay"),
    (f"{OK}base_lr >= min_lr (0.1 vs. 1) ", "least-rate"),
    (f"{OK}this->param_.stageiter_size() == this->param_.stagelr_size() (1 vs. 2) ", "stages"),
    ("Unknown evaluation type: segmentation", "evaluation"),
    (f"{OK}solver_->net()->params().size() == solver_->net()->learnable_params().size() (3 vs. 2) "
     "Layer-wise reduce is not supported for nets with shared weights.", "solver-gpus"),
    # GPUs
    ("CPU-only Mode: cannot make GPU call.", "cpu-only"),
    ("USE_NCCL := 1 must be specified for multi-GPU", "no-nccl"),
    ("Out of memory: failed to allocate 4096 bytes on device 0", "gpu-memory"),
    (f"{OK}status == CNMEM_STATUS_SUCCESS (1 vs. 0)  CNMEM_STATUS_OUT_OF_MEMORY", "gpu-memory"),
    ("Can't find forward algorithm with memory limit 8388608 bytes per group", "gpu-memory"),
    (f"{OK}error == cudaSuccess (6 vs. 0)  the launch timed out and was terminated", "gpu-timeout"),
    (f"{OK}error == cudaSuccess (39 vs. 0)  uncorrectable ECC error encountered",
     "gpu-memory-error"),
    (f"{OK}error == cudaSuccess (30 vs. 0)  unknown error", "gpu-lost"),
    ("Cuda kernel failed. Error: invalid configuration argument", "cuda"),
    ("NCCL 2.2 or higher is required", "old-nccl"),
    (f"{OK}(*pairs)[i].device() != (*pairs)[j].device() ", "same-gpu"),
    # the program
    ("Unknown action: trian", "unknown-action"),
    (f"{OK}FLAGS_solver.size() > 0 (0 vs. 0) Need a solver definition to train.", "no-solver"),
    ("Invalid signal effect \"stopp\" was specified", "bad-flag"),
    ("Thread exception: boost::thread_resource_error: Resource temporarily unavailable", "threads"),
    ("Cannot install SIGINT handler.", "signal-handler"),
    ("Not Implemented Yet", "not-implemented"),
]  # fmt: skip

# Without a prefix, with the exit code.
PLAIN_LINES = [
    ("ImportError: No module named my_layers", -6, "python-import"),
    ("ModuleNotFoundError: No module named 'my_layers'", -6, "python-import"),
    ("AttributeError: 'module' object has no attribute 'Mine'", -6, "python-layer"),
    ("AttributeError: module 'my_layers' has no attribute 'Mine'", -6, "python-layer"),
    ("KeyError: 'scale'", -6, "python"),
    ("cv2.error: OpenCV(4.5.1) x.cpp:1: error: (-215) !empty()", -6, "python"),
    ("terminate called after throwing an instance of 'boost::python::error_already_set'", -6,
     "python"),
    ("malloc(): invalid next size (unsorted)", -6, "heap"),
    ("malloc(): memory corruption", -6, "heap"),
    ("double free or corruption (!prev)", -6, "heap"),
    ("free(): invalid pointer", -6, "heap"),
    ("corrupted size vs. prev_size", -6, "heap"),
    ("munmap_chunk(): invalid pointer", -6, "heap"),
    ("*** Error in `caffe': double free or corruption (out): 0x00007f ***", -6, "heap"),
    ("*** glibc detected *** caffe: free(): invalid next size (normal): 0x00 ***", -6, "heap"),
    ("*** stack smashing detected ***: terminated", -6, "heap"),
    ("[libprotobuf FATAL google/protobuf/repeated_field.h:1408] CHECK failed: (index) < (size()): ",
     -6, "old-weights"),
    ("  what():  CHECK failed: (index) < (current_size_): ", -6, "old-weights"),
    ("Intel MKL FATAL ERROR: Cannot load libmkl_avx2.so or libmkl_def.so.", 2, "missing-library"),
    ("caffe: symbol lookup error: caffe: undefined symbol: _ZN5boost", 127, "missing-library"),
    ("./caffe: line 3: /opt/caffe/build/tools/caffe: No such file or directory", 127,
     "missing-program"),
    ("./caffe: line 3: caffe.bin: command not found", 127, "missing-program"),
    ("ERROR: illegal value 'x' specified for int32 flag 'level'", 1, "bad-flag"),
    ("OpenBLAS blas_thread_init: pthread_create: Resource temporarily unavailable", -11, "threads"),
    ("cp: error writing 'x': No space left on device", 1, "disk"),
]  # fmt: skip
