# %% [markdown]
# # 3. A photo filter, from two folders to phone and browser
#
# You have a folder of photographs and a folder of pictures that look as photographs should look afterwards. They show different
# things: there are no pairs. A network learns the way from one to the other, and then runs on a phone and in a browser. On two
# CPU cores it takes about ten minutes, which is enough to see the whole way and too little for a good filter: that takes hours on a
# GPU, with the same commands.
#
# Needs `pip install 'keras_gans[serving]' scikit-image` (scikit-image for its photographs).

# %%
import os
import pathlib
import re
import shlex
import subprocess
import sys
import urllib.request

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SHORT = bool(os.environ.get("TUTORIAL_SHORT"))  # a few steps only: how this page is tested

import numpy as np
from PIL import Image, ImageFilter
from skimage import data as photographs

from keras_gans import grids
from keras_gans.cli import main


def run(command):
    """Does what `keras-gans COMMAND` does in a shell, in this process, which has TensorFlow loaded already."""
    print("$ keras-gans", command)
    assert main(shlex.split(command)) == 0
    print()


# %% [markdown]
# ## Two folders
#
# So that there is something to measure, the drawings are made here, by a few lines of Pillow, of *other* pieces than those in the
# folder of photographs. The training never sees a photograph and its own drawing. Afterwards the drawing of a piece that neither
# folder has says how well the filter was learned.


# %%
def draw(photo):
    """A drawing: few colours, warm paper, dark outlines."""
    smooth = photo.filter(ImageFilter.MedianFilter(5))
    colours = np.asarray(smooth, np.float32) / 255
    grey = colours.mean(-1, keepdims=True)
    levels = np.round(grey * 3) / 3
    ink, paper = np.float32([0.12, 0.16, 0.42]), np.float32([1.0, 0.92, 0.72])
    tinted = ink + levels * (paper - ink) + 0.35 * (colours - grey)
    return Image.fromarray(np.uint8(np.clip(255 * tinted, 0, 255)))


SIDE = 64
pieces = []
for photo in (photographs.astronaut(), photographs.coffee(), photographs.chelsea(), photographs.rocket()):
    photo = photo[..., :3]
    for top in range(0, photo.shape[0] - SIDE + 1, SIDE):
        for left in range(0, photo.shape[1] - SIDE + 1, SIDE):
            pieces.append(Image.fromarray(photo[top : top + SIDE, left : left + SIDE]))
order = np.random.default_rng(0).permutation(len(pieces))
for folder in ("photos", "drawings", "unseen", "unseen_drawn"):
    pathlib.Path(folder).mkdir(exist_ok=True)
for place, number in enumerate(order):
    piece, name = pieces[number], f"{number:03}.png"
    if place < 24:
        piece.save(f"unseen/{name}")
        draw(piece).save(f"unseen_drawn/{name}")
    elif place % 2:
        piece.save(f"photos/{name}")
    else:
        draw(piece).save(f"drawings/{name}")
print({folder: len(os.listdir(folder)) for folder in ("photos", "drawings", "unseen")})


def read(folder, count=None):
    paths = sorted(pathlib.Path(folder).glob("*.png"))[:count]
    return np.stack([np.asarray(Image.open(path, formats=["PNG"]).convert("RGB")) for path in paths])


def show(*rows):
    """Shows rows of pictures as one."""
    return Image.fromarray(grids.grid(np.concatenate(rows), len(rows[0])))


show(read("photos", 10), read("drawings", 10))

# %% [markdown]
# The doctor says whether the folders are sound:

# %%
run(f"doctor --data=unpaired:photos:drawings --image_size={SIDE}")

# %% [markdown]
# ## Train
#
# The recipe is `cut`: one direction, and each patch of the drawing must be recognisable as the photograph's patch at its place.
# Flags behind the recipe's name win: a smaller network and picture than the paper's, for a phone and for this page.

# %%
kimg = 0.016 if SHORT else 6
network = "resnet:width=4,blocks=1" if SHORT else "resnet:width=16,blocks=3"
run(
    f"train --recipe=cut --data=unpaired:photos:drawings --image_size={SIDE} --load_size=0 "
    f"--generator={network},antialias=true,init=xavier --discriminator=patchgan:width={8 if SHORT else 32},layers=2 "
    f"--batch_size=4 --learning_rate=5e-4 --schedule=linear --kimg={kimg} --sample_kimg={kimg} --scores=none "
    f"--checkpoint_kimg={kimg} --export=none --run_dir=runs/drawn"
)

