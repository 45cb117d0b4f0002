"""Weight files that ask a reader for far more than their size: name -> function that returns the file's bytes."""

import io
import json
import struct
import zipfile

import weight_writers

PROTOCOL = b"\x80\x02"


def text(value):
    value = value.encode()
    return b"X" + struct.pack("<I", len(value)) + value


def blob(value):
    return b"B" + struct.pack("<I", len(value)) + value


def integer(value):
    return b"J" + struct.pack("<i", value)


def name(module, function, place):
    """A global, kept in the memo."""
    return f"c{module}\n{function}\n".encode() + put(place)


def put(place):
    return b"q" + bytes([place])


def get(place):
    return b"h" + bytes([place])


def call(function, argument):
    """A call of what two places of the memo hold."""
    return get(function) + get(argument) + b"R"


def listed(items):
    return b"](" + b"".join(items) + b"e"


def archive(pickled, **storages):
    """A .pth file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("model/data.pkl", PROTOCOL + pickled + b".")
        for key, data in storages.items():
            made.writestr(f"model/data/{key}", data)
    return file.getvalue()


def network_pickle(pickled):
    """A .pkl file of NVIDIA's kind."""
    return b"\x80\x03" + pickled + b"."


def storage(count, kind="FloatStorage"):
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text("a") + text("cpu") + integer(count) + b"tQ"


def tensor(sizes, strides, count=6):
    """A tensor whose sizes and strides are given as pickled tuples."""
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(count) + b"K\x00" + sizes + strides + b"\x89}tR"


def nested(levels):
    """Lists within lists that share their parts: 2^levels leaves, if they were walked one by one."""
    return b"]" + put(0) + (b"](" + get(0) * 2 + b"e" + put(0)) * levels


def legacy_storage(count, kind="BFloat16Storage"):
    """A storage in PyTorch's older layout, as `torch.storage._load_from_bytes` takes it."""
    magic = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
    system = b"}(" + text("little_endian") + b"\x88u"
    parts = (magic, b"M\xe9\x03", system, storage(count, kind)[:-2] + b"NtQ", listed([text("a")]))
    return b"".join(PROTOCOL + part + b"." for part in parts) + struct.pack("<Q", count) + bytes(2 * count)


def ordered_dicts():
    pairs = listed(b"](" + text(f"{key:x}") + b"Ne" for key in range(5000))
    return archive(name("collections", "OrderedDict", 0) + pairs + b"\x85" + put(1) + listed([call(0, 1)] * 50_000))


def storages():
    function, argument = name("torch.storage", "_load_from_bytes", 0), blob(legacy_storage(50_000)) + b"\x85" + put(1)
    return network_pickle(function + argument + listed([call(0, 1)] * 50_000))


def _module(state):
    return b"}(" + text("state") + state + b"u\x85" + put(1)


def module_states():
    state = b"}(" + b"".join(text(f"{key:x}") + b"N" for key in range(10_000)) + b"u"
    function = name("torch_utils.persistence", "_reconstruct_persistent_obj", 0)
    return network_pickle(function + _module(state) + listed([call(0, 1)] * 50_000))


def shared_parameters():
    """10,000 modules, each of which has the same 10,000 parameters."""
    array = name("numpy.core.multiarray", "_reconstruct", 2) + b"cnumpy\nndarray\nK\x00\x85C\x01b\x87R" + put(3)
    array += b"(K\x01K\x01\x85cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|NNNtb\x89C\x01\x00tb"
    parameters = array + b"}(" + b"".join(text(f"{key:x}") + get(3) for key in range(10_000)) + b"u" + put(4)
    part = b"}(" + text("_parameters") + get(4) + b"u"
    parts = b"}(" + b"".join(text(f"{key:x}") + get(0) + _module(part) + b"R" for key in range(10_000)) + b"u"
    function = name("torch_utils.persistence", "_reconstruct_persistent_obj", 0)
    state = b"}(" + text("_modules") + parts + b"u"
    return network_pickle(function + parameters + b"}(" + text("G") + get(0) + _module(state) + b"Ru")


def long_prefixes():
    """Modules within modules, 4,000 deep, each with a name of 20,000 letters and the same parameter."""
    array = name("numpy.core.multiarray", "_reconstruct", 2) + b"cnumpy\nndarray\nK\x00\x85C\x01b\x87R" + put(3)
    array += b"(K\x01K\x01\x85cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|NNNtb\x89C\x01\x00tb"
    words = array + text("a" * 20_000) + put(4) + text("_modules") + put(5) + text("_parameters") + put(6)
    words += text("state") + put(8)
    parameters = b"}(" + text("x") + get(3) + b"u" + put(7)
    level = get(0) + b"}(" + get(8) + b"}(" + get(6) + get(7) + get(5) + b"}(" + get(4)
    network = level * 4000 + b"N" + b"uuu\x85R" * 4000
    function = name("torch_utils.persistence", "_reconstruct_persistent_obj", 0)
    return network_pickle(function + words + parameters + b"}(" + text("G") + network + b"u")


