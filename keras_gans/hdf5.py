"""HDF5 files of strangers (`.h5`, and those in `.keras`), looked at before Keras reads them."""

import io
import os
import pathlib
import zipfile

from keras_gans.files import check_unpacked

_OBJECTS = 2**16  # groups and arrays of a file


def check(path):
    """Looks at a `.h5`, `.hdf5` or `.keras` file without reading its arrays.

    HDF5 takes arrays from other files of the machine where a file tells it so, and unpacks a few bytes to any number.

    Args:
        path: of the file; another one passes.

    Raises:
        ValueError: it has parts in other files, or arrays that are much larger than it is.
        OSError: it is no HDF5 file.
        zipfile.BadZipFile: a `.keras` file is no archive.
    """
    import h5py  # here: commands that read no such file start without it

    path = pathlib.Path(path)
    most = most_unpacked(path)
    if path.suffix in (".h5", ".hdf5"):
        with h5py.File(path, "r") as file:
            _check(file, most)
    elif path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            check_unpacked(archive, most)
            for name in archive.namelist():
                if name.endswith(".h5"):
                    with h5py.File(io.BytesIO(archive.read(name)), "r") as file:
                        _check(file, most)


def most_unpacked(path):
    """Returns how many bytes a file of weights may unpack to: 8 times its own and 1 MiB, as weights hardly shrink."""
    return 8 * os.path.getsize(path) + 2**20


def _check(file, most):
    import h5py

    total, seen, groups = 0, set(), [file]
    while groups:
        group = groups.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise ValueError("it has parts in other files")
            if isinstance(link, h5py.SoftLink):  # leads to a part that has a place of its own
                continue
            part = group[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _OBJECTS:
                raise ValueError(f"it has more than {_OBJECTS} parts")
            if isinstance(part, h5py.Group):
                groups.append(part)
            elif isinstance(part, h5py.Dataset):
                if part.external or part.is_virtual:
                    raise ValueError("it has parts in other files")
                total += part.size * part.dtype.itemsize
                if total > most:
                    raise ValueError(f"its arrays have {total} bytes or more, and at most {most} are expected")
