"""What Caffe and CUDA's libraries say of GPUs that cannot be used.

CUDA 10.1 numbered its errors anew: both numbers of each stand here.
"""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.rule import rule

_REBUILT = "the GPU code of this Caffe does not fit the card: build Caffe for its architecture"
_LABELS = (
    "the usual cause is a label outside the classifier's num_output, which a GPU reads out of "
    "bounds; look at the labels of the data"
)

GPU_RULES = (
    rule(
        "cpu-only",
        r"Cannot use GPU in CPU-only Caffe",
        "a GPU was asked for, but this Caffe was built for the CPU only",
        "train with --gpu none, or name a Caffe with CUDA with --caffe",
    ),
    rule(
        "no-nccl",
        r"Multi-GPU execution not available",
        "this Caffe was built without NCCL and trains on one GPU only",
        "name one GPU with --gpu, or build Caffe with USE_NCCL",
    ),
    rule(
        "gpu-memory",
        r"cudaSuccess \(2 vs\. 0\).*|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED",
        "the GPU has too little free memory for this net{of_layer}",
        "lower batch_size (and raise iter_size as much), or free the card: nvidia-smi lists who "
        "uses it",
    ),
    rule(
        "no-gpu",
        r"cudaSuccess \((?:10|101) vs\. 0\).*",
        "there is no GPU of that number",
        "--gpu counts from 0 in the order that nvidia-smi lists them",
    ),
    rule(
        "no-gpu",
        r"cudaSuccess \((?:38|100) vs\. 0\).*",
        "CUDA finds no GPU on this machine",
        "look at nvidia-smi and at CUDA_VISIBLE_DEVICES",
    ),
    rule(
        "cuda-driver",
        r"cudaSuccess \((?:35|3|803|804|999) vs\. 0\)\s*(?P<reason>.*)",
        "CUDA does not work with the driver of this machine: {reason}",
        "the driver must be as new as the CUDA that Caffe was built with",
    ),
    rule(
        "gpu-busy",
        r"cudaSuccess \((?:46|54|216) vs\. 0\).*",
        "the GPU is in use by another program that keeps it to itself",
        "name another with --gpu; nvidia-smi lists who uses them",
    ),
    rule(
        "gpu-architecture",
        r"cudaSuccess \((?:8|48|98|209) vs\. 0\).*|CU(?:DNN|BLAS)_STATUS_ARCH_MISMATCH",
        "this Caffe was not built for this GPU",
        _REBUILT,
    ),
    rule(
        "gpu-access",
        r"cudaSuccess \((?:4|59|74|77|700|710|716|719) vs\. 0\)\s*(?P<reason>(?!driver).*)",
        "a kernel on the GPU failed: {reason}{of_layer}",
        _LABELS,
    ),
    rule(
        "cuda",
        r"cudaSuccess \((?P<status>\d+) vs\. 0\)\s*(?P<reason>.*)",
        "CUDA failed with error {status}: {reason}{of_layer}",
    ),
    rule(
        "cudnn",
        r"CUDNN_STATUS_NOT_INITIALIZED",
        "cuDNN could not be started",
        "the GPU's memory may be full, or cuDNN does not fit the driver or CUDA",
    ),
    rule(
        "cudnn",
        r"CUDNN_STATUS_(?P<reason>(?!SUCCESS)\w+)",
        "cuDNN failed: {reason}{of_layer}",
        "engine: CAFFE in the layer's parameters does without cuDNN",
    ),
    rule(
        "cublas",
        r"CUBLAS_STATUS_(?P<reason>(?!SUCCESS)\w+)",
        "cuBLAS failed: {reason}{of_layer}",
        _LABELS,
    ),
    rule(
        "curand",
        r"CURAND_STATUS_(?P<reason>(?!SUCCESS)\w+)",
        "cuRAND failed: {reason}",
        _REBUILT,
    ),
    rule(
        "nccl",
        r"ncclSuccess \((?P<status>\d+) vs\. 0\)\s*(?P<reason>.*)",
        "NCCL failed with error {status}: {reason}",
        "NCCL_DEBUG=WARN in the environment makes it say more",
    ),
)
