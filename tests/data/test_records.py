"""One reader of record files: a damaged record is named, what follows it is read, by training and embedding alike."""

import gzip
import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from helpers.odd_pictures import save
from pictures import PICTURE

from looc_tf.data import open_source, read_table
from looc_tf.errors import UserError
from looc_tf.export.pictures import find, read_ahead

PNG = save(PICTURE, "PNG")
LENGTH, LENGTH_SUM, PAYLOAD, PAYLOAD_SUM = 0, 8, 40, -1  # bytes of a record, from its begin or its end


def example(name):
    value = lambda data: tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))  # noqa: E731
    features = {"image": value(PNG), "id": value(name.encode())}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, count=8):
    """A file of `count` records, and where each of them begins; the last number is the file's size."""
    begins = [0]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(count):
            payload = example(f"picture {number}")
            writer.write(payload)
            begins.append(begins[-1] + len(payload) + 16)
    assert path.stat().st_size == begins[-1]
    return begins


def flip(path, *places):
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 0x10
    path.write_bytes(data)


def trained(path):
    table = read_table(path)
    return list(table.ids), list(table.skipped)


def embedded(path):
    found = list(read_ahead(find(path).items))
    good = [name for name, data in found if isinstance(data, bytes)]
    return good, [(name, data) for name, data in found if isinstance(data, str)]


def pictures(*numbers):
    return [f"picture {number}" for number in numbers]


def test_training_and_embedding_leave_out_the_same_records_of_a_damaged_file(tmp_path):
    path = tmp_path / "a.tfrecord"
    begins = write(path)
    flip(path, begins[2] + PAYLOAD, begins[4] + LENGTH)
    os.truncate(path, begins[8] - 7)
    for read in (trained, embedded):
        names, skipped = read(path)
        assert names == pictures(0, 1, 3, 5, 6), read
        assert [name for name, _ in skipped] == ["a.tfrecord:2", "a.tfrecord:4", "a.tfrecord:7"], read
    assert trained(path) == embedded(path)
    payload, length, end = (reason for _, reason in trained(path)[1])
    assert "damaged" in payload and f"byte {begins[2]:,}" in payload
    assert "damaged" in length and f"byte {begins[4]:,}" in length and f"byte {begins[5]:,}" in length
    assert "cut short" in end and f"byte {begins[7]:,}" in end


@pytest.mark.parametrize("place", [LENGTH, 1, 3, 4, 7, LENGTH_SUM, 11, 12, PAYLOAD])
@pytest.mark.parametrize("number", [0, 3, 7])
def test_one_flipped_bit_costs_one_record(tmp_path, place, number):
    path = tmp_path / "a.tfrecord"
    begins = write(path)
    flip(path, begins[number] + place)
    for read in (trained, embedded):
        names, skipped = read(path)
        assert names == pictures(*(other for other in range(8) if other != number))
        assert [name for name, _ in skipped] == [f"a.tfrecord:{number}"]


def test_damage_that_reaches_over_records_is_one_gap(tmp_path):
    path = tmp_path / "a.tfrecord"
    begins = write(path)
    data = bytearray(path.read_bytes())
    data[begins[2] + 5 : begins[5] - 20] = bytes(begins[5] - 20 - begins[2] - 5)  # zeros, as of a lost block
    path.write_bytes(data)
    for read in (trained, embedded):
        names, skipped = read(path)
        assert names == pictures(0, 1, 5, 6, 7) and len(skipped) == 1


def test_gaps_longer_than_what_is_searched_at_a_time(tmp_path, monkeypatch):
    from looc_tf.data import records

    for block in (16, 17, 100):
        monkeypatch.setattr(records, "_BLOCKS", (block, block))
        path = tmp_path / f"{block}.tfrecord"
        begins = write(path)
        flip(path, begins[1] + LENGTH, begins[6] + LENGTH_SUM)
        assert trained(path)[0] == pictures(0, 2, 3, 4, 5, 7)


def test_a_length_beyond_all_files_is_not_asked_for(tmp_path):
    """Its checksum is sound: so much memory would be asked for, and the process would end."""
    head = write(tmp_path / "none.tfrecord", 0) and struct.pack("<Q", 1 << 60)
    path = tmp_path / "a.tfrecord"
    begins = write(path, 2)
    data = path.read_bytes()
    path.write_bytes(data[: begins[1]] + head + masked_sum(head) + bytes(100) + data[begins[1] :])
    for read in (trained, embedded):
        names, skipped = read(path)
        assert names == pictures(0, 1) and [name for name, _ in skipped] == ["a.tfrecord:1"]


def masked_sum(data):
    """CRC-32C bit by bit, masked as in record files: what the reader's own is compared with."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF)


def test_a_record_larger_than_any_picture_is_left_out(tmp_path, monkeypatch):
    from looc_tf.data import records

    path = tmp_path / "a.tfrecord"
    begins = write(path, 3)
    monkeypatch.setattr(records, "LARGEST", begins[1] - 17)
    with pytest.raises(UserError, match=r"bytes; at most .* are read"):
        trained(path)
    assert [name for name, reason in embedded(path)[1]] == ["a.tfrecord:0", "a.tfrecord:1", "a.tfrecord:2"]


@pytest.mark.parametrize("kind", ["compressed", "zeros", "noise", "text", "short"])
def test_what_is_no_record_file_is_said_to_be_none(tmp_path, kind):
    path = tmp_path / "a.tfrecord"
    write(path)
    contents = {
        "compressed": gzip.compress(path.read_bytes()),
        "zeros": bytes(3 << 20),
        "noise": np.random.default_rng(0).bytes(3 << 20),
        "text": b"label,picture\n" * 1000,
        "short": b"x",
    }
    path.write_bytes(contents[kind])
    names, skipped = embedded(path)
    assert names == [] and [name for name, _ in skipped] == ["a.tfrecord:0"]
    assert "compressed, or not a TFRecord file" in skipped[0][1]
    with pytest.raises(UserError, match="compressed, or not a TFRecord file"):
        open_source(path, size=8)


def test_an_empty_file_holds_nothing(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.touch()
    assert embedded(path) == ([], [])
    with pytest.raises(UserError, match="holds none"):
        trained(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read all")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "a.tfrecord"
    write(path)
    path.chmod(0)
    for read in (trained, embedded):
        with pytest.raises(UserError, match=r"readable record files.*Permission denied"):
            read(path)


def test_a_file_that_goes_while_it_is_read(tmp_path):
    path = tmp_path / "a.tfrecord"
    write(path)
    items = find(path).items
    path.unlink()
    with pytest.raises(UserError, match=r"readable record files.*No such file"):
        list(items)
