"""Makes the small pictures and the random VGG19 of the reference runs.

python make_data.py --shared=../shared/data
"""

import argparse
import pathlib

import numpy as np
from cases import DATA, VGG19
from PIL import Image

COUNT = 24


def shrink(path, side):
    """Opens a picture, with its longest side at most `side` pixels."""
    picture = Image.open(path, formats=("JPEG", "PNG", "WEBP")).convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def write(pictures, folder):
    """Writes pictures as 0.png, 1.png, ..."""
    (DATA / folder).mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        picture.save(DATA / folder / f"{number}.png")


def make_pictures(shared):
    """Makes all folders of pictures of the shared data."""
    photos, paintings = (sorted((shared / folder).glob("*.jpg")) for folder in ("photos", "paintings"))
    write([shrink(path, 160) for path in photos[:COUNT]], "photos")
    write([shrink(path, 160) for path in paintings[:COUNT]], "paintings")
    write([shrink(path, 160) for path in paintings[5:11]], "styles")
    write([shrink(photos[COUNT], 100), shrink(photos[COUNT + 1], 72)], "inputs")
    with np.load(shared / "emoji_pairs64.npz") as emoji:
        for folder, key in (("emoji/a", "google"), ("emoji/b", "twitter")):
            write([Image.fromarray(pixels) for pixels in emoji[key][:: len(emoji[key]) // COUNT][:COUNT]], folder)
    masks = []
    for path in sorted((DATA / "inputs").glob("*.png")):
        width, height = Image.open(path, formats=("JPEG", "PNG", "WEBP")).size
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4 : height // 2, width // 3 : 2 * width // 3] = 255
        masks.append(Image.fromarray(mask))
    write(masks, "masks")


def make_vgg19():
    """Makes a file of random weights for keras.applications' VGG19."""
    import keras

    keras.utils.set_random_seed(0)
    VGG19.parent.mkdir(parents=True, exist_ok=True)
    keras.applications.VGG19(include_top=False, weights=None).save_weights(VGG19)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=pathlib.Path, default=pathlib.Path("../shared/data"), help="the shared data")
    make_pictures(parser.parse_args().shared)
    make_vgg19()
