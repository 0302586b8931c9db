"""What forks of Caffe add to the schema, the layer types and the solvers of BVLC Caffe.

The facts are those of each fork's `caffe.proto` and of its registered layers and solvers. A name
that is not here may still belong to a fork that is not.
"""

from __future__ import annotations

from collections.abc import Mapping

NVCAFFE = "NVCaffe"
INTELCAFFE = "IntelCaffe"
SSD = "the Caffe of SSD"
FAST_RCNN = "the Caffe of Fast R-CNN"
SEGNET = "the Caffe of SegNet"
DEEPLAB = "the Caffe of DeepLab"
PSPNET = "the Caffe of PSPNet"
TSN = "the Caffe of TSN"
WINDOWS = "happynear's Caffe"
RISTRETTO = "Ristretto"
SSDH = "the Caffe of the SSDH authors"
SEVERAL = "several forks"

_SSD_LAYER = (
    "annotated_data_param detection_evaluate_param detection_output_param multibox_loss_param "
    "norm_param permute_param prior_box_param video_data_param"
)
_SSD_TRANSFORM = "resize_param noise_param distort_param expand_param emit_constraint crop_h crop_w"
_SSD_SOLVER = "eval_type ap_version show_per_class_result plateau_winsize"
_DEEPLAB_LAYER = (
    "adaptive_bias_channel_param bias_channel_param dense_crf_param domain_transform_param "
    "interp_param mat_read_param mat_write_param seg_accuracy_param unique_label_param"
)

