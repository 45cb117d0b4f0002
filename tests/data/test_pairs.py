import itertools

import numpy as np
import pytest
from PIL import Image

from keras_gans import cli, data
from keras_gans.data import decoding
from keras_gans.data.source import ArraySource, FileSource, PictureSource
from keras_gans.errors import UserError

RNG = np.random.default_rng(0)


def take(dataset, count):
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def columns(elements):
    """Returns the arrays of all first and of all second parts of pairs."""
    return [np.stack(side) for side in zip(*elements, strict=True)]


def write(folder, pictures, suffix="png"):
    """Writes {name: array}; returns the folder."""
    for name, pixels in pictures.items():
        path = folder / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


def noise(count, *shape):
    return RNG.integers(0, 256, [count, *shape], np.uint8)


def coordinates(count, height=12, width=12):
    """Pictures whose pixels say where they are: (row, column, number of the picture)."""
    pictures = np.zeros([count, height, width, 3], np.uint8)
    pictures[..., 0], pictures[..., 1] = np.arange(height)[:, None], np.arange(width)
    pictures[..., 2] = np.arange(count)[:, None, None]
    return pictures


def named(pictures):
    return {f"{number:02d}": picture for number, picture in enumerate(pictures)}


def in_model(images):
    return images / np.float32(127.5) - 1


@pytest.fixture
def pairs(tmp_path):
    """25 pairs of 8x8: grey PNGs in A, RGB BMPs of the same names in B; the last one deeper. Returns spec, A, B."""
    a, b = noise(25, 8, 8), noise(25, 8, 8, 3)
    names = [f"{number:02d}" for number in range(24)] + ["deep/24"]
    write(tmp_path / "A", dict(zip(names, a)))
    write(tmp_path / "B", dict(zip(names, b)), "bmp")
    return f"paired:{tmp_path}/A:{tmp_path}/B", a[..., None], b


def test_pairs_of_two_folders(pairs):
    spec, a, b = pairs
    source = data.open_source(spec, image_size=8, split="all")
    for images, wanted in zip(columns(take(source.in_order(), 99)), (a, b), strict=True):
        np.testing.assert_array_equal(images, wanted)
    assert (source.kind, source.count, source.name, source.spec) == ("paired", 25, "A-B", spec)
    assert (source.input_shape, source.image_shape) == ((8, 8, 1), (8, 8, 3))
    assert (source.class_names, source.num_classes) == ((), 0)
    first, second = next(iter(data.batches(source, 5, seed=1)))
    assert (first.shape, second.shape) == ((5, 8, 8, 1), (5, 8, 8, 3))
    images, targets = columns(take(source.stream(1), 5))
    np.testing.assert_array_equal(first, in_model(images))
    np.testing.assert_array_equal(second, in_model(targets))


def test_plain_images_have_no_input(pairs):
    source = data.open_source(pairs[0].replace("paired", "folder").rpartition(":")[0], image_size=8)
    assert (source.kind, source.input_shape) == ("images", None)


def test_channels_are_those_of_b(pairs):
    spec, a, b = pairs
    source = data.open_source(spec, image_size=8, split="all", channels=1)
    assert (source.input_shape, source.image_shape) == ((8, 8, 1), (8, 8, 1))
    wanted = [np.asarray(Image.fromarray(image).convert("L"))[..., None] for image in b]
    np.testing.assert_array_equal(columns(take(source.in_order(), 99))[1], wanted)


def test_side_by_side(tmp_path):
    both = noise(20, 8, 16, 3)
    write(tmp_path / "ab", named(both))
    source = data.open_source(f"ab:{tmp_path}/ab", image_size=8, split="all")
    a, b = columns(take(source.in_order(), 99))
    np.testing.assert_array_equal(a, both[:, :, :8])
    np.testing.assert_array_equal(b, both[:, :, 8:])
    assert (source.kind, source.count, source.class_names) == ("paired", 20, ())
    grey = data.open_source(f"ab:{tmp_path}/ab", image_size=8, channels=1)
    assert (grey.input_shape, grey.image_shape) == ((8, 8, 3), (8, 8, 1))


def test_sides_are_resized_alike(tmp_path):
    pictures = named(noise(3, 20, 30, 3))
    write(tmp_path / "A", pictures)
    source = data.open_source(f"paired:{tmp_path}/A:{tmp_path}/A", image_size=8, split="all")
    single = data.open_source(f"folder:{tmp_path}/A", image_size=8, split="all")
    a, b = columns(take(source.in_order(), 9))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a, columns(take(single.in_order(), 9))[0])


