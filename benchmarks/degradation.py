"""The degradation of Real-ESRGAN beside the authors' own, stage by stage, on the same pictures.

    python benchmarks/degradation.py --originals=DIR [--photos=../shared/data/photos] [--images=500]

DIR has checkouts of xinntao/Real-ESRGAN and XPixelGroup/BasicSR, in folders `Real-ESRGAN` and `BasicSR`; their data set and
`RealESRGANModel.feed_data` run as they are, one picture at a time, with the options of train_realesrgan_x4plus.yml. Needs
PyTorch, torchvision, opencv-python-headless and PyYAML. Fills benchmarks/results/degradation.json: of each stage the mean over
pictures of a few numbers of the picture, on both sides, and how many standard errors the two are apart.
"""

import importlib
import pathlib
import random
import sys
import tempfile
import types

import numpy as np
import runs
import tensorflow as tf

STAGES = ("sharp", "blur 1", "resize 1", "noise 1", "jpeg 1", "blur 2", "resize 2", "noise 2", "last")
KERNELS = ("kernel 1", "kernel 2", "last kernel")


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("originals", None, "folder of the authors' checkouts")
    flags.string("photos", "../shared/data/photos", "folder of pictures")
    flags.integer("images", 500, "how many pictures, drawn anew where there are fewer", 2)
    flags(sys.argv)
    original = Original(pathlib.Path(flags.originals).resolve(), pathlib.Path(flags.photos).resolve())
    ours = Ours()
    found = {side: {stage: [] for stage in (*KERNELS, *STAGES)} for side in ("ours", "original")}
    for number in range(flags.images):
        picture, stages = original(number)
        for side, images in (("original", stages), ("ours", ours(picture, number))):
            for stage, image in images.items():
                found[side][stage].append(of_kernel(image) if stage in KERNELS else of_picture(image))
        if number % 50 == 49 or number == flags.images - 1:
            print(f"{number + 1} of {flags.images}", flush=True)
            rows = []
            for stage in (*KERNELS, *STAGES):
                rows += compared(stage, found["ours"][stage], found["original"][stage])
            runs.keep("benchmarks/results/degradation.json", rows, images=number + 1)
    for row in rows:
        print(row)


def of_picture(image):
    """Returns numbers of a picture [h, w, c] in grey levels."""
    image = np.asarray(image, np.float64)
    return {
        "height": len(image),
        "mean": image.mean(),
        "deviation": image.std(),
        "detail": np.abs(np.diff(image, axis=1)).mean(),
        "colour": np.abs(np.diff(image - image.mean(-1, keepdims=True), axis=1)).mean(),
    }


def of_kernel(kernel):
    """Returns numbers of a kernel [21, 21]."""
    kernel = np.asarray(kernel, np.float64)
    y, x = np.mgrid[-10:11, -10:11]
    spread = [(np.abs(kernel) * place).sum() / np.abs(kernel).sum() for place in (x**2, y**2, x * y)]
    return {
        "peak": kernel.max(),
        "squares": (kernel**2).sum(),
        "spread": spread[0] + spread[1],
        "turned": abs(spread[2]),
        "rings": float(kernel.min() < -1e-6),
    }


def compared(stage, ours, original):
    """Yields a row for each number: its mean over pictures on both sides, and their distance in standard errors."""
    for name in ours[0]:
        one, other = (np.array([numbers[name] for numbers in side]) for side in (ours, original))
        error = (one - other).std() / np.sqrt(len(one))
        apart = float((one - other).mean() / error) if error else 0.0
        yield {
            "stage": stage,
            "number": name,
            "ours": float(one.mean()),
            "original": float(other.mean()),
            "standard_errors": round(apart, 2),
            "spread_ours": float(one.std()),
            "spread_original": float(other.std()),
        }


class Ours:
    """Calls our degradation; `self(picture, number)` returns the stages."""

    def __init__(self):
        from keras_gans.data.real_world import blur, realesrgan

        self._stages = tf.function(realesrgan.RealESRGAN().stages, autograph=False)
        self._kernel = tf.function(blur.draw_kernel, autograph=False)
        self._sinc = tf.function(blur.draw_sinc, autograph=False)

    def __call__(self, picture, number):
        kernels = [self._kernel(tf.constant([number, 1]), 3.0), self._kernel(tf.constant([number, 2]), 1.5)]
        kernels.append(self._sinc(tf.constant([number, 3])))
        return dict(zip(KERNELS, kernels)) | self._stages(tf.constant(picture), tf.constant([number, 0]))


