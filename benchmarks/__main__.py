"""`python -m benchmarks`: run every program here and print one table."""

from benchmarks.table import main

main()
