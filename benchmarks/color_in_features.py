"""How much of a photograph's colour the layers of the perceptual networks still hold.

    python benchmarks/color_in_features.py [--shared=../shared/data]

Ridge regression from the features at each place to the mean colour there, fitted on half of 24 photographs and scored on
the other half: R2 is 1 where the colour can be read off, 0 or less where it cannot. Prints a table. Networks for style
transfer need it: what the features do not hold, neither a decoder nor a content loss can keep.
"""

import itertools
import pathlib

import runs

LAYERS = {
    "vgg16-hed": ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_3", "relu4_1"),
    "efficientnet_lite0": ("stem", "block0", "block2", "block4"),
}
PHOTOS, SIZE, BORDER, RIDGE = 24, 128, 2, 1e-3


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("out", "benchmarks/results/color_in_features.json", "where the numbers are kept")
    runs.parse(flags, __doc__)
    photos = load(pathlib.Path(flags.shared) / "photos")
    rows = [
        {"network": network, "layer": layer, "r2": scores}
        for network, layers in LAYERS.items()
        for layer, scores in zip(layers, scored(network, layers, photos), strict=True)
    ]
    print("| network | layer | R2 of red | green | blue |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['network']} | {row['layer']} | {' | '.join(f'{value:.2f}' for value in row['r2'])} |")
    runs.keep(flags.out, rows)


def load(folder):
    """Returns corners of photographs, float32 [n, SIZE, SIZE, 3] in [-1, 1]."""
    import numpy as np

    from keras_gans.data import images

    found = (images.decode(path, None, 3) for path in sorted(folder.glob("*.jpg")))
    corners = (photo[:SIZE, :SIZE] for photo in found if min(photo.shape[:2]) >= SIZE)
    return images.to_model(np.stack(list(itertools.islice(corners, PHOTOS))))


def scored(network, layers, photos):
    """Yields R2 of red, green and blue for each layer."""
    import numpy as np

    from keras_gans.features.perceptual import create_perceptual

    photos = np.asarray(photos)
    for features in create_perceptual(network).taps(layers)(photos):
        features, cell = np.asarray(features, "float64"), SIZE // features.shape[1]
        means = photos.reshape(len(photos), SIZE // cell, cell, SIZE // cell, cell, 3).mean((2, 4))
        inside = slice(BORDER, -BORDER)  # the networks pad by zeros
        x = [part[:, inside, inside].reshape(-1, features.shape[-1]) for part in np.split(features, 2)]
        y = [part[:, inside, inside].reshape(-1, 3) for part in np.split(means, 2)]
        x = [np.concatenate([part, np.ones((len(part), 1))], 1) for part in x]
        square = x[0].T @ x[0]
        weights = np.linalg.solve(square + RIDGE * np.trace(square) / len(square) * np.eye(len(square)), x[0].T @ y[0])
        yield [float(value) for value in 1 - np.mean((x[1] @ weights - y[1]) ** 2, 0) / y[1].var(0)]


if __name__ == "__main__":
    main()
