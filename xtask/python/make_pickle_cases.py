"""Writes the pickles in tests/fixtures/cases/pickles: a sound checkpoint beside objects of many classes.

    python3 xtask/python/make_pickle_cases.py tests/fixtures/cases

needs Python 3.11 or later and numpy, but no torch: tensors and storages are stand-ins that pickle as torch's do. The
tensors refer to the storages in checkpoint_step_1000.pt, so that a test can put any of these pickles in the place of its
data.pkl.
"""

import argparse
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import itertools
import pathlib
import pickle
import random
import re
import sys
import types
import uuid
import zipfile
import zoneinfo

import numpy


def module(name):
    made = types.ModuleType(name)
    sys.modules[name] = made
    return made


def stand_in(module_name, name, bases=(object,), **attributes):
    """A class that pickles as `module_name.name`."""
    made = type(name, bases, {"__module__": module_name, **attributes})
    setattr(sys.modules.get(module_name) or module(module_name), name, made)
    return made


def function(module_name, name):
    """A function that pickles as `module_name.name`, and returns what it is given."""

    def made(*args):
        return Rebuilt(made, args)

    made.__module__, made.__qualname__, made.__name__ = module_name, name, name
    setattr(sys.modules.get(module_name) or module(module_name), name, made)
    return made


class Rebuilt:
    """What a function returned; pickles as the call."""

    def __init__(self, function, args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


class Storage:
    def __init__(self, pid):
        self.pid = pid


for name in ("torch", "torch._utils", "torch._tensor", "torch.storage", "torch.nn", "torch.nn.parameter"):
    module(name)
FLOAT = stand_in("torch", "FloatStorage")
CHAR = stand_in("torch", "QInt8Storage")
UNTYPED = stand_in("torch.storage", "UntypedStorage")
TENSOR = stand_in("torch", "Tensor")
PARAMETER_CLASS = stand_in("torch.nn.parameter", "Parameter")
REBUILD = {
    name: function("torch._utils", "_rebuild_" + name)
    for name in (
        "tensor",
        "tensor_v2",
        "tensor_v3",
        "parameter",
        "parameter_with_state",
        "meta_tensor_no_storage",
        "sparse_tensor",
        "qtensor",
        "device_tensor_from_cpu_tensor",
    )
}
FROM_TYPE = function("torch._tensor", "_rebuild_from_type_v2")


class Constant:
    """A global that is no class, as torch.float32 pickles."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


def constant(module_name, name):
    made = Constant(name)
    made.__module__ = module_name
    setattr(sys.modules[module_name], name, made)
    return made


FLOAT32 = constant("torch", "float32")
STRIDED = function("torch.serialization", "_get_layout")


class Reader(pickle.Unpickler):
    def persistent_load(self, pid):
        return Storage(pid)


class Writer(pickle.Pickler):
    def persistent_id(self, value):
        return value.pid if isinstance(value, Storage) else None


# Classes of a training script. Their module is the one that a script has.


class Mode(enum.Enum):
    TRAIN = 1


class Flags(enum.IntFlag):
    A = 1
    B = 2


class StepSnapshot(str, enum.Enum):
    FIRST = "first"


class Ordered(collections.OrderedDict):
    pass


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slots:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = 1, "x"


class Outer:
    class Inner:
        value = 3


class Listing(list):
    pass


@dataclasses.dataclass
class TrainConfig:
    lr: float = 3e-4
    betas: tuple = (0.9, 0.95)
    nested: dict = dataclasses.field(default_factory=lambda: {"a": [1, 2]})


Point = collections.namedtuple("Point", "x y")


def main(folder):
    with zipfile.ZipFile(folder / "checkpoint_step_1000.pt") as archive:
        program = archive.read("checkpoint_step_1000/data.pkl")
    checkpoint = Reader(io.BytesIO(program)).load()
    model, config = checkpoint["model"], checkpoint["model_config"]
    out = folder / "pickles"
    out.mkdir(exist_ok=True)

    def write(name, value, protocol=2):
        stream = io.BytesIO()
        Writer(stream, protocol).dump(value)
        (out / f"{name}.pkl").write_bytes(stream.getvalue())

    def beside(value):
        return {"model": model, "model_config": config, "extra": value}

    numpy.random.seed(1)
    one = next(iter(model.values()))
    hooks = collections.OrderedDict()
    counts = collections.defaultdict(list)
    counts["loss"].append(1.5)
    ordered = Ordered(a=1)
    ordered._metadata = {"version": 1}
    listing = Listing([1, 2])
    listing.name = "x"
    objects = {
        "enums": [Mode.TRAIN, Flags.A | Flags.B, StepSnapshot.FIRST],
        "times": [
            datetime.datetime(2026, 11, 25, 13, 58, 30, tzinfo=datetime.timezone.utc),
            datetime.date(2026, 11, 25),
            datetime.time(1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            datetime.timedelta(1),
            zoneinfo.ZoneInfo("UTC"),
        ],
        "namespaces": [types.SimpleNamespace(a=1), argparse.Namespace(lr=0.1, path=pathlib.Path("runs"))],
        "bytes": [bytearray(b"\x80abc"), b"\xff\x00", memoryview(b"x").tobytes(), array.array("f", [1.0])],
        "containers": [
            collections.Counter({100: 1, 200: 1}),
            counts,
            ordered,
            collections.deque([1, 2], maxlen=3),
            {1, 2},
            frozenset("ab"),
            listing,
            Point(1, 2),
        ],
        "scheduler": {
            "milestones": collections.Counter([30, 80]),
            "gamma": 0.1,
            "base_lrs": [0.1],
            "last_epoch": 12,
            "_get_lr_called_within_step": False,
        },
        "numpy": [
            numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
            numpy.float64(0.5),
            numpy.bool_(True),
            numpy.str_("x"),
            numpy.random.get_state(),
            numpy.random.RandomState(1),
            numpy.random.default_rng(1),
            numpy.dtype([("a", "<i4")]),
        ],
        "objects": [Plain(a=1), Slots(), TrainConfig(), Outer.Inner(), Plain(kind=Outer.Inner, none=type(None))],
        "numbers": [decimal.Decimal("0.1"), fractions.Fraction(1, 3), 2j, 1 << 100, range(3), slice(1, 2)],
        "others": [
            pathlib.PurePosixPath("a/b"),
            uuid.UUID(int=1),
            re.compile("x+"),
            random.Random(1),
            itertools.count(3),
            ValueError("x"),
            io.BytesIO(b"state"),
            Ellipsis,
        ],
        "tensors": [
            REBUILD["parameter"](one, True, hooks),
            REBUILD["parameter_with_state"](one, True, hooks, {"tag": 1}),
            REBUILD["meta_tensor_no_storage"](FLOAT32, (64, 16), (16, 1), False),
            REBUILD["sparse_tensor"](STRIDED("torch.sparse_coo"), (one, one, (64, 16), True)),
            REBUILD["qtensor"](Storage(("storage", CHAR, "1", "cpu", 4)), 0, (4,), (1,), (FLOAT32, 0.1, 0), False, hooks),
            FROM_TYPE(REBUILD["tensor_v2"], stand_in("train", "TaggedTensor"), one.args, {"tag": 2}),
        ],
    }
    for name, value in objects.items():
        write(name, beside(value))
    everything = beside(objects)
    for protocol in (3, 4, 5):
        write(f"everything_protocol_{protocol}", everything, protocol)
    write("plain_protocol_1", beside(objects["scheduler"]), 1)
    write("objects_protocol_1", beside(objects["objects"][:1]), 1)

    # The same model, described in other ways.
    def models(change):
        return {"model": {name: change(tensor) for name, tensor in model.items()}, "model_config": config}

    def untyped(tensor):
        storage, offset, shape, strides, *rest = tensor.args
        kind, _, key, location, length = storage.pid
        pid = (kind, UNTYPED, key, location, 4 * length)
        return REBUILD["tensor_v3"](Storage(pid), offset, shape, strides, *rest, FLOAT32)

    changes = {
        "untyped_storages": untyped,
        "first_version": lambda tensor: REBUILD["tensor"](*tensor.args[:4]),
        "parameters": lambda tensor: REBUILD["parameter"](tensor, True, hooks),
        "from_type": lambda tensor: FROM_TYPE(REBUILD["tensor_v2"], PARAMETER_CLASS, tensor.args, {"tag": 1}),
        "other_device": lambda tensor: REBUILD["device_tensor_from_cpu_tensor"](tensor, FLOAT32, "maia:0", False),
    }
    for name, change in changes.items():
        write(f"model_{name}", models(change))
    state_dict = Ordered(model)
    state_dict._metadata = {"": {"version": 1}}
    write("model_ordered_subclass", {**beside(0), "model": state_dict})

    # The same configuration in other classes.
    sizes = ("block_size", "vocab_size", "n_layer", "n_head", "n_kv_head", "n_embd", "multiple_of")
    def numbered(*kinds):
        kinds = itertools.cycle(kinds)
        return {**config, **{name: next(kinds)(config[name]) for name in sizes}}

    class Container(dict):
        pass

    Container.__qualname__ = "Container"
    sys.modules[Container.__module__].Container = Container
    pydantic = Plain()
    pydantic.__dict__.update({"__dict__": config, "__pydantic_fields_set__": set(config)})
    slots = type("SlotConfig", (), {"__slots__": tuple(config), "__module__": "__main__"})
    sys.modules["__main__"].SlotConfig = slots
    with_slots = slots()
    for name, value in config.items():
        setattr(with_slots, name, value)
    configs = {
        "numpy_signed": numbered(numpy.int64, numpy.int32, numpy.int16),
        "numpy_unsigned": {**numbered(numpy.uint64, numpy.uint32, numpy.uint16), "n_layer": numpy.uint8(1), "n_head": numpy.int8(2)},
        "numpy_big_endian": {**config, "n_embd": numpy.array([16], ">i4")[0]},
        "numpy_others": {**config, "dropout": numpy.float32(0.0), "bias": numpy.bool_(False)},
        "numpy_half": {**config, "dropout": numpy.float16(0.5)},
        "namespace": argparse.Namespace(**config),
        "simple_namespace": types.SimpleNamespace(**config),
        "container": Container(config),
        "slots": with_slots,
        "pydantic": pydantic,
    }
    for name, value in configs.items():
        write(f"config_{name}", {"model": model, "model_config": value})
    write("config_numpy_protocol_4", {"model": model, "model_config": configs["numpy_signed"]}, 4)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
