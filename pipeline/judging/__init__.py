"""How a model is judged: as one that answers probes, against the thresholds of a config."""
