"""Leave-one-out contrastive learning (LooC) in TensorFlow."""

__version__ = "0.1.0"
