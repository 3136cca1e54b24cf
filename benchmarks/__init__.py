"""Scripts that measure what the compiler does; run each with `python -m benchmarks.NAME --help`."""
