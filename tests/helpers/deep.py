"""Pictures of more than 8 bits and of any number of bands, as files, by hand where no library here writes them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_CODES = {"u": 1, "i": 2, "f": 3}
LZW, DEFLATE, PACKBITS, NONE = 5, 8, 32773, 1
_PILLOW = {LZW: "tiff_lzw", PACKBITS: "packbits"}


def ramp(side=48, bands=1, low=0.0, high=1.0, shift=0.0):
    """[side, side, bands] from low to high, no two pixels alike, each band turned a little further."""
    across, down = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    across, down = (side * across + down) / (side + 1), (side * down + across) / (side + 1)
    planes = [np.clip((across * (1 - share) + down * share) ** (1 + shift), 0, 1) for share in np.linspace(0, 1, bands)]
    return low + (high - low) * np.stack(planes, axis=-1)


def png16(values):
    """A grey PNG of 16 bits."""
    out = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint16).squeeze()).save(out, "PNG")
    return out.getvalue()


def color_png16(values):
    """An RGB or RGBA PNG of 16 bits, which Pillow cannot write."""
    from helpers.odd_pictures import png

    values = np.asarray(values, ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    return png(values.shape[1], values.shape[0], zlib.compress(rows), depth=16, color={3: 2, 4: 6}[values.shape[2]])


def tiff(
    values,
    *,
    bits=None,
    order="<",
    big=False,
    compression=NONE,
    predictor=1,
    planar=1,
    rows=None,
    tile=None,
    extra=None,
    pages=1,
    orientation=None,
    no_data=None,
    subfile=0,
    photometric=None,
):
    """A TIFF of [H, W, bands]; `pages` copies of it, those behind the first marked by `subfile`."""
    values = np.atleast_3d(values)
    height, width, bands = values.shape
    deep = 1 if planar == 2 else bands
    tall, wide = tile or (rows or height, width)
    segments = []
    for band in range(0, bands, deep):
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                part = values[top : top + tall, left : left + wide, band : band + deep]
                if tile:
                    part = np.pad(part, [(0, tall - part.shape[0]), (0, wide - part.shape[1]), (0, 0)])
                segments.append(_packed(_bytes(part, bits, order, predictor), compression))
    bits = bits or 8 * values.dtype.itemsize
    if photometric is None:
        photometric = 2 if bands in (3, 4) else 1
    tags = {
        254: [0], 256: [width], 257: [height], 258: [bits] * bands, 259: [compression], 262: [photometric],
        277: [bands], 284: [planar], 317: [predictor], 339: [_CODES[values.dtype.kind]] * bands,
    }  # fmt: skip
    tags |= {322: [wide], 323: [tall]} if tile else {278: [tall]}
    tags |= {274: [orientation]} if orientation else {}
    tags |= {338: [0] * (bands - 4 if bands > 3 else 0) + [extra]} if extra is not None else {}
    tags |= {42113: str(no_data).encode() + b"\0"} if no_data is not None else {}
    return _file(order, big, tags, segments, (324, 325) if tile else (273, 279), pages, subfile)


def _bytes(part, bits, order, predictor):
    height, width, bands = part.shape
    if bits and bits % 8:
        flat = part.reshape(height, -1).astype(np.int64)
        ones = (flat[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)
        return np.packbits(ones.reshape(height, -1), axis=1)
    if predictor == 2:
        whole = part.view(f"u{part.dtype.itemsize}")
        part = np.concatenate([whole[:, :1], np.diff(whole, axis=1)], axis=1)
    if predictor == 3:
        planes = part.astype(part.dtype.newbyteorder(">")).reshape(height, width * bands, 1).view(np.uint8)
        flat = planes.transpose(0, 2, 1).reshape(height, -1, bands)
        return np.concatenate([flat[:, :1], np.diff(flat, axis=1)], axis=1).reshape(height, -1)
    raw = np.ascontiguousarray(part.astype(part.dtype.newbyteorder(order)))
    return np.frombuffer(raw.tobytes(), np.uint8).reshape(height, -1)


def _packed(rows, compression):
    if compression == NONE:
        return rows.tobytes()
    if compression == DEFLATE:
        return zlib.compress(rows.tobytes())
    out = io.BytesIO()  # Pillow writes the bytes of a row as grey pixels
    Image.fromarray(rows).save(out, "TIFF", compression=_PILLOW[compression], tiffinfo={278: len(rows)})
    with Image.open(out) as image:
        (at,), (count,) = image.tag_v2[273], image.tag_v2[279]
    return out.getvalue()[at : at + count]


def _file(order, big, tags, segments, places, pages, subfile):
    head = 16 if big else 8
    body, offsets = b"", []
    for segment in segments:
        offsets.append(head + len(body))
        body += segment + b"\0" * (len(segment) % 2)
    tags = {**tags, places[0]: offsets, places[1]: [len(segment) for segment in segments]}
    count, number, inline = ("Q", "Q", 8) if big else ("H", "I", 4)
    first = head + len(body)
    for page in range(pages):
        if page:
            tags[254] = [subfile]
        start, outside, entries = head + len(body), b"", []
        size = struct.calcsize(order + count) + len(tags) * (20 if big else 12) + inline
        for tag, content in sorted(tags.items()):
            kind, packed = (
                (2, content) if isinstance(content, bytes) else (4, struct.pack(f"{order}{len(content)}I", *content))
            )
            if len(packed) > inline:
                where = start + size + len(outside)
                outside += packed + b"\0" * (len(packed) % 2)
                packed = struct.pack(order + number, where)
            entries.append(struct.pack(f"{order}HH{number}", tag, kind, len(content)) + packed.ljust(inline, b"\0"))
        following = start + size + len(outside) if page + 1 < pages else 0
        body += (
            struct.pack(order + count, len(tags)) + b"".join(entries) + struct.pack(order + number, following) + outside
        )
    mark = b"II" if order == "<" else b"MM"
    if big:
        return mark + struct.pack(order + "HHHQ", 43, 8, 0, first) + body
    return mark + struct.pack(order + "HI", 42, first) + body


def write(folder, files, name="{:02}"):
    """Files in a folder, numbered."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(files):
        kind = "png" if data.startswith(b"\x89PNG") else "tif"
        (folder / f"{name.format(number)}.{kind}").write_bytes(data)
    return folder
