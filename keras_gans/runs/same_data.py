"""Whether a run goes on with the data that it began with: compared before anything of it is written."""

import sys

from keras_gans import files
from keras_gans.data.stores import shown
from keras_gans.errors import UserError

LIST = "data.sha256"
"""File of a run folder: SHA-256 and path of every picture, as `sha256sum` writes them."""
_NAMED = 5
_FIXED = {
    "kind": "kind",
    "image_shape": "size and channels",
    "input_shape": "size and channels of the inputs",
    "labels": "labels",
}


def settle(folder, recipe):
    """Returns the recipe with what a run has settled before: `--holdout`, where the command line leaves it open."""
    if recipe["holdout"] is None and folder.record_path.is_file():
        return recipe | {"holdout": folder.recipe["holdout"]}
    return recipe


def at_its_old_place(folder, recipe):
    """Returns the recipe with the recorded `--data` in the place of one that holds the same files: data may move.

    Args:
        folder: the run's `Folder`.
        recipe: dict of resolved flags.
    """
    from keras_gans.trained import recipes

    if not folder.record_path.is_file():
        return recipe
    before, now = folder.recipe["data"], recipe["data"]
    if before == now or before.partition(":")[0] != now.partition(":")[0]:
        return recipe
    found = recipes.find_collection(recipe)
    if found.fingerprint != folder.record.get("data", {}).get("fingerprint"):
        return recipe
    print(
        f"the data of {folder.directory} have moved: --data={shown(now)} (was {shown(before)}) holds the same files",
        flush=True,
    )
    return recipe | {"data": before}


def compare(folder, recipe, source):
    """Compares the data with those that the run began with.

    Args:
        folder: the run's `Folder`; a new one is fine.
        recipe: dict of resolved flags.
        source: `keras_gans.data.Source` of the training split.

    Raises:
        UserError: other classes, another kind or other sizes. Files that were added, removed or replaced are said on stderr.
    """
    before = folder.record.get("data") if folder.record_path.is_file() else None
    if not before or "fingerprint" not in before:
        return
    now = describe(source)
    for what, name in _FIXED.items():
        if what in before and before[what] != now.get(what):
            raise UserError(
                f"{folder.directory} began with other data: their {name} were {before[what]}, those of "
                f"{shown(recipe['data'])} are {now[what]}; give the data of before, or take another --run_dir"
            )
    if recipe["conditional"] and before["class_names"] != now["class_names"]:
        raise UserError(
            f"{folder.directory} began with the {len(before['class_names'])} classes {_some(before['class_names'])}; "
            f"{shown(recipe['data'])} has the {len(now['class_names'])} classes {_some(now['class_names'])}; give the data "
            "of before, or take another --run_dir"
        )
    if before["fingerprint"] != now["fingerprint"]:
        _warn(folder, before, now, source)


def _warn(folder, before, now, source):
    known, found = read_list(folder), {shown(path): value for path, value in source.inventory.items()}
    if known is None:  # a run of version 0.1.0, whose fingerprint was another
        if before.get("count") != now["count"]:
            print(
                f"warning: the data have changed since {folder.directory} began: {before.get('count')} pictures or pairs "
                f"trained, now {now['count']}; it goes on with what is there",
                file=sys.stderr,
            )
        return
    changes = {
        "added": sorted(found.keys() - known.keys()),
        "removed": sorted(known.keys() - found.keys()),
        "replaced": sorted(path for path in found.keys() & known.keys() if found[path][:64].ljust(64) != known[path]),
    }
    said = [f"{len(paths)} {what} ({_some(paths)})" for what, paths in changes.items() if paths]
    split = ""
    if source.holdout.startswith("every:"):
        split = "; with --holdout=every:N others are held out now, among them some that trained"
    print(
        f"warning: the data have changed since {folder.directory} began: {', '.join(said) or 'their order or labels'}"
        f"{split}; it goes on with what is there",
        file=sys.stderr,
    )


def _some(names):
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def describe(source):
    """Returns what `run.json` says of the data."""
    return {
        "spec": source.spec,
        "kind": source.kind,
        "fingerprint": source.fingerprint,
        "count": source.count,
        "image_shape": list(source.image_shape),
        "class_names": list(source.class_names),
        "input_shape": source.input_shape and list(source.input_shape),
    } | ({"labels": source.labels.describe()} if source.labels else {})


def write_list(folder, source):
    """Writes the list of the files beside `run.json`; data inside the package have none."""
    if source.inventory:
        lines = (f"{value[:64].ljust(64)}  {shown(path)}\n" for path, value in source.inventory.items())
        files.write_text(folder.directory / LIST, "".join(lines))


def read_list(folder):
    """Returns {path: hash} of the files that the run has seen last, or None where it has no such list."""
    try:
        lines = (folder.directory / LIST).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return {line[66:]: line[:64] for line in lines}
