"""Models that were saved with the layers of tensorflow-addons, which cannot be imported beside Keras 3.

    model = load_model("cyclegan_generator.h5")

Verified against tensorflow-addons 0.23 on TensorFlow 2.15; see tools/tfa_golden.py.
"""

import json
import pathlib
import tempfile
import zipfile

import keras

from keras_gans import hdf5
from keras_gans.errors import UserError
from keras_gans.layers import instance_normalization


class InstanceNormalization(instance_normalization.InstanceNormalization):
    """Reads the settings of `Addons>InstanceNormalization` and makes our layer of them.

    Initializers, regularizers and constraints of gamma and beta, which act in training only, are left behind.
    """

    @classmethod
    def from_config(cls, config):
        if config["axis"] not in (-1, 3) or config["center"] != config["scale"]:
            raise ValueError(
                f"layer {config['name']!r}: instance normalization is read with the channels last and with both scale "
                f"and center or neither, not axis={config['axis']}, center={config['center']}, scale={config['scale']}"
            )
        kept = {key: config[key] for key in ("name", "trainable", "dtype", "epsilon")}
        return instance_normalization.InstanceNormalization(affine=config["scale"], **kept)


@keras.saving.register_keras_serializable("keras_gans", "AddonsSpectralNormalization")
class SpectralNormalization(keras.layers.Wrapper):
    """`Addons>SpectralNormalization` at inference: calls the layer with its kernel as it was saved.

    tensorflow-addons overwrote the kernel with the normalised one at each training call, so that a saved kernel is
    the one to use. To train a network further, build it with our `SpectralNormalization`, whose gradient is right.

    Args:
        layer: the layer inside.
        power_iterations: as saved; not used. An integer.
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    def build(self, input_shape=None):
        super().build(input_shape)
        kernel = self.layer.embeddings if hasattr(self.layer, "embeddings") else self.layer.kernel
        self.u = self.add_weight(name="sn_u", shape=(1, kernel.shape[-1]), trainable=False)

    def call(self, inputs):
        return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def load_own_variables(self, store):
        # A .keras file of Keras 2 holds the layer's kernel here too, before u.
        self.u.assign(store[str(len(store) - 1)])

    def get_config(self):
        return super().get_config() | {"power_iterations": self.power_iterations}


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras 2 wrote an argument `groups` that it never used and Keras 3.15 refuses."""

    @classmethod
    def from_config(cls, config):
        return keras.layers.Conv2DTranspose.from_config({key: config[key] for key in config if key != "groups"})


def custom_objects():
    """Returns what stands here for the layers of tensorflow-addons and for what else Keras 3 misreads in such files.

    For Keras's `custom_objects` arguments. Group normalization is Keras's own, which equals it.
    """
    return {
        "Conv2DTranspose": Conv2DTranspose,
        "Functional": keras.Model,
        "Addons>InstanceNormalization": InstanceNormalization,
        "Addons>GroupNormalization": keras.layers.GroupNormalization,
        "Addons>SpectralNormalization": SpectralNormalization,
    }


def load_model(path, more_objects=None):
    """Loads a model file of Keras 2 that holds layers of tensorflow-addons.

    Nothing in the file is executed: Lambda layers, which hold code, are refused. The model comes uncompiled (its
    optimizer, such as `Addons>MovingAverage`, is left behind) and can be saved anew with `model.save("NAME.keras")`.

    Args:
        path: a .h5, .hdf5 or .keras file.
        more_objects: dict from names to further classes that the file needs, such as a reflection padding layer.

    Returns:
        A `keras.Model` with our `InstanceNormalization` layers.

    Raises:
        UserError: no such file, another format, an unknown layer, or a Lambda layer.
    """
    path = pathlib.Path(path)
    if not path.is_file() or path.suffix not in (".h5", ".hdf5", ".keras"):
        raise UserError(f"{path}: expected a .h5, .hdf5 or .keras file with a whole model in it")
    objects = custom_objects() | (more_objects or {})
    try:
        hdf5.check(path)
        with tempfile.TemporaryDirectory() as folder:
            file = _readable(path, pathlib.Path(folder)) if path.suffix == ".keras" else path
            return keras.models.load_model(file, objects, compile=False, safe_mode=True)
    except (KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        cause = str(error).rpartition("Exception encountered:")[2]  # before it stand whole configs
        raise UserError(f"{path}: {' '.join(cause.split())[:200]}") from error


def _readable(path, folder):
    """Copies a .keras file so that Keras asks `custom_objects` for Conv2DTranspose; returns the copy's path."""

    def registered(value):
        if value.get("class_name") == "Conv2DTranspose":
            value["registered_name"] = "Conv2DTranspose"
        return value

    with zipfile.ZipFile(path) as source, zipfile.ZipFile(folder / "model.keras", "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                content = json.dumps(json.loads(content, object_hook=registered))
            copy.writestr(name, content)
    return folder / "model.keras"