class Original:
    """The authors' data set and degradation; `self(number)` returns (picture uint8 [400, 400, 3], stages)."""

    def __init__(self, directory, photos):
        import torch
        import yaml

        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        self._torch, self._pulse = torch, None
        data, self._module = _imported(directory)
        options = yaml.safe_load((directory / "Real-ESRGAN/options/train_realesrgan_x4plus.yml").read_text())
        with tempfile.NamedTemporaryFile("w") as listed:
            listed.write("".join(f"{path.name}\n" for path in sorted(photos.iterdir())))
            listed.flush()
            of_data = options["datasets"]["train"] | {"dataroot_gt": str(photos), "meta_info": listed.name}
            self._data = data.RealESRGANDataset(of_data | {"final_sinc_prob": 1.0})  # a pulse takes its place below
        model = self._model = self._module.RealESRGANModel.__new__(self._module.RealESRGANModel)
        model.opt, model.is_train, model.device = options | {"gt_size": 400}, True, "cpu"  # nothing is cut away
        sharpener = self._module.USMSharp()

        def sharpen(images):  # twice a picture, of which nothing has been cut away: once is enough
            if self._sharp is None:
                self._sharp = sharpener(images)
            return self._sharp

        model.usm_sharpener = sharpen
        model._dequeue_and_enqueue = lambda: None
        self._calls = []
        for name in ("filter2D", "random_add_gaussian_noise_pt", "random_add_poisson_noise_pt"):
            setattr(self._module, name, self._recorded(getattr(self._module, name)))
        self._module.F = types.SimpleNamespace(interpolate=self._recorded(torch.nn.functional.interpolate))
        model.jpeger = self._recorded(self._module.DiffJPEG(differentiable=False))

    def _recorded(self, function):
        def record(*args, **kwargs):
            made = function(*args, **kwargs)
            self._calls.append(made)
            return made

        return record

    def __call__(self, number):
        torch = self._torch
        example = self._data[number % len(self._data)]
        kernels = dict(zip(KERNELS, (example[name].numpy() for name in ("kernel1", "kernel2", "sinc_kernel"))))
        if random.random() >= 0.8:
            example["sinc_kernel"] = self._data.pulse_tensor
        self._calls.clear()
        self._sharp = None
        picture = (255 * example["gt"].permute(1, 2, 0)).round().to(torch.uint8).numpy()
        self._model.feed_data({name: value[None] for name, value in example.items() if name != "gt_path"})
        blurs = len(self._calls) == 10  # with the second blur, else 9
        names = [stage for stage in STAGES[1:-1] if blurs or stage != "blur 2"]
        stages = {"sharp": self._sharp, **dict(zip(names, self._calls))}
        stages.setdefault("blur 2", stages["jpeg 1"])
        stages["last"] = self._model.lq
        return picture, kernels | {name: 255 * image[0].permute(1, 2, 0).numpy() for name, image in stages.items()}


def _imported(directory):
    """Returns the authors' modules of the data set and of the model, without what their packages import beside."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):  # which the CPU build of torchvision lacks
        if not hasattr(torch.ops.torchvision, operator):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _imported.library = library  # or the names would go with it
    for name in (
        "basicsr",
        "basicsr.data",
        "basicsr.models",
        "basicsr.utils",
        "realesrgan",
        "realesrgan.data",
        "realesrgan.models",
    ):
        module = sys.modules[name] = types.ModuleType(name)
        checkout = "BasicSR" if name.startswith("basicsr") else "Real-ESRGAN"
        module.__path__ = [str(directory / checkout / name.replace(".", "/"))]
    base = sys.modules["basicsr.models.srgan_model"] = types.ModuleType("basicsr.models.srgan_model")
    base.SRGANModel = object
    utils = sys.modules["basicsr.utils"]
    for module, names in (
        ("file_client", ("FileClient",)),
        ("logger", ("get_root_logger",)),
        ("img_util", ("imfrombytes", "img2tensor")),
        ("img_process_util", ("USMSharp",)),
        ("diffjpeg", ("DiffJPEG",)),
    ):
        loaded = importlib.import_module(f"basicsr.utils.{module}")
        for name in names:
            setattr(utils, name, getattr(loaded, name))
    return (importlib.import_module(f"realesrgan.{name}") for name in ("data.realesrgan_dataset", "models.realesrgan_model"))


if __name__ == "__main__":
    main()
