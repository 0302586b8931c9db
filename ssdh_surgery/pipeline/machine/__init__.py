"""The machine at hand: its memory, and its GPUs through NVIDIA's driver."""
