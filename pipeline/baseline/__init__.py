"""Finding what an earlier run made: the model and the statistics that a run is compared with."""
