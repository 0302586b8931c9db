"""SSDH5xx: what a run needs of the machine: GPUs, memory, disk, time and directories."""
