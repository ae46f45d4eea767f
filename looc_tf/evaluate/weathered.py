"""Corruptions of ImageNet-C (Hendrycks & Dietterich, ICLR 2019) that need more than this library depends on.

In tensorflow-datasets these functions call scikit-image, OpenCV or pictures of frost. Here is the same arithmetic on
NumPy and SciPy; frost lies on generated ice. All take uint8 [H, W, 3], a severity from 1 to 5 and what they draw from,
in the order in which tensorflow-datasets draws from NumPy's global generator.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.random import RandomState
from scipy import ndimage

ICE_SEED, ICE_SHEETS = 5, 5


def impulse_noise(picture: np.ndarray, severity: int, draw: RandomState) -> np.ndarray:
    """Salt and pepper: a share of the values becomes 0 or 255, either alike."""
    amount = (0.03, 0.06, 0.09, 0.17, 0.27)[severity - 1]
    own = np.random.default_rng(draw.randint(2**31))  # scikit-image draws from one of its own
    flipped, salted = own.random(picture.shape) <= amount, own.random(picture.shape) <= 0.5
    return np.where(flipped, np.where(salted, 255, 0), picture).astype(np.uint8)


def defocus_blur(picture: np.ndarray, severity: int, _: RandomState) -> np.ndarray:
    """Each point becomes a disk."""
    kernel = _disk(*((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))[severity - 1])
    return _bytes(ndimage.correlate(picture / 255.0, kernel[..., None], mode="mirror"))


def _disk(radius: int, sigma: float) -> np.ndarray:
    """A disk with softened edge."""
    reach, taps = max(8, radius), 1 if radius <= 8 else 2
    squares = np.arange(-reach, reach + 1) ** 2
    disk = (squares[:, None] + squares <= radius**2).astype(np.float32)
    disk /= disk.sum()
    weights = np.exp(-(np.arange(-taps, taps + 1) ** 2) / (2 * sigma**2))
    for axis in (0, 1):
        disk = ndimage.correlate1d(disk, weights / weights.sum(), axis, mode="mirror")
    return disk


def glass_blur(picture: np.ndarray, severity: int, draw: RandomState) -> np.ndarray:
    """Pixels are taken from their surroundings, one after another, between two blurs."""
    sigma, reach, times = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))[severity - 1]
    pixels = np.uint8(_smooth(picture / 255.0, sigma) * 255)
    ys, xs = (np.arange(length - reach, reach, -1) for length in picture.shape[:2])
    places = (ys[:, None] * picture.shape[1] + xs).ravel()
    order = list(range(picture.shape[0] * picture.shape[1]))
    for _ in range(times):
        dx, dy = draw.randint(-reach, reach, size=(len(places), 2)).T
        for place, other in zip(places.tolist(), (places + dy * picture.shape[1] + dx).tolist()):
            order[place] = order[other]  # which may have been another's before
    return _bytes(_smooth(pixels.reshape(-1, 3)[order].reshape(picture.shape) / 255.0, sigma))


def _smooth(picture: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(picture, (sigma, sigma, 0), mode="nearest")


def brightness(picture: np.ndarray, severity: int, _: RandomState) -> np.ndarray:
    """More of HSV's value; hue and saturation stay."""
    more, pixels = (0.1, 0.2, 0.3, 0.4, 0.5)[severity - 1], picture / 255.0
    value = pixels.max(axis=-1, keepdims=True)
    lifted = np.minimum(value + more, 1.0)
    return _bytes(np.where(value > 0, pixels * lifted / np.maximum(value, 1e-9), lifted))


def frost(picture: np.ndarray, severity: int, draw: RandomState) -> np.ndarray:
    """A random part of a generated sheet of ice over the darkened picture: ImageNet-C takes photographs of ice."""
    own, share = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))[severity - 1]
    side = picture.shape[0]
    ice = ice_sheet(draw.randint(ICE_SHEETS), 2 * side)
    top, left = draw.randint(0, len(ice) - side, size=2)
    return _bytes((own * picture + share * ice[top : top + side, left : left + side]) / 255.0)


@functools.lru_cache(maxsize=2 * ICE_SHEETS)
def ice_sheet(number: int, side: int) -> np.ndarray:
    """Bluish white with bright ridges, float [S, S, 3] in [0, 255]: noise of several scales, folded at its middle."""
    draw = np.random.default_rng((ICE_SEED, number))
    height = np.zeros((side, side))
    for scale in (0.12, 0.06, 0.03, 0.015):  # of the side
        layer = ndimage.gaussian_filter(draw.normal(size=(side, side)), scale * side, mode="wrap")
        height += scale * layer / layer.std()
    ridges = 1.0 - np.abs(height) / np.abs(height).max()
    return 255.0 * ridges[..., None] ** 3 * (0.8, 0.9, 1.0)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.around(np.clip(picture, 0.0, 1.0) * 255).astype(np.uint8)


FUNCTIONS: dict[str, Callable[[np.ndarray, int, RandomState], np.ndarray]] = {
    "impulse_noise": impulse_noise,
    "defocus_blur": defocus_blur,
    "glass_blur": glass_blur,
    "frost": frost,
    "brightness": brightness,
}
