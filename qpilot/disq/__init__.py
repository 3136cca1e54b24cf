"""DISQ: training of variational circuits on machines whose noise drifts (arXiv 2308.06634)."""