@pytest.mark.parametrize("scheme", ["paired", "ab"])
def test_every_tenth_pair_is_held_out(pairs, tmp_path, scheme):
    spec, a, b = pairs
    if scheme == "ab":
        sides = np.concatenate([np.repeat(a, 3, axis=-1), b], axis=2)
        spec = f"ab:{write(tmp_path / 'ab', named(sides))}"
    held_out = columns(take(data.open_source(spec, image_size=8, split="holdout", holdout="every:10").in_order(), 99))
    train = columns(take(data.open_source(spec, image_size=8, holdout="every:10").in_order(), 99))
    for side, wanted in zip(train, (a, b), strict=True):
        np.testing.assert_array_equal(side[..., -1:], np.delete(wanted, [9, 19], axis=0)[..., -1:])
    for side, wanted in zip(held_out, (a, b), strict=True):
        np.testing.assert_array_equal(side[..., -1:], wanted[[9, 19]][..., -1:])


def test_fingerprints_cover_both_sides(pairs, tmp_path):
    spec = pairs[0]
    found = {data.open_collection(spec).fingerprint}
    assert data.open_collection(spec).fingerprint in found
    for side, suffix in (("A", "png"), ("B", "bmp")):
        write(tmp_path / side, {"00": noise(1, 9, 9, 3)[0]}, suffix)
        found.add(data.open_collection(spec).fingerprint)
    found.add(data.open_collection(f"paired:{tmp_path}/B:{tmp_path}/A").fingerprint)
    found.add(data.open_collection(f"unpaired:{tmp_path}/A:{tmp_path}/B").fingerprint)
    found |= {data.open_collection(f"{scheme}:{tmp_path}/A").fingerprint for scheme in ("ab", "folder")}
    assert len(found) == 7


# Windows and mirrors. The pictures tell where their pixels come from.


def corners(windows):
    """Returns (top, left, picture, mirrored) of windows of `coordinates`, and checks that they are windows."""
    mirrored = windows[:, 0, 0, 1] > windows[:, 0, -1, 1]
    upright = np.where(mirrored[:, None, None, None], windows[:, :, ::-1], windows)
    steps = upright.astype(int) - upright[:, :1, :1]
    np.testing.assert_array_equal(steps, np.broadcast_to(coordinates(1, *windows.shape[1:3])[0], steps.shape))
    return upright[:, 0, 0, 0], upright[:, 0, 0, 1], upright[:, 0, 0, 2], mirrored


def uint8_batches(source, epochs, **options):
    size = source.count
    return columns(
        [
            tuple(np.round((side + 1) * 127.5).astype(np.uint8) for side in batch)
            for batch in take(data.batches(source, size, seed=4, **options), epochs)
        ]
    )


@pytest.mark.parametrize("scheme", ["paired", "ab"])
def test_both_sides_are_cropped_and_mirrored_alike_and_anew_each_epoch(tmp_path, scheme):
    pictures = coordinates(25)
    if scheme == "ab":
        spec = f"ab:{write(tmp_path / 'ab', named(np.concatenate([pictures, pictures], axis=2)))}"
    else:
        folder = write(tmp_path / "A", named(pictures))
        spec = f"paired:{folder}:{folder}"
    source = data.open_source(spec, image_size=8, split="all", load_size=0)
    a, b = uint8_batches(source, 40, flip=True)
    np.testing.assert_array_equal(a, b)
    top, left, picture, mirrored = (part.reshape(40, 25) for part in corners(a.reshape(1000, 8, 8, 3)))
    for epoch in picture:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(25))
    for place in (top, left):  # five places, 200 times each: standard deviation 12.6
        np.testing.assert_allclose(np.bincount(place.ravel(), minlength=5), 200, atol=63)
    assert 0.42 < mirrored.mean() < 0.58  # 1000 coins: 5 standard deviations
    assert np.abs(np.corrcoef([top.ravel(), left.ravel(), mirrored.ravel()]) - np.eye(3)).max() < 0.16
    # The same picture lies elsewhere in the next epoch: 1 in 25 stays.
    order = np.argsort(picture, axis=1)
    places = np.take_along_axis(5 * top.astype(int) + left, order, axis=1)
    assert 0.01 < (places[1:] == places[:-1]).mean() < 0.08


