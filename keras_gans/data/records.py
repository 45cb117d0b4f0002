"""TFRecord files by number: an index of offsets makes every record reachable at once, so that any order resumes.

A record is a little-endian uint64 length, its masked CRC-32C, the data, and theirs
(tensorflow/core/lib/io/record_writer.h). Index and reader check what TensorFlow's own reader checks.
"""

import contextlib
import hashlib
import json
import mmap
import pathlib
import struct

import google_crc32c
import numpy as np

from keras_gans import files
from keras_gans.data import contents, holdout, remote
from keras_gans.data.collection import Collection
from keras_gans.data.picture_files import FILE_BYTES, BadImage
from keras_gans.data.stores import shown
from keras_gans.errors import UserError

HEADER, FOOTER = struct.Struct("<QI"), struct.Struct("<I")


def _checksum(data):
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write(file, data):
    """Appends one record to a file opened in binary mode."""
    length = struct.pack("<Q", len(data))
    file.write(length + FOOTER.pack(_checksum(length)) + data + FOOTER.pack(_checksum(data)))


def index(path):
    """Finds the records of a file by their headers.

    Args:
        path: a TFRecord file, uncompressed.

    Returns:
        int64 [n, 2]: offset and length of the data of each sound record; None, or the reason why the rest of the file cannot
        be reached; and a SHA-256 (hex) of the records' lengths and checksums, which change with the data.
    """
    if remote.is_remote(path):
        return _remote_index(path)
    size = pathlib.Path(path).stat().st_size
    with open(path, "rb") as file:
        return _walk(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"", size)


def _remote_index(path):
    """Returns what `index` does; found out once, for it takes a look at the whole file."""
    size, changed = remote.stamp(path)
    cache = contents.cache_folder() / "records" / f"{contents.fingerprint(path, str(size), str(changed))}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        found, fault, digest = json.loads(cache.read_text())
        return np.array(found, np.int64).reshape(-1, 2), fault, digest
    found, fault, digest = _walk(remote.Bytes(path, size), size)
    with contextlib.suppress(UserError):  # without a cache the next start looks again
        files.write_text(cache, json.dumps([found.tolist(), fault, digest]))
    return found, fault, digest


def _walk(data, size):
    """Returns what `index` does of `size` bytes that are read by slices."""
    position, found, fault, digest = 0, [], None, hashlib.sha256()
    while position < size and not fault:
        whole = position + HEADER.size <= size
        length, checksum = HEADER.unpack(data[position : position + HEADER.size]) if whole else (size, 0)
        start, end = position + HEADER.size, position + HEADER.size + length + FOOTER.size
        if start <= size and checksum != _checksum(data[position : position + 8]):
            fault = "has a wrong length checksum (damaged, compressed or no TFRecord)"
        elif end > size:
            fault = "is cut off"
        else:
            found.append((start, length))
            digest.update(data[position : position + 8] + data[start + length : end])
            position = end
    if fault:
        fault = f"corrupt file: record {len(found) + 1} (byte {position}) {fault}"
    return np.array(found, np.int64).reshape(-1, 2), fault, digest.hexdigest()


def read(path, offset, length):
    """Returns the data of one record.

    Raises:
        BadImage: the file cannot be read, or its checksum is wrong.
    """
    if length > FILE_BYTES:
        raise BadImage(f"too large: {length} bytes are more than {FILE_BYTES}")
    try:
        if remote.is_remote(path):
            data = remote.read(path, offset, length + FOOTER.size)
        else:
            with open(path, "rb") as file:
                file.seek(offset)
                data = file.read(length + FOOTER.size)
    except OSError as error:
        raise BadImage(f"unreadable: {error.strerror}") from error
    if len(data) < length + FOOTER.size or FOOTER.unpack_from(data, length)[0] != _checksum(data[:length]):
        raise BadImage("corrupt record: the checksum of its data is wrong")
    return data[:length]


class Records(Collection):
    """Records in one or more files.

    Args:
        spec, name, class_names, split, held_out: as in `Collection`.
        extents: list of (path, skip, take): which records of which files, in order; take -1 is all.
        parse: function of the data of a record -> (bytes of the image file, label); may raise `BadImage`.
        held_out: text of `--holdout`, or None where all records belong to the split.
        everyone: names of the records of all hosts, among which is decided what is held out; default: of these.
        names: function of the numbers of records in the files -> list of the texts that decide what is held out.
    """

    def __init__(self, spec, name, split, extents, parse, class_names=(), held_out=None, names=None, everyone=()):
        self.spec, self.name, self.split, self.class_names, self.parse = spec, name, split, class_names, parse
        self.paths, self.faults, self.inventory, rows, digest = [], [], {}, [], hashlib.sha256()
        for number, (path, skip, take) in enumerate(extents):
            found, fault, contents = index(path)
            if fault:
                self.faults.append((shown(path), fault))
            self.paths.append(path)
            chosen = np.arange(len(found))[skip : None if take < 0 else skip + take]
            rows.append(np.column_stack([np.full(len(chosen), number), chosen, found[chosen]]))
            self.inventory[pathlib.Path(path).name] = contents
            digest.update(f"{contents} {skip} {take}\n".encode())
        self.fingerprint = digest.hexdigest()
        self.rows = np.concatenate(rows)  # [n, 4]: file, record in the file, offset, length
        self.total = 0 if held_out is None else len(self.rows)
        self._names = names([len(part) for part in rows]) if names else [str(number) for number in range(len(self.rows))]
        if held_out is not None and len(self.rows):
            chosen = holdout.part(everyone or self._names, split, held_out, shown(spec))
            if everyone:
                of_split = {everyone[number] for number in chosen.tolist()}
                chosen = np.array([number for number, own in enumerate(self._names) if own in of_split], np.int64)
            self.rows, self._names = self.rows[chosen], [self._names[number] for number in chosen.tolist()]
        self.count = len(self.rows)

    def name_of(self, number):
        return self._names[number]

    def read(self, number):
        file, _, offset, length = self.rows[number].tolist()
        return self.parse(read(self.paths[file], offset, length))

    def where(self, number):
        file, record = self.rows[number, :2].tolist()
        return f"{shown(self.paths[file])}, record {record + 1}"