# %% [markdown]
# ## Look, and measure
#
# From above: pieces that neither folder has; the network's drawings; the drawings by Pillow.

# %%
run("translate --run=runs/drawn --input=unseen --out=made")
photos, made, wanted = read("unseen"), read("made"), read("unseen_drawn")
show(photos[:10], made[:10], wanted[:10])


# %%
def decibels(images, others):
    """Peak signal to noise ratio: higher is nearer."""
    return 10 * np.log10(255**2 / np.mean((images.astype(float) - others) ** 2))


before, after = decibels(photos, wanted), decibels(made, wanted)
print(f"photographs {before:.1f} dB from their drawings, the network's drawings {after:.1f} dB")
assert made.shape == wanted.shape and not np.array_equal(made, photos)
assert SHORT or after > before

# %% [markdown]
# ## To the phone
#
# `export` converts, measures each variant against Keras, and writes what is near enough, with metadata that a phone's tools
# read. `--resizable` leaves the picture's size open.

# %%
run("export --run=runs/drawn --format=tflite --variants=float32,float16,dynamic --resizable --out=models")
for path in sorted(pathlib.Path("models").glob("*.tflite")):
    print(f"{path.name:28} {path.stat().st_size / 1024:6.0f} KiB")

# %% [markdown]
# `filter` runs such a model without TensorFlow, on pictures, folders and videos; Kotlin and Swift code for an app is in
# `export/on_device` of the repository.

# %%
pathlib.Path("whole").mkdir(exist_ok=True)
for name in ("coffee", "chelsea"):
    photo = Image.fromarray(getattr(photographs, name)()).convert("RGB")
    photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.LANCZOS).save(f"whole/{name}.png")
run("filter --model=models/drawn_resizable_float16.tflite --input=whole --out=filtered")
pair = [np.asarray(Image.open(f"{folder}/coffee.png", formats=["PNG"])) for folder in ("whole", "filtered")]
assert pair[0].shape == pair[1].shape and not np.array_equal(*pair)
Image.fromarray(np.concatenate(pair, axis=1))

# %% [markdown]
# The phone's model and Keras, on the same pieces:

# %%
run("filter --model=models/drawn_resizable_float16.tflite --input=unseen --out=by_phone")
difference = np.abs(read("by_phone").astype(int) - made)
print(f"grey levels between the phone's model and Keras: {difference.max()} at most, {difference.mean():.3f} in the mean")
assert difference.mean() < 1

# %% [markdown]
# ## To the browser
#
# `keras-gans serve --models=models` shows a page that runs the same files in the browser: pictures, videos, the camera. Nothing leaves
# the machine. The page needs LiteRT.js once, 50 MB from npm; the command says so where it is missing, and where to put it.
# (`docs/page.md` shows it.) Here is what it serves, if npm's packages are there:

# %%
words = [sys.executable, "-u", "-m", "keras_gans", "serve", "--models=models", "--rest_port=0", "--grpc_port=0"]
with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
    said = []
    for text in server.stdout:
        said.append(text)
        if found := re.search(r"at (http://\S+) \(REST(, page)?", text):
            break
    address, page = found.groups()
    if page:
        listed = urllib.request.urlopen(f"{address}/models.json").read().decode()
        print("filters on the page:", re.findall(r'"name": "(\w+)"', listed))
        assert "drawn_resizable_float16" in listed
    else:
        print("".join(said[:1]))
    server.terminate()

# %% [markdown]
# ## A real one
#
# - Hundreds of pictures on each side, of the same kinds of things.
# - `--image_size=256` and the recipe's own network; `--recipe=cyclegan` if you want the way back, too; `animegan` and `cartoongan` for
#   drawings with outlines.
# - Continue with the same command; look at `runs/drawn/report.html` and at `samples/` more often than at losses.
# - Are your folders different in more than the style (faces here, houses there)? The network will draw faces on houses.