# Message -> fork -> the fields that it adds.
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "SolverParameter": {
        SSD: _SSD_SOLVER,
        NVCAFFE: f"{_SSD_SOLVER} epoch_size larc larc_eta larc_policy larc_turbo max_epoch "
        "max_momentum max_weight_decay min_lr momentum_policy momentum_power "
        "rampup_interval rampup_lr solver_data_type store_blobs_in_old_format "
        "test_and_snapshot_last_epochs test_epoch_size test_interval_epoch "
        "weight_decay_policy weight_decay_power",
        INTELCAFFE: f"{_SSD_SOLVER} disabled_update engine local_gw_ratio local_lr_auto "
        "stageiter stagelr test_offset warmup_iter warmup_start_lr",
        WINDOWS: "clamp_weights_lower clamp_weights_upper clip_weights",
        TSN: "group_id richness",
    },
    "NetParameter": {
        NVCAFFE: "default_backward_math default_backward_type default_conv_algos_override "
        "default_cudnn_math_override default_forward_math default_forward_type "
        "eltwise_mem_sharing global_grad_scale global_grad_scale_adaptive reduce_buckets",
        INTELCAFFE: "bn_stats_batch_size compile_net_state engine multinode",
        TSN: "mem_param",
    },
    "LayerParameter": {
        SSD: _SSD_LAYER,
        NVCAFFE: f"{_SSD_LAYER} backward_math backward_type cudnn_math_override debug "
        "detectnet_augmentation_param detectnet_groundtruth_param forward_math forward_type "
        "trt_param",
        INTELCAFFE: f"{_SSD_LAYER} box_annotator_ohem_param engine eval_detection_param "
        "mn_activation_param mn_grad_compress_param multinode psroi_pooling_param "
        "quantization_param region_loss_param reorg_param roi_pooling_param "
        "smooth_l1_loss_param spatial_dropout_param split_param",
        FAST_RCNN: "roi_pooling_param smooth_l1_loss_param",
        SEGNET: "bn_param dense_image_data_param upsample_param",
        DEEPLAB: _DEEPLAB_LAYER,
        PSPNET: f"{_DEEPLAB_LAYER} bn_param",
        TSN: "batch_reduction_param bn_param roi_pooling_param seg_data_param video_data_param",
        RISTRETTO: "quantization_param",
        WINDOWS: "batch_contrastive_loss_param bn_param center_loss_param channel_scale_param "
        "confidence_penalty_loss_param eltwise_affine_param fcn_data_param "
        "feature_decay_loss_param flip_param focal_loss_param general_contrastive_loss_param "
        "general_triplet_loss_param hotspot_param infimum_loss_param inner_distance_param "
        "insanity_param label_specific_add_param label_specific_affine_param "
        "label_specific_hard_margin_param label_specific_margin_param "
        "label_specific_rescale_param largemargin_inner_product_param local_param "
        "margin_inner_product_param mil_data_param mil_param nca_param noise_param "
        "normalize_param ordinal_regression_loss_param pairwise_param permute_param "
        "predict_box_param proposal_param psroi_pooling_param resize_param roi_pooling_param "
        "smoothl1_param soft_contrastive_loss_param soft_truncation_param sub_region_param "
        "triplet_loss_param truncation_param",
    },
    "V1LayerParameter": {
        WINDOWS: "bn_param eltwise_affine_param insanity_param local_param noise_param "
        "prelu_param roi_pooling_param sub_region_param triplet_loss_param",
    },
    "TransformationParameter": {
        SSD: _SSD_TRANSFORM,
        NVCAFFE: f"{_SSD_TRANSFORM} allow_upscale display forward_packing "
        "horizontal_stretch_lower horizontal_stretch_upper img_rand_resize_lower "
        "img_rand_resize_upper interpolation_algo_down interpolation_algo_up num_labels "
        "rand_resize_ratio_lower rand_resize_ratio_upper random_seed use_gpu_transform "
        "vertical_stretch_lower vertical_stretch_upper",
        INTELCAFFE: f"{_SSD_TRANSFORM} bgr2rgb flow pad random_aspect_ratio_param "
        "random_resize_param",
        DEEPLAB: "crop_height crop_width scale_factors",
        PSPNET: "crop_height crop_width scale_factors",
        TSN: "fix_crop is_flow max_distort more_fix_crop multi_scale original_image "
        "scale_ratios stride upper_height upper_size upper_width",
        WINDOWS: "aspect_max aspect_min center_crop crop_h crop_w erase_ratio scale_max scale_min",
    },
    "LossParameter": {
        NVCAFFE: "label_smoothing",
        INTELCAFFE: "label_smoothing pre_fixed_normalizer",
        SEGNET: "class_weighting weight_by_label_freqs",
    },
    "BatchNormParameter": {
        NVCAFFE: "bias_filler engine scale_bias scale_filler",
        INTELCAFFE: "bias_filler bias_term engine filler relu stats_batch_size use_weight_bias",
        DEEPLAB: "update_global_stats",
        PSPNET: "update_global_stats",
        WINDOWS: "bias_filler disable_mean disable_variance engine scale_filler",
    },
    "ConvolutionParameter": {
        NVCAFFE: "conv_algos_override cudnn_convolution_algo_seeker",
        INTELCAFFE: "coeff conv_algorithm fusion_type negative_slope relu",
        TSN: "dilation_h dilation_w",
        WINDOWS: "cudnn_convolution_algo_seeker shape_offset",
    },
    "DataParameter": {
        NVCAFFE: "cache parser_threads precache shuffle threads",
        INTELCAFFE: "shuffle side",
        TSN: "shuffle",
    },
    "ImageDataParameter": {
        NVCAFFE: "cache dataset_share_per_node precache short_side threads",
        INTELCAFFE: "min_height min_width",
        DEEPLAB: "ignore_label label_type",
        PSPNET: "ignore_label label_type",
        WINDOWS: "balance_by balance_class face_mirror face_point_num face_transform "
        "label_cut_end label_cut_start max_aspect_ratio max_random_scale max_random_shift "
        "max_rotate_angle max_shear_ratio min_random_scale",
    },
    "DropoutParameter": {
        NVCAFFE: "engine random_seed",
        SEGNET: "sample_weights_test",
        WINDOWS: "sqrt_scale",
    },
    "PoolingParameter": {
        NVCAFFE: "torch_pooling",
        INTELCAFFE: "avg_include_pad axis kernel_size_3d pad_3d stride_3d",
        WINDOWS: "blobs_a_min blobs_lr",
    },
    "InnerProductParameter": {INTELCAFFE: "engine negative_slope relu", WINDOWS: "normalize"},
    "FillerParameter": {INTELCAFFE: "scale", WINDOWS: "alpha"},
    "ConcatParameter": {INTELCAFFE: "engine per_fla_fuse"},
    "EltwiseParameter": {INTELCAFFE: "engine"},
    "ReLUParameter": {INTELCAFFE: "fuse"},
    "ReshapeParameter": {INTELCAFFE: "pixelshuffler"},
    "ReductionParameter": {TSN: "k"},
    "ELUParameter": {NVCAFFE: "lambda"},
    "AccuracyParameter": {WINDOWS: "min_is_better"},
    "MemoryDataParameter": {WINDOWS: "transpose"},
    "ParameterParameter": {WINDOWS: "blob_filler"},
    "ScaleParameter": {WINDOWS: "max_value min_value"},
    "SoftmaxParameter": {
        WINDOWS: "class_weight cutting_point hard_mining_label hard_ratio label_smooth_factor "
        "normalize_type",
    },
}

