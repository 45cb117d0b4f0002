"""What the folders of a data set mean: classes, parts of a set, or shards; and StyleGAN's `dataset.json`."""

import dataclasses
import json
import pathlib
import re

import numpy as np

from keras_gans.data.picture_files import BadImage
from keras_gans.data.stores import shown
from keras_gans.errors import UserError

PARTS = frozenset(["train", "training", "val", "valid", "validation", "test", "testing"])
LABELS = "dataset.json"
MOST_CLASSES = 100_000
_LABELS_BYTES = 2**27


@dataclasses.dataclass(frozen=True)
class Classes:
    """What folders were taken for.

    Attributes:
        names: of the classes, in label order; () where there are none.
        labels: {path: label} of every picture; {} where there are no classes.
        notes: sentences about what was understood.
        why_none: why there are no classes, for messages; "" where nothing hints at any. Text.
    """

    names: tuple = ()
    labels: dict = dataclasses.field(default_factory=dict)
    notes: tuple = ()
    why_none: str = ""


def understand(store, paths):
    """Finds the classes of pictures.

    Subfolders are classes where every picture lies in one of several. `train` and `val` above them are parts of one set; the
    numbered folders that StyleGAN and FFHQ write are shards. Where there is StyleGAN's `dataset.json`, its labels count.

    Args:
        store: see `keras_gans.data.stores`.
        paths: of the pictures in it.

    Returns:
        `Classes`.

    Raises:
        UserError: a `dataset.json` that does not fit the pictures.
    """
    if LABELS in store.names:
        return _from_json(store, paths)
    notes, inner, tops = [], list(paths), _tops(paths)
    if tops <= PARTS and tops:
        inner, notes = _within(paths), [_parts_note(store, tops)]
    elif _are_shards(paths, tops):
        return Classes(notes=(f"the {len(tops)} numbered folders of {shown(store.path)} are shards, not classes",))
    tops = _tops(inner)
    if "" in tops and len(tops) > 2:
        stray = [path for path, rest in zip(paths, inner) if "/" not in rest]
        others = ", ".join(shown(top) for top in sorted(tops)[1:4])
        why = (
            f"{len(stray)} of the pictures ({shown(stray[0])}) lie beside the folders {others}, so these are no classes; "
            "move them into one"
        )
        return Classes(notes=(*notes, why), why_none=why)
    if len(tops) < 2 or "" in tops:
        return Classes(notes=tuple(notes))
    names = tuple(sorted(tops))
    numbers = {name: number for number, name in enumerate(names)}
    labels = {path: numbers[rest.partition("/")[0]] for path, rest in zip(paths, inner)}
    return Classes(tuple(map(shown, names)), labels, tuple(notes))


def _tops(paths):
    return {path.partition("/")[0] if "/" in path else "" for path in paths}


def _within(paths):
    return [path.partition("/")[2] for path in paths]


def _parts_note(store, tops):
    """Says what is made of `train`, `val` and their like."""
    parts = " and ".join(sorted(tops))
    said = f"{parts} in {shown(store.path)} are taken as parts of one set, not as classes"
    held = sorted(tops - {"train", "training"})
    trains = sorted(tops & {"train", "training"})
    if trains and held:
        train, held = (shown(store.path / part) for part in (trains[0], held[-1]))
        said += f"; to hold one out: --data=folder:{train} --holdout=folder:{held}"
    return said


