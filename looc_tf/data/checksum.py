"""CRC-32C (Castagnoli) as record files keep it, by NumPy: TensorFlow's reader of a single record reads 16 MB for it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_BLOCK = 1024  # bytes that are looked up at once
_AT_ONCE = 256  # blocks
_ALL = 0xFFFFFFFF


def _byte_table() -> np.ndarray:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = (crc >> 1) ^ np.where(crc & 1, np.uint32(0x82F63B78), np.uint32(0))
    return crc


_TABLE = _byte_table()


def masked_checksums(rows: np.ndarray) -> np.ndarray:
    """uint8 [N, B] of few bytes -> uint32 [N], turned and shifted as record files keep it."""
    crc = np.full(len(rows), _ALL, np.uint32)
    for column in rows.T:
        crc = _TABLE[(crc ^ column) & 0xFF] ^ (crc >> 8)
    crc = ~crc
    return ((crc >> 15) | (crc << 17)) + np.uint32(0xA282EAD8)


def masked_checksum(data: bytes) -> int:
    """The same of one text of any length.

    The sum is linear: what a byte adds depends on itself and on how many bytes follow. So all bytes of a block are
    looked up at once, and blocks are joined by what a block of zeros makes of the sum before it.
    """
    if len(data) < 4:
        return int(masked_checksums(np.frombuffer(data, np.uint8)[None])[0])
    by_place, by_block = _tables()
    values = np.zeros(len(data) + -len(data) % _BLOCK, np.uint8)  # zeros before all others add nothing
    values[-len(data) :] = np.frombuffer(data, np.uint8)
    values[len(values) - len(data) :][:4] ^= 0xFF  # as if the sum began with ones
    blocks, places, crc = values.reshape(-1, _BLOCK), np.arange(_BLOCK) * 256, 0
    for start in range(0, len(blocks), _AT_ONCE):
        added = by_place.take(places + blocks[start : start + _AT_ONCE])
        for one in np.bitwise_xor.reduce(added, axis=1).tolist():
            low, high = crc & 0xFFFF, crc >> 16
            crc = (
                one ^ by_block[0][low & 255] ^ by_block[1][low >> 8] ^ by_block[2][high & 255] ^ by_block[3][high >> 8]
            )
    crc ^= _ALL
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _ALL


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray, list[list[int]]]:
    """What each byte adds at each place of a block, and what a block of zeros makes of each byte of a sum."""
    by_place = np.zeros((_BLOCK, 256), np.uint32)
    by_place[-1] = _TABLE
    for place in range(_BLOCK - 2, -1, -1):
        by_place[place] = _behind_zero(by_place[place + 1])
    by_block = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    for _ in range(_BLOCK):
        by_block = _behind_zero(by_block)
    return by_place.reshape(-1), by_block.tolist()


def _behind_zero(crc: np.ndarray) -> np.ndarray:
    """Sums after one more byte, which is zero."""
    return _TABLE[crc & 0xFF] ^ (crc >> 8)