def printed_lists():
    return archive(nested(60) + tensor(get(0), b"(t"), a=bytes(24))


def printed_type():
    return network_pickle(b"cnumpy\ndtype\n" + text("\x1b[2J" * 50_000) + b"\x89\x88\x87R")


def shapes():
    sizes = b"(" + b"K\x01" * 100_000 + b"t" + put(0)
    function = name("torch._utils", "_rebuild_tensor_v2", 1) + b"(" + storage(6) + b"K\x00" + get(0) * 2 + b"\x89}t" + put(2)
    return archive(sizes + function + listed([call(1, 2)] * 30_000), a=bytes(24))


def large_numbers():
    """A shape of 1,000 numbers of 250 bytes, whose product is computed 2,000 times."""
    sizes = b"(" + (b"\x8a\xfa" + b"\x7f" * 250) * 1000 + b"t" + put(0)
    function = name("torch._utils", "_rebuild_tensor_v2", 1) + b"(" + storage(6) + b"K\x00" + get(0) * 2 + b"\x89}t" + put(2)
    return archive(sizes + function + listed([call(1, 2)] * 30_000), a=bytes(24))


def long_line():
    return network_pickle(b"c" + b"a" * 400_000)


def same_part():
    """A dict of 30,000 names for one dict of 10,000 tensors."""
    tensors = tensor(b"K\x01\x85", b"K\x01\x85") + put(0) + b"}(" + b"".join(text(f"{n:x}") + get(0) for n in range(10_000))
    saved = tensors + b"u" + put(1) + b"}(" + b"".join(text(f"{n:x}") + get(1) for n in range(30_000)) + b"u"
    return archive(saved, a=bytes(24))


def colliding_keys():
    """Numbers that Python's dicts put into the same place."""
    keys = ((2**61 - 1) * (number << 64) for number in range(1, 30_000))
    return archive(b"}(" + b"".join(b"\x8a\x13" + key.to_bytes(19, "little") + b"N" for key in keys) + b"u")


def same_numbers():
    """10,000 tensors that are the same 100,000 numbers."""
    sizes = integer(100_000) + b"\x85"
    first = tensor(sizes, b"K\x01\x85", 100_000) + put(0)
    return archive(first + b"}(" + b"".join(text(f"{n:x}") + get(0) for n in range(10_000)) + b"u", a=bytes(400_000))


def many_containers(size=4_000_000):
    return archive(b"](" + b"}" * size + b"e")


def header_of_lists(size=5_000_000):
    header = b'{"x":[' + b"[]," * (size // 3) + b"[]]}"
    return len(header).to_bytes(8, "little") + header


def nested_type():
    header = json.dumps({"x": {"dtype": [["\x1b[2J"] * 1000] * 1000, "shape": [], "data_offsets": [0, 0]}}).encode()
    return len(header).to_bytes(8, "little") + header


def many_entries():
    """A zip archive whose list of 400,000 entries is all that it has."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    size = 400_000 * len(entry)
    return 400_000 * entry + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2**16 - 2, 2**16 - 2, size, 0, 0)


def onnx_nodes():
    """A graph of two million nodes of two bytes."""
    return _model(b"\x0a\x00" * 2_000_000)


def onnx_same_weights():
    """10,000 layers with the same weights of 8 bit, each dequantized by itself."""
    graph = weight_writers.message((5, weight_writers.message((1, 100_000), (2, 3), (8, "q"), (9, bytes(100_000)))))
    graph += weight_writers.message((5, weight_writers.message((2, 1), (8, "s"), (9, bytes(4)))))
    for index in range(10_000):
        dequantize = [(1, "q"), (1, "s"), (2, f"w{index}"), (4, "DequantizeLinear")]
        graph += weight_writers.message((1, weight_writers.message(*dequantize)))
        graph += weight_writers.message((1, weight_writers.message((1, "x"), (1, f"w{index}"), (2, "y"), (4, "Conv"))))
    return _model(graph)


def _model(graph):
    return weight_writers.message((1, 8), (7, graph))


def tfjs_lists(size=5_000_000):
    return b'{"x":[' + b"[]," * (size // 3) + b"[]]}"


FILES = {
    function.__name__: function
    for function in (
        ordered_dicts,
        storages,
        module_states,
        shared_parameters,
        long_prefixes,
        printed_lists,
        printed_type,
        shapes,
        large_numbers,
        long_line,
        same_part,
        colliding_keys,
        same_numbers,
        many_containers,
        header_of_lists,
        many_entries,
        nested_type,
        onnx_nodes,
        onnx_same_weights,
        tfjs_lists,
    )
}
