"""The variables of StyleGAN2's TensorFlow networks under the names, and in the layout, of `NVlabs/stylegan2-ada-pytorch`.

What is named how in the two is told by that repository's `legacy.py`. Kernels that double the picture are stored turned
around, styles without the 1 that they scale by.
"""

import re

_RENAMED = {
    "generator": (
        (r"dlatent_avg", "mapping.w_avg"),
        (r"mapping/Dense(\d+)/(weight|bias)", "mapping.fc{}.{}"),
        (r"mapping/LabelEmbed/(weight|bias)", "mapping.embed.{}"),
        (r"synthesis/4x4/Const/(const)", "synthesis.b4.{}"),
        (r"synthesis/(4)x4/Conv/(\w+)", "synthesis.b{}.conv1.{}"),
        (r"synthesis/(\d+)x\d+/Conv0_up/(\w+)", "synthesis.b{}.conv0.{}"),
        (r"synthesis/(\d+)x\d+/Conv1/(\w+)", "synthesis.b{}.conv1.{}"),
        (r"synthesis/(\d+)x\d+/ToRGB/(\w+)", "synthesis.b{}.torgb.{}"),
    ),
    "discriminator": (
        (r"(\d+)x\d+/FromRGB/(weight|bias)", "b{}.fromrgb.{}"),
        (r"(\d+)x\d+/Conv0/(weight|bias)", "b{}.conv0.{}"),
        (r"(\d+)x\d+/Conv1_down/(weight|bias)", "b{}.conv1.{}"),
        (r"(\d+)x\d+/Skip/(weight)", "b{}.skip.{}"),
        (r"(4)x4/Conv/(weight|bias)", "b{}.conv.{}"),
        (r"(4)x4/Dense0/(weight|bias)", "b{}.fc.{}"),
        (r"Output/(weight|bias)", "b4.out.{}"),
    ),
}
_PARTS = {"mod_weight": "affine.weight", "mod_bias": "affine.bias"}


def convert(variables):
    """Returns the state dict of a network.

    Args:
        variables: dict, name in TensorFlow -> array, those of components as `mapping/...` and `synthesis/...`.

    Returns:
        Names -> arrays; {} for another network than StyleGAN2's, and for its discriminators with classes, whose mapping
        learns at another rate there.
    """
    if "synthesis/4x4/Const/const" in variables:
        rules = _RENAMED["generator"]
    elif "4x4/Dense0/weight" in variables and not any(name.startswith("LabelEmbed/") for name in variables):
        rules = _RENAMED["discriminator"]
    else:
        return {}
    state = {}
    for name, array in variables.items():
        noise = re.fullmatch(r"synthesis/noise(\d{1,2})", name)
        if noise:
            number = int(noise[1])
            layer = f"synthesis.b{4 << (number + 1) // 2}.conv{1 - number % 2}"
            state[f"{layer}.noise_const"] = array.reshape(array.shape[-2:])
            continue
        for pattern, ours in rules:
            found = re.fullmatch(pattern, name)
            if found:
                words = [_PARTS.get(word, word) for word in found.groups()]
                state[ours.format(*words)] = _layout(name, array)
                break
    return state


def _layout(name, array):
    if name.endswith("/mod_bias"):
        return array + array.dtype.type(1)
    if name.endswith("/const"):
        return array[0]
    if array.ndim == 4:
        turned = array[::-1, ::-1] if "/Conv0_up/" in name else array
        return turned.transpose(3, 2, 0, 1)
    return array.T if array.ndim == 2 else array
