"""Tables of embeddings, written piece by piece so that their length is bounded by the disk and not by the memory."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

Rows = Mapping[str, np.ndarray]  # representation -> float32 [B, D]


class Table(Protocol):
    """A file being written: an id and a row of each representation per picture."""

    def write(self, ids: Sequence[str], rows: Rows) -> None:
        """Appends `[B]` ids and `[B, D]` rows."""

    def close(self) -> Path:
        """Ends the file and returns where it is."""


class NpzTable:
    """`id` as unicode [N] and each representation as float32 [N, D]; read it with `numpy.load(path)`.

    Rows are appended to a plain file per array; the archive is made of these at the end, when N is known.
    """

    def __init__(self, folder: Path, dimensions: Mapping[str, int]):
        self._folder, self._dimensions = folder, dict(dimensions)
        self._count, self._longest = 0, 1
        self._names = {name: folder / f"{number}.rows" for number, name in enumerate(self._dimensions)}
        self._files = {name: path.open("wb") for name, path in self._names.items()}
        self._ids = (folder / "ids").open("w", encoding="utf-8")

    def write(self, ids: Sequence[str], rows: Rows) -> None:
        self._count += len(ids)
        self._longest = max(self._longest, *map(len, ids))
        self._ids.writelines(json.dumps(name) + "\n" for name in ids)  # as JSON: a file's name may hold a line break
        for name, file in self._files.items():
            file.write(rows[name].astype("<f4", copy=False).tobytes())

    def close(self) -> Path:
        path = self._folder / "table.npz"
        with zipfile.ZipFile(path, "w") as archive:
            self._add_ids(archive)
            for name, file in self._files.items():
                file.close()
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member, self._names[name].open("rb") as rows:
                    _header(member, (self._count, self._dimensions[name]), "<f4")
                    shutil.copyfileobj(rows, member, 1 << 20)
                self._names[name].unlink()  # the archive needs the space
        return path

    def _add_ids(self, archive: zipfile.ZipFile) -> None:
        self._ids.close()
        kind = f"<U{self._longest}"
        with (
            archive.open("id.npy", "w", force_zip64=True) as member,
            (self._folder / "ids").open(encoding="utf-8") as lines,
        ):
            _header(member, (self._count,), kind)
            for line in lines:
                member.write(np.array(json.loads(line), kind).tobytes())


def _header(file, shape: tuple[int, ...], kind: str) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})


class ParquetTable:
    """A column `id` and, per representation, one of lists of D float32; read it with `pandas.read_parquet(path)`."""

    _GROUP = 4096  # rows held until they are written

    def __init__(self, folder: Path, dimensions: Mapping[str, int]):
        import pyarrow
        from pyarrow import parquet

        columns = {name: pyarrow.list_(pyarrow.float32(), size) for name, size in dimensions.items()}
        self._schema = pyarrow.schema({"id": pyarrow.string(), **columns})
        self._path = folder / "table.parquet"
        self._file = self._path.open("wb")  # an open file: pyarrow takes a path that is not absolute for a URI
        self._writer = parquet.ParquetWriter(self._file, self._schema)
        self._ids: list[str] = []
        self._rows: list[Rows] = []

    def write(self, ids: Sequence[str], rows: Rows) -> None:
        self._ids.extend(ids)
        self._rows.append(rows)
        if len(self._ids) >= self._GROUP:
            self._flush()

    def close(self) -> Path:
        if self._ids:
            self._flush()
        self._writer.close()
        self._file.close()
        return self._path

    def _flush(self) -> None:
        import pyarrow

        columns = [pyarrow.array(self._ids, pyarrow.string())]
        for field in list(self._schema)[1:]:
            values = np.concatenate([rows[field.name] for rows in self._rows]).astype(np.float32, copy=False)
            columns.append(
                pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(values.reshape(-1)), field.type.list_size)
            )
        self._writer.write_table(pyarrow.Table.from_arrays(columns, schema=self._schema))
        self._ids, self._rows = [], []


TABLES: dict[str, type[NpzTable] | type[ParquetTable]] = {".npz": NpzTable, ".parquet": ParquetTable}
