"""Programs that measure the library: `python -m benchmarks` runs them all and prints one table."""
