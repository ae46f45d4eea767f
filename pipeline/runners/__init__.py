"""Where a pipeline runs: on this machine, compiled for a cluster, or the compiled job rehearsed here."""