def test_windows_of_single_images(tmp_path):
    folder = write(tmp_path / "A", named(coordinates(5, 9, 14)))
    source = data.open_source(f"folder:{folder}", image_size=8, load_size=0, split="all")
    assert isinstance(source, PictureSource) and source.image_shape == (8, 8, 3)
    top, left, _, _ = corners(columns(take(source.stream(1), 200))[0])
    assert set(top) == {0, 1} and set(left) == set(range(7))
    top, left, picture, _ = corners(columns(take(source.in_order(), 9))[0])
    assert (set(top), set(left), picture.tolist()) == ({1}, {3}, [0, 1, 2, 3, 4])  # the centre, to half a pixel


@pytest.mark.parametrize("crop, sizes", [("center", [(16, 24), (24, 16)]), ("none", [(16, 16), (16, 16)])])
def test_load_size_is_that_of_the_shorter_side(tmp_path, crop, sizes):
    pictures = [noise(1, 32, 48, 3)[0], noise(1, 48, 32, 3)[0]]
    write(tmp_path, named(pictures))
    source = data.open_source(f"folder:{tmp_path}", image_size=8, load_size=16, crop=crop, split="all")
    found = columns(take(source.in_order(), 9))[0]
    for window, picture, (height, width) in zip(found, pictures, sizes, strict=True):
        resized = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))
        top, left = (height - 7) // 2, (width - 7) // 2
        np.testing.assert_array_equal(window, resized[top : top + 8, left : left + 8])


def test_embedded_images_have_windows_too():
    source = data.open_source("embedded:fashion", image_size=24, load_size=0, split="holdout")
    plain = data.open_source("embedded:fashion", image_size=32, split="holdout")
    (window, label), (whole, wanted) = (take(s.in_order(), 1)[0] for s in (source, plain))
    np.testing.assert_array_equal(window, whole[4:28, 4:28])
    assert label == wanted and source.class_names == plain.class_names


