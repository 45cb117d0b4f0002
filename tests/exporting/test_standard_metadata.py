"""TFLite's standard metadata read back by the numbers of its schema, and what the flatbuffer of a model says else."""

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

from keras_gans.exporting import flatbuffer, measuring, metadata, standard_metadata, stylizers, tflite

# Fields of `metadata_schema.fbs` of TFLite Support, in their order, each with a letter for its kind: string, table, Tables,
# floats, number of a byte, union (what it holds is a number in the field before it).
SCHEMA = {
    "model": [
        "s name",
        "s description",
        "s version",
        "T subgraph_metadata",
        "s author",
        "s license",
        "",
        "s min_parser_version",
    ],
    "subgraph_metadata": ["s name", "s description", "T input_tensor_metadata", "T output_tensor_metadata"],
    "tensor": ["s name", "s description", "", "t content", "T process_units", "t stats", "T associated_files"],
    "content": ["n content_properties_type", "u content_properties"],
    "ImageProperties": ["n color_space"],
    "FeatureProperties": [],
    "process_units": ["n options_type", "u options"],
    "NormalizationOptions": ["f mean", "f std"],
    "stats": ["f max", "f min"],
    "associated_files": ["s name", "s description", "n type"],
}
UNIONS = {"content_properties": {1: "FeatureProperties", 2: "ImageProperties"}, "options": {1: "NormalizationOptions"}}
TABLES = {"input_tensor_metadata": "tensor", "output_tensor_metadata": "tensor"}


def fields(table, name):
    """Returns the fields of a table as a dict."""
    found = {}
    for number, field in enumerate(SCHEMA[name]):
        offset = table.Offset(4 + 2 * number)
        if not offset or not field:
            continue
        kind, key = field.split()
        place = table.Pos + offset
        if kind == "s":
            found[key] = table.String(place).decode()
        elif kind == "n":
            found[key] = table.Get(number_types.Int8Flags, place)
        elif kind == "f":
            start = table.Vector(offset)
            found[key] = [table.Get(number_types.Float32Flags, start + 4 * row) for row in range(table.VectorLen(offset))]
        elif kind == "T":
            start = table.Vector(offset)
            rows = [Table(table.Bytes, table.Indirect(start + 4 * row)) for row in range(table.VectorLen(offset))]
            found[key] = [fields(row, TABLES.get(key, key)) for row in rows]
        else:
            inner = Table(table.Bytes, table.Indirect(place))
            held = UNIONS[key][found.pop(f"{key}_type")] if kind == "u" else None
            found[key] = {held: fields(inner, held)} if held else fields(inner, key)
    return found


def read(model):
    """Returns the standard metadata of the bytes of a model."""
    contents = bytearray(flatbuffer.noted(flatbuffer.parts(model), standard_metadata.NOTE))
    assert contents[4:8] == b"M001"
    return fields(Table(contents, encode.Get(packer.uoffset, contents, 0)), "model")


@pytest.fixture(scope="module")
def pair(trained, tmp_path_factory):
    """The int8 models of a run of any style, which have the newest operators: {name: bytes}."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "THREADS", ())
        patch.setattr(stylizers, "_CALIBRATION", 2)
        patch.setattr(stylizers, "_EXAMPLES", 1)
        folder, options = tmp_path_factory.mktemp("models"), {"variants": ("int8",), "keep": ("int8",)}
        models = tflite.export_variants(trained("any"), folder, "any", height=32, width=32, **options)
    return {model.name: model.path.read_bytes() for model in models}


def test_what_android_studio_reads(pair, tmp_path):
    about = read(pair["any_style_transfer_int8"])
    assert about["name"] == "any_style_transfer_int8" and about["min_parser_version"] == "1.0.0"
    assert about["version"] == "step 7" and about["author"].startswith("keras_gans ")
    assert about["description"] == "A network that draws pictures in a style, at step 7"
    (graph,) = about["subgraph_metadata"]
    (tmp_path / "model.tflite").write_bytes(pair["any_style_transfer_int8"])
    interpreter = Interpreter(model_path=str(tmp_path / "model.tflite"))
    described = metadata.read(tmp_path / "model.tflite")
    inputs = {one["name"]: one for one in graph["input_tensor_metadata"]}
    # In the order of the model's tensors, which Android Studio numbers.
    for given, one in zip(interpreter.get_input_details(), graph["input_tensor_metadata"], strict=True):
        assert len(given["shape"]) == 4 and given["shape"][-1] == {"images": 3, "style": 6}[one["name"]]
        assert one["description"] == described["inputs"][one["name"]]
    (output,) = graph["output_tensor_metadata"]
    for image, std in ((inputs["images"], 255), (output, 1 / 255)):
        assert image["content"] == {"content_properties": {"ImageProperties": {"color_space": 1}}}
        (unit,) = image["process_units"]
        assert unit["options"]["NormalizationOptions"] == {"mean": [0], "std": [pytest.approx(std, rel=1e-6)]}
        assert image["stats"] == {"max": [1], "min": [0]}
    assert inputs["style"]["content"] == {"content_properties": {"FeatureProperties": {}}}
    assert "process_units" not in inputs["style"]


def test_names_of_classes_lie_beside_the_label(trained, tmp_path):
    (graph,) = read(tflite.export(trained("labelled"), tmp_path).read_bytes())["subgraph_metadata"]
    label = next(one for one in graph["input_tensor_metadata"] if one["name"] == "label")
    assert label["associated_files"] == [{"name": "labels.txt", "description": "names of the classes", "type": 3}]


def test_tensors_lie_where_processors_want_them(pair):
    for model in pair.values():
        root = schema.Model.GetRootAs(model)
        for number in range(root.BuffersLength()):
            buffer = root.Buffers(number)._tab
            offset = buffer.Offset(4)  # of the data
            assert not offset or buffer.Vector(offset) % 16 == 0


def test_models_run_on_tensorflow_2_17(pair):
    """That of the Swift pod; `.ci/old_runtime` runs them on LiteRT 1.4.0."""
    for name, model in pair.items():
        parts = flatbuffer.parts(model)
        version = tuple(map(int, flatbuffer.runtime(parts).split(".")))
        assert (1, 5) <= version < (2, 18), (name, version)