def _are_shards(paths, tops):
    """Whether folders only keep the files in each few: StyleGAN's 00000/img00000000.png, FFHQ's 01000/01234.png."""
    if not all(re.fullmatch(r"\d{5}", top) for top in tops):
        return False
    stems = [(path.partition("/")[0], pathlib.PurePosixPath(path).stem) for path in paths]
    if all(re.fullmatch(r"img\d{8}", stem) for _, stem in stems):
        return True
    return all(re.fullmatch(r"\d{5}", stem) and int(stem) // 1000 * 1000 == int(top) for top, stem in stems)


def _from_json(store, paths):
    """Reads StyleGAN's `{"labels": [[path, label], ...]}`; a label is a number, or a list of 0s and a 1."""
    where = store.where(LABELS)
    try:
        stamp = store.stamp(LABELS)
        if stamp and stamp[0] > _LABELS_BYTES:
            raise UserError(f"{where} has {stamp[0]} bytes, more than {_LABELS_BYTES}; it is not read")
        given = json.loads(store.read(LABELS))
    except (BadImage, ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON that can be read: {str(error)[:100]}") from error
    given = given.get("labels") if isinstance(given, dict) else given
    if not given:
        return Classes(notes=(f"{where} holds no labels",))
    try:
        labels = {name: _number(label) for name, label in (given.items() if isinstance(given, dict) else given)}
    except (TypeError, ValueError, AttributeError) as error:
        form = '{"labels": [["00000/img00000000.png", 0], ...]}'
        raise UserError(f"{where}: expected {form}: {str(error)[:100]}") from error
    missing = [path for path in paths if path not in labels]
    if missing:
        raise UserError(f"{where} has no label for {len(missing)} of {len(paths)} pictures, such as {shown(missing[0])}")
    labels = {path: labels[path] for path in paths}
    most = max(labels.values())
    notes = (f"labels are those of {where}",)
    return Classes(tuple(map(str, range(most + 1))) if most else (), labels if most else {}, notes)


def _number(label):
    if isinstance(label, list):
        if sorted(label)[:-1] != [0] * (len(label) - 1) or max(label) != 1:
            raise ValueError("a label that is a list must be 0s and a 1")
        label = label.index(1)
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < MOST_CLASSES:
        raise ValueError(f"the label {str(label)[:40]!r} is no number from 0 to {MOST_CLASSES - 1}")
    return label


@dataclasses.dataclass(frozen=True)
class Settled:
    """What the labels of a split came to.

    Attributes:
        labels: int32 [n]; all 0 where they name no classes.
        names: of the classes. A tuple of texts.
        counts: images of each class.
        notes: sentences about them.
        why_none: why they name no classes, or "".
    """

    labels: np.ndarray
    names: tuple = ()
    counts: tuple = ()
    notes: tuple = ()
    why_none: str = ""


def settle(collection, numbers, labels):
    """Checks the labels of images; classes without names are named by their numbers.

    Args:
        collection: where the images come from.
        numbers: int [n], their numbers in it.
        labels: int64 [n].

    Returns:
        `Settled`. Labels below 0 (which TensorFlow Datasets give where there is none) and numbers that are no classes are
        said in `why_none`.

    Raises:
        UserError: more labels than names.
    """
    names, least, most = collection.class_names, int(labels.min()), int(labels.max())
    if least < 0 or most >= max(MOST_CLASSES, len(names)):
        wrong = np.flatnonzero((labels < 0) | (labels >= MOST_CLASSES))
        said = (
            f"{collection.where(int(numbers[wrong[0]]))} has the label {labels[wrong[0]]}, which is no class (0 to "
            f"{MOST_CLASSES - 1}), as have {len(wrong)} of {len(labels)} images"
        )
        return Settled(np.zeros(len(labels), np.int32), notes=(f"the labels are left aside: {said}",), why_none=said)
    if names and most >= len(names):
        raise UserError(f"{shown(collection.spec)} has a label {most} but only {len(names)} class names; add the others")
    names = names or (tuple(map(str, range(most + 1))) if most else ())
    counts = np.bincount(labels, minlength=len(names)) if names else ()
    return Settled(labels.astype(np.int32), names, tuple(map(int, counts)), tuple(_gaps(names, counts)))


def _gaps(names, counts):
    """Says which classes have no images."""
    empty = [name for name, count in zip(names, counts) if not count]
    if not empty:
        return
    listed = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
    hint = "; do the labels count from 1?" if empty == ["0"] else ""
    yield f"{len(empty)} of {len(names)} classes have no images to train on ({listed}){hint}"
