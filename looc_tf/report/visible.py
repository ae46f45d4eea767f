"""Pictures of any number of channels as people can see them."""

from __future__ import annotations

import numpy as np


def visible(image: np.ndarray) -> np.ndarray:
    """[H, W, C] -> [H, W, 3]: RGB as it is, the first three of many channels, of one or two the first one as grey."""
    channels = image.shape[-1]
    return image[..., :3] if channels >= 3 else np.repeat(image[..., :1], 3, axis=-1)
