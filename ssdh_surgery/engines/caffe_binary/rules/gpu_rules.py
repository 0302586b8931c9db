"""Failures of GPUs, as reported by Caffe and CUDA's libraries.

CUDA 10.1 renumbered its errors: the patterns contain both numbers of each.
"""

from __future__ import annotations

from ssdh_surgery.engines.caffe_binary.rules.failure_rule import rule

_REBUILT = "this Caffe has no code for the GPU: build Caffe for the GPU's architecture"
_LABELS = (
    "the usual cause is a label outside the classifier's num_output, which makes a GPU read out "
    "of bounds: check the labels of the data"
)

GPU_RULES = (
    rule(
        "cpu-only",
        r"Cannot use GPU in CPU-only Caffe|CPU-only Mode: cannot make GPU call",
        "a GPU was requested, but this Caffe was built for the CPU only",
        "train with --gpu none, or choose a Caffe with CUDA: --caffe",
        solver_fields="solver_mode",
    ),
    rule(
        "no-nccl",
        r"Multi-GPU execution not available|USE_NCCL(?: := 1)? must be specified for multi-GPU",
        "this Caffe was built without NCCL: it trains on one GPU only",
        "give --gpu one GPU, or build Caffe with USE_NCCL",
    ),
    rule(
        "gpu-memory",
        r"cudaSuccess \(2 vs\. 0\).*|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED"
        r"|CNMEM_STATUS_OUT_OF_MEMORY|Out of memory(?:: failed to allocate| in safe_reserve)"
        r"|Failed to allocate \d+ bytes on device|Can't find \w+ (?:\w+ )?algorithm with memory "
        r"limit",
        "the GPU does not have enough free memory for this net{of_layer}",
        "lower batch_size (and raise iter_size by the same factor), or free memory: nvidia-smi "
        "lists the processes on the GPU",
    ),
    rule(
        "no-gpu",
        r"cudaSuccess \((?:10|101) vs\. 0\).*",
        "there is no GPU with that number",
        "--gpu counts from 0, in the order of nvidia-smi",
    ),
    rule(
        "no-gpu",
        r"cudaSuccess \((?:38|100) vs\. 0\).*",
        "CUDA finds no GPU on this machine",
        "check nvidia-smi and CUDA_VISIBLE_DEVICES",
    ),
    rule(
        "cuda-driver",
        r"cudaSuccess \((?:35|3|803|804|999) vs\. 0\)\s*(?P<reason>.*)",
        "CUDA does not work with the driver on this machine: {reason}",
        "the driver must be at least as new as the CUDA that Caffe was built with",
    ),
    rule(
        "gpu-busy",
        r"cudaSuccess \((?:46|54|216) vs\. 0\).*",
        "another program has exclusive use of the GPU",
        "choose another with --gpu; nvidia-smi lists the processes on each",
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
        "gpu-timeout",
        r"cudaSuccess \((?:6|702) vs\. 0\).*",
        "a kernel on the GPU took too long, and the driver ended it{of_layer}",
        "the GPU also drives a screen: choose another with --gpu, or lower batch_size",
    ),
    rule(
        "gpu-memory-error",
        r"cudaSuccess \((?:39|214) vs\. 0\).*",
        "the memory of the GPU has an error that it cannot correct (ECC)",
        "nvidia-smi -q -d ECC lists them; a restart may help, a worn GPU must be replaced",
    ),
    rule(
        "gpu-lost",
        r"cudaSuccess \((?:30|46|79|719) vs\. 0\)\s*unknown error.*",
        "CUDA reports an unknown error: the driver or the GPU is in a bad state",
        "restart the machine, or reload the driver (after a suspend, CUDA may stay like this)",
    ),
    rule(
        "cuda",
        r"(?:Cuda kernel failed\. Error: (?P<kernel>.*)|CNMEM_STATUS_(?P<pool>(?!SUCCESS)\w+))",
        "CUDA failed: {kernel}{pool}{of_layer}",
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
        "cuDNN could not be initialised",
        "the GPU's memory may be full, or cuDNN does not match the driver or CUDA",
    ),
    rule(
        "cudnn",
        r"CUDNN_STATUS_(?P<reason>(?!SUCCESS)\w+)",
        "cuDNN failed: {reason}{of_layer}",
        "engine: CAFFE in the layer's parameters avoids cuDNN",
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
        "set NCCL_DEBUG=WARN in the environment for details",
    ),
    rule(
        "old-nccl",
        r"NCCL (?P<version>[\d.]+) or higher is required",
        "this Caffe needs NCCL {version} or higher",
        "install it, or give --gpu one GPU",
    ),
    rule(
        "same-gpu",
        r"\(\*pairs\)\[i\]\.(?:device|parent)\(\) !=",
        "one GPU is named twice, or two GPUs cannot work as a pair",
        "give --gpu different numbers",
    ),
)
