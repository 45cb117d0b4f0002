"""Pack images into sharded TFRecords.

    keras-gans pack --data=folder:photos --out=packed --shards=4

writes packed/photos-00000-of-00004.tfrecord and so on, to be read with --data='tfrecord:packed/photos-*.tfrecord'.
Every image is checked first. The images' paths are kept beside the shards,
so that the same ones are held out as from the folder.
"""

import glob
import shlex

from keras_gans.bulk import commands as bulk
from keras_gans.flags import define_limits, define_runner


def define(flags):
    define_limits(flags)
    flags.string(
        "data", None, "what to pack: folder:PATH, tfds:NAME[/CONFIG][@SPLIT], tfrecord:GLOB or embedded:NAME", required=True
    )
    flags.string("out", None, "the folder for the shards; made if needed", required=True)
    flags.integer("shards", None, "number of shards (default: as many as --shard_mb needs)", lower=1, upper=99999)
    flags.number("shard_mb", 100.0, "about this many MB to a shard, where --shards is not given", lower=0.001)
    flags.integer(
        "image_size",
        None,
        "store PNGs of this size in pixels, resized and cropped as for training (default: the files' own bytes)",
        lower=1,
    )
    flags.choice("bad_images", "refuse", ("refuse", "skip"), "what to do about images that cannot be read")
    define_runner(flags, "OUT/.shards")


def run(flags):
    from keras_gans.data import opening, packing

    if bulk.asked(flags):
        paths, size = bulk.pack(flags)
        print(f"packed: shards {len(paths)}, {size / 1e6:.1f} MB, from {paths[0]} on")
        return
    collection = opening.open_collection(flags.data)
    paths = packing.pack(collection, flags.out, flags.shards, flags.shard_mb, flags.image_size, flags.bad_images)
    pattern = f"{glob.escape(str(paths[0].parent))}/{glob.escape(collection.name)}-*.tfrecord"
    size = sum(path.stat().st_size for path in paths)
    print(
        f"packed {collection.name}: shards {len(paths)}, {size / 1e6:.1f} MB; "
        f"use them with --data={shlex.quote('tfrecord:' + pattern)}"
    )