@pytest.mark.parametrize("memory", [1, 5 * 8 * 8 * 6 + 1])  # the second one is found out while pictures are read
def test_what_does_not_fit_in_memory_is_the_same(tmp_path, monkeypatch, memory):
    folder = write(tmp_path / "A", named(noise(5, 10, 11, 3)))
    spec = f"paired:{folder}:{folder}"
    eager = data.open_source(spec, image_size=8, load_size=0)
    monkeypatch.setattr(decoding, "MEMORY", memory)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lazy = data.open_source(spec, image_size=8, load_size=0)
    assert isinstance(eager._stacked, PictureSource) and not isinstance(eager._stacked, FileSource)
    assert isinstance(lazy._stacked, FileSource)
    for one, other in zip(*(uint8_batches(source, 3, flip=True) for source in (eager, lazy)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_pairs_of_one_size_lie_in_one_array(pairs):
    assert isinstance(data.open_source(pairs[0], image_size=8)._stacked, ArraySource)


# Unpaired


@pytest.fixture
def domains(tmp_path):
    """A: 20 pictures, B: 30."""
    write(tmp_path / "A", named(coordinates(20)))
    write(tmp_path / "B", named(coordinates(30)))
    return f"unpaired:{tmp_path}/A:{tmp_path}/B"


def test_domains_are_shuffled_cropped_and_mirrored_on_their_own(domains):
    source = data.open_source(domains, image_size=8, split="all", load_size=0)
    assert (source.kind, source.count, source.input_shape, source.image_shape) == ("unpaired", 30, (8, 8, 3), (8, 8, 3))
    a, b = (side.reshape(1200, 8, 8, 3) for side in uint8_batches(source, 40, flip=True))
    (top_a, left_a, picture_a, mirrored_a), (top_b, left_b, picture_b, mirrored_b) = corners(a), corners(b)
    for picture, count in ((picture_a, 20), (picture_b, 30)):
        epochs = picture.reshape(-1, count)
        np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(count), [len(epochs), 1]))
    for one, other in ((top_a, top_b), (left_a, left_b), (mirrored_a, mirrored_b), (picture_a, picture_b)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.15  # 5 standard deviations


def test_domains_with_the_same_content_have_different_orders(tmp_path):
    folder = write(tmp_path / "A", named(coordinates(20)))
    source = data.open_source(f"unpaired:{folder}:{folder}", image_size=12, split="all")
    a, b = columns(take(source.stream(1), 20))
    assert (a[:, 0, 0, 2] == b[:, 0, 0, 2]).sum() < 8


def test_split_and_order_of_domains(domains, tmp_path):
    source = data.open_source(domains, image_size=12, split="holdout", holdout="every:10")
    a, b = columns(take(source.in_order(), 99))
    assert a[:, 0, 0, 2].tolist() == [9, 19, 9] and b[:, 0, 0, 2].tolist() == [9, 19, 29]
    train = data.open_source(domains, image_size=12, holdout="every:10")
    assert [side.count for side in train.sides] == [18, 27] and train.count == 27
    seen = columns(take(train.stream(3), 60))
    for side, held_out in zip(seen, ({9, 19}, {9, 19, 29}), strict=True):
        assert held_out.isdisjoint(side[:, 0, 0, 2])


@pytest.mark.parametrize("styles, held_out", [(1, [0]), (9, [*range(9)]), (10, [9])])
def test_a_handful_of_styles_is_held_out_in_no_split(tmp_path, styles, held_out):
    for side, count in (("A", 10), ("B", styles)):
        write(tmp_path / side, named(coordinates(count)))
    spec = f"unpaired:{tmp_path}/A:{tmp_path}/B"
    source = data.open_source(spec, image_size=12, split="holdout", holdout="every:10")
    assert sorted({*columns(take(source.in_order(), 9))[1][:, 0, 0, 2].tolist()}) == held_out
    assert data.open_source(spec, image_size=12, holdout="every:10").sides[1].count == (9 if styles == 10 else styles)


def test_domains_may_differ_in_channels(tmp_path):
    write(tmp_path / "A", named(noise(3, 8, 8)))
    write(tmp_path / "B", named(noise(3, 8, 8, 3)))
    spec = f"unpaired:{tmp_path}/A:{tmp_path}/B"
    assert data.open_source(spec, image_size=8).input_shape == (8, 8, 1)
    assert data.open_source(spec, image_size=8, channels=1).image_shape == (8, 8, 1)


# The sequence is a function of (seed, start); workers share it.


@pytest.mark.parametrize("scheme", ["paired", "unpaired", "folder"])
def test_sequence_resumes_and_is_shared(domains, tmp_path, scheme):
    spec = {"paired": f"paired:{tmp_path}/A:{tmp_path}/A", "unpaired": domains, "folder": f"folder:{tmp_path}/A"}
    source = data.open_source(
        spec[scheme], image_size=8, split="all", load_size=0, degrade="noise" if scheme == "folder" else None
    )
    whole = columns(take(data.batches(source, 6, 5, flip=True), 12))
    resumed = columns(take(data.batches(source, 6, 5, start=41, flip=True), 2))
    part = columns(take(data.batches(source, 6, 5, worker=(1, 3), flip=True), 12))
    for all_of_it, rest, rows in zip(whole, resumed, part, strict=True):
        np.testing.assert_array_equal(rest.reshape(12, 8, 8, 3), all_of_it.reshape(72, 8, 8, 3)[41:53])
        np.testing.assert_array_equal(rows, all_of_it[:, 1::3])
    streamed = columns(take(source.stream(5, 7), 12))
    for one, wanted in zip(streamed, columns(take(data.batches(source, 12, 5, start=7), 1)), strict=True):
        np.testing.assert_array_equal(in_model(one), wanted[0])
    other = columns(take(source.stream(6, 7), 12))
    assert all((one != wanted).mean() > 0.5 for one, wanted in zip(other, streamed, strict=True))


# Mistakes


def _unmatched(a, b):
    (a / "03.png").rename(a / "x.png")


def _other_sizes(a, b):
    write(b, {"03": noise(1, 8, 9, 3)[0]})


def _no_pair(a, b):
    for path in sorted(a.iterdir()):
        path.rename(a / f"a{path.name}")


def _empty(a, b):
    for path in b.iterdir():
        path.unlink()


def _missing(a, b):
    b.rename(b.with_name("C"))


def _twice(a, b):
    write(a, {"03": noise(1, 8, 8, 3)[0]}, "bmp")


def _unreadable(a, b):
    (b / "03.png").write_text("words")


NOTHING = None


@pytest.mark.parametrize(
    "damage, arguments, message",
    [
        (_unmatched, {}, r"/A/x.png: no partner: there is no .*/B/x\.\* \(and 1 more\) \(keras-gans doctor lists all"),
        (
            _other_sizes,
            {},
            r"1 of 11 pairs in paired:.* cannot be read or used; the first is .*/A/03.png with .*/B/03.png: "
            r"different sizes: A is 8x8, B is 9x8 \(",
        ),
        (_no_pair, {}, r"no image in A has a partner of the same name in B \(A has .*/A/a00.png, B .*/B/00.png\)"),
        (_empty, {}, r"no images in .*/B: it is empty"),
        (_missing, {}, r"/B does not exist; --data=paired:A:B takes two folders of images"),
        (_twice, {}, r"/A/03.png: name taken: .*/A/03.bmp has it too"),
        (_unreadable, {}, r"03.png: side B is unreadable: not an image that Pillow knows"),
        (NOTHING, dict(image_size=16, load_size=0), r"11 of 11 pairs .*: too small: 8x8, wanted at least 16x16"),
        (NOTHING, dict(image_size=8, load_size=4), r"--load_size=4 is not possible; take at least --image_size=8, or 0"),
        (NOTHING, dict(degrade="noise"), r"--degrade=noise makes pairs of single images, but paired:.* is paired already"),
        (
            NOTHING,
            dict(split="holdout", spec="unpaired:{0}/few:{0}/B"),
            r"folder:.*/few: of 1 images --holdout=0.1 holds none out",
        ),
        (NOTHING, dict(spec="paired:{0}/A"), r"it takes two folders, paired:A:B; names with colons must tell A from B"),
        (NOTHING, dict(spec="unpaired:{0}/A:{0}/nowhere"), r"does not exist; --data=unpaired:A:B takes two folders"),
        (NOTHING, dict(spec="unpaired:{0}/A:{0}/empty"), r"no images in .*/empty: it is empty"),
        (NOTHING, dict(spec="ab:{0}/odd"), r"1 of 1 pairs .*/odd/00.png: odd width: 9x8 has no two halves of the same"),
        (NOTHING, dict(spec="ab:{0}/nowhere"), r"nowhere does not exist; --data=ab:DIR takes a folder of images"),
        (NOTHING, dict(spec="embedded:ring8", load_size=0), r"embedded:ring8 holds 2-D points, which have no size"),
        (NOTHING, dict(spec="embedded:ring8", degrade="noise"), r"--degrade=noise is for images, but embedded:ring8 holds"),
        (NOTHING, dict(spec="folder:{0}/A", image_size=9, load_size=0), r"11 of 11 images .*: too small: 8x8, wanted at"),
    ],
)
def test_mistakes_end_in_one_line(tmp_path, damage, arguments, message):
    for side in "AB":
        write(tmp_path / side, named(noise(11, 8, 8, 3)))
    write(tmp_path / "odd", named(noise(1, 8, 9, 3)))
    write(tmp_path / "few", named(noise(1, 8, 8, 3)))
    (tmp_path / "empty").mkdir()
    if damage:
        damage(tmp_path / "A", tmp_path / "B")
    spec = arguments.get("spec", "paired:{0}/A:{0}/B").format(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        data.open_source(**dict(image_size=8, split="all") | arguments | dict(spec=spec))
    assert "\n" not in str(error.value)


def test_labels_and_mirrored_points_are_refused(domains):
    source = data.open_source(domains, image_size=12)
    with pytest.raises(UserError, match="gives pairs of images, which have no labels; leave out --conditional"):
        data.batches(source, 4, 1, labels=True)
    with pytest.raises(UserError, match="--flip mirrors images, but embedded:ring8 holds points"):
        data.batches(data.open_source("embedded:ring8"), 4, 1, flip=True)


def test_unmatched_and_bad_pairs_can_be_skipped(pairs, tmp_path, capsys):
    spec, a, b = pairs
    (tmp_path / "A" / "03.png").unlink()
    (tmp_path / "B" / "05.bmp").write_text("words")
    write(tmp_path / "B", {"07": noise(1, 9, 9, 3)[0]}, "bmp")
    source = data.open_source(spec, image_size=8, split="all", bad="skip")
    assert capsys.readouterr().err.count("skipped: ") == 2
    for images, wanted in zip(columns(take(source.in_order(), 99)), (a, b), strict=True):
        np.testing.assert_array_equal(images, np.delete(wanted, [3, 5, 7], axis=0))


def test_pairs_are_not_packed(pairs, tmp_path, capsys):
    assert cli.main(["pack", f"--data={pairs[0]}", f"--out={tmp_path}/out"]) == 2
    error = capsys.readouterr().err
    assert "pack each side on its own, as folder:PATH" in error and error.count("\n") == 1