_SSD_TYPES = (
    "AnnotatedData DetectionEvaluate DetectionOutput MultiBoxLoss Normalize Permute PriorBox "
    "SmoothL1Loss VideoData"
)
_DEEPLAB_TYPES = (
    "AdaptiveBiasChannel BiasChannel DenseCRF DomainTransform DomainTransformForwardOnly "
    "ImageSegData Interp MatRead MatWrite SegAccuracy SpatialProduct UniqueLabel"
)
# Fork -> the layer types that it adds.
_TYPES: Mapping[str, str] = {
    SSD: _SSD_TYPES,
    NVCAFFE: f"{_SSD_TYPES} Axpy DetectNetTransformation L1Loss TRT",
    INTELCAFFE: f"{_SSD_TYPES} Axpy BoxAnnotatorOHEM BoxData EvalDetection MKLBatchNorm "
    "MnActivation PSROIPooling ROIPooling RegionLoss Reorg SmoothL1LossOHEM "
    "SoftmaxWithLossOHEM SpatialDropout",
    FAST_RCNN: "ROIPooling SmoothL1Loss",
    SEGNET: "BN DenseImageData Upsample",
    DEEPLAB: _DEEPLAB_TYPES,
    PSPNET: f"{_DEEPLAB_TYPES} BN",
    TSN: "BN BatchReduction Gather Normalize ROIPooling Scatter SegData SmoothL1Loss SyncBN "
    "VideoData",
    RISTRETTO: "ConvolutionRistretto DeconvolutionRistretto FcRistretto LRNRistretto",
    WINDOWS: "Arccos Axpy BN BatchContrastiveLoss CenterLoss ChannelScale "
    "ConfidencePenaltyLoss CorrelationLoss Cosine FCNAccuracy Flip FocalLoss "
    "GeneralContrastiveLoss GeneralTripletLoss GlobalLSEMargin Gram Hotspot InnerDistance "
    "Insanity LabelSpecificAdd LargeMarginInnerProduct Local MarginInnerProduct "
    "MovingNormalize MultiLabelImageData NCALoss Noise Normalize PSROIPooling Pairwise "
    "Permute PredictBox Proposal ROIPooling Resize Slope SmoothL1Loss SoftContrastiveLoss "
    "SoftTruncation SubRegion Transformer TripletLoss Truncation",
    SSDH: "K1_EuclideanLoss K2_EuclideanLoss MultiLabelAccuracy MultiLabelSigmoidLoss",
    SEVERAL: "ConvolutionDepthwise DepthwiseConvolution HuberLoss LogSoftmax ReLU6",
}
# Values of `lr_policy` and `type` in a solver.
_POLICIES: Mapping[str, str] = {SSD: "plateau", INTELCAFFE: "plateau multifixed", TSN: "exp10"}
_SOLVER_TYPES: Mapping[str, str] = {NVCAFFE: "SAG"}
# Enum -> fork -> the values that it adds.
_ENUMS: Mapping[str, Mapping[str, str]] = {
    "ConvolutionParameter.Engine": {INTELCAFFE: "MKL2017 MKLDNN"},
    "LRNParameter.Engine": {INTELCAFFE: "MKL2017 MKLDNN"},
    "PoolingParameter.Engine": {INTELCAFFE: "MKL2017 MKLDNN"},
    "ReLUParameter.Engine": {INTELCAFFE: "MKL2017 MKLDNN"},
    "LossParameter.NormalizationMode": {INTELCAFFE: "PRE_FIXED"},
    "EltwiseParameter.EltwiseOp": {TSN: "STOCHASTIC_SUM", WINDOWS: "SORT"},
    "PoolingParameter.PoolMethod": {WINDOWS: "DEF DEF_ALL DEF_ALL2 DEF_ALL3 DEF_ALL4 LOWRES"},
    "ReductionParameter.ReductionOp": {TSN: "TOPK"},
}
_FILLERS: Mapping[str, str] = {
    NVCAFFE: "bilinearstatic gaussianstatic msrastatic positive_unitballstatic uniformstatic "
    "xavierstatic",
    INTELCAFFE: "gabor",
    WINDOWS: "identity gaussian_unitball",
}


def forks_with_field(message: str, field: str) -> tuple[str, ...]:
    """The forks that have a field in a message of BVLC Caffe's schema.

    >>> forks_with_field("SolverParameter", "rampup_interval")
    ('NVCaffe',)
    """
    return _forks_with(field, _FIELDS.get(message, {}))


def forks_with_value(enum: str, value: str) -> tuple[str, ...]:
    """The forks that have a value of an enum of BVLC Caffe's schema."""
    return _forks_with(value, _ENUMS.get(enum, {}))


def forks_with_type(layer_type: str) -> tuple[str, ...]:
    """The forks that have a layer type; none for a type of BVLC Caffe."""
    return _forks_with(layer_type, _TYPES)


def forks_with_policy(lr_policy: str) -> tuple[str, ...]:
    """The forks that have a learning rate policy."""
    return _forks_with(lr_policy, _POLICIES)


def forks_with_solver_type(solver_type: str) -> tuple[str, ...]:
    """The forks that have a type of solver."""
    return _forks_with(solver_type, _SOLVER_TYPES)


def forks_with_filler(filler: str) -> tuple[str, ...]:
    """The forks that have a type of filler."""
    return _forks_with(filler, _FILLERS)


def _forks_with(name: str, names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(fork for fork, words in names.items() if name in words.split())


def forks_text(forks: tuple[str, ...]) -> str:
    """Forks as the subject of a sentence, with its verb.

    >>> forks_text(("NVCaffe",)), forks_text(("NVCaffe", "IntelCaffe"))
    ('NVCaffe has', 'NVCaffe and IntelCaffe have')
    """
    if len(forks) == 1:
        return f"{forks[0]} {'have' if forks[0] == SEVERAL else 'has'}"
    return f"{', '.join(forks[:-1])} and {forks[-1]} have"
