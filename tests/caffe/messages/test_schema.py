"""The schema beside Caffe's own facts, and beside another caffe.proto in one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import SchemaError


def test_every_message_of_caffe_has_a_class() -> None:
    assert len(schema.messages()) == 63
    for name in schema.messages():
        assert schema.message_class(name).DESCRIPTOR.full_name == f"ssdh_caffe.{name}"


def test_every_enum_value_is_there() -> None:
    file = schema.descriptor("NetParameter").file
    enums = [*file.enum_types_by_name.values()]
    for name in schema.messages():
        enums += schema.descriptor(name).enum_types
    assert sum(len(enum.values) for enum in enums) == 111


def test_fields_of_forks_are_not_in_the_schema() -> None:
    with pytest.raises(SchemaError) as caught:
        schema.field("LayerParameter", "prior_box_param")
    assert caught.value.message == "LayerParameter has no field 'prior_box_param'"


def test_a_class_is_made_once_and_has_its_messages_inside() -> None:
    net = schema.NetParameter()
    layer = net.layer.add()
    assert type(net) is schema.message_class("NetParameter")
    assert type(layer) is schema.message_class("LayerParameter")


def test_the_module_has_no_other_attributes() -> None:
    name = "PriorBoxParameter"
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(schema, name)


@pytest.mark.parametrize(
    ("message", "path", "type_name", "repeated", "default"),
    [
        ("NetParameter", "layer", "LayerParameter", True, ()),
        ("NetParameter", "name", "string", False, ""),
        ("LayerParameter", "inner_product_param", "InnerProductParameter", False, None),
        ("LayerParameter", "inner_product_param.axis", "int32", False, 1),
        ("LayerParameter", "inner_product_param.weight_filler.type", "string", False, "constant"),
        ("LayerParameter", "pooling_param.pool", "PoolingParameter.PoolMethod", False, "MAX"),
        ("LayerParameter", "phase", "Phase", False, "TRAIN"),
        ("LayerParameter", "data_param.backend", "DataParameter.DB", False, "LEVELDB"),
        ("LayerParameter", "loss_weight", "float", True, ()),
        ("V1LayerParameter", "layer.biasterm", "bool", False, True),
        ("SolverParameter", "solver_mode", "SolverParameter.SolverMode", False, "GPU"),
        ("SolverParameter", "test_initialization", "bool", False, True),
        ("SolverParameter", "random_seed", "int64", False, -1),
        ("Datum", "data", "bytes", False, b""),
    ],
)
def test_fields(message: str, path: str, type_name: str, repeated: bool, default: object) -> None:
    field = schema.field(message, path)
    assert schema.field_type(field) == type_name
    assert schema.is_repeated(field) is repeated
    assert schema.default(field) == default


def test_a_float_default_is_caffes_to_the_last_bit() -> None:
    delta = schema.SolverParameter().delta
    assert delta == schema.default(schema.field("SolverParameter", "delta"))
    assert f"{delta:.6g}" == "1e-08"


def test_values_of_enums() -> None:
    assert schema.enum_values("PoolingParameter.PoolMethod") == {
        "MAX": 0,
        "AVE": 1,
        "STOCHASTIC": 2,
    }
    assert schema.enum_values("Phase") == {"TRAIN": 0, "TEST": 1}
    assert schema.enum_values("V1LayerParameter.LayerType")["INNER_PRODUCT"] == 14


@pytest.mark.parametrize(
    ("message", "path", "said"),
    [
        (
            "InnerProductParameter",
            "num_outputs",
            "InnerProductParameter has no field 'num_outputs'\nhint: did you mean 'num_output'?",
        ),
        (
            "LayerParameter",
            "name.first",
            "'name' of LayerParameter is a string: it has no field 'first'",
        ),
        (
            "LayerParameters",
            "name",
            "Caffe has no message 'LayerParameters'\nhint: did you mean 'LayerParameter'?",
        ),
        ("NetParameter", "", "NetParameter has no field ''"),
    ],
)
def test_what_is_not_there(message: str, path: str, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        schema.field(message, path)
    assert str(caught.value) == said


def test_an_enum_that_is_not_there() -> None:
    with pytest.raises(SchemaError) as caught:
        schema.enum_values("Phases")
    assert str(caught.value) == "Caffe has no enum 'Phases'"


def test_text_and_back() -> None:
    text = 'name: "n"\nlayer {\n  name: "ip"\n  inner_product_param {\n    num_output: 3\n  }\n}\n'
    message = schema.parse_text(text, "NetParameter")
    assert isinstance(message, schema.message_class("NetParameter"))
    assert schema.text(message) == text


def test_packed_fields_take_both_wire_forms() -> None:
    packed = b"\x2a\x08\x00\x00\x80\x3f\x00\x00\x00\x40"
    loose = b"\x2d\x00\x00\x80\x3f\x2d\x00\x00\x00\x40"
    blob = schema.BlobProto(data=[1, 2])
    assert blob.SerializeToString() == packed
    assert schema.BlobProto.FromString(loose) == blob


UNKNOWN = 'layer {\n  name: "x"\n  prior_box_param { min_size: 3 }\n}\n'


def test_fields_of_forks_are_passed_over_when_asked() -> None:
    message = schema.parse_text(UNKNOWN, "NetParameter", allow_unknown=True)
    assert schema.text(message) == 'layer {\n  name: "x"\n}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            UNKNOWN,
            'a.prototxt:3:3: Message type "LayerParameter" has no field named '
            '"prior_box_param"\n'
            "  3 |   prior_box_param { min_size: 3 }\n"
            "    |   ^",
            id="unknown field",
        ),
        pytest.param(
            "layers { type: PRIOR_BOX }\r\n",
            'a.prototxt:1:16: Enum type "V1LayerParameter.LayerType" has no value named '
            "PRIOR_BOX\n"
            "  1 | layers { type: PRIOR_BOX }\n"
            "    |                ^",
            id="unknown enum value",
        ),
        pytest.param(
            "\ud800",
            "a.prototxt:1:1: Expected identifier or number, got ?\n  1 | ?\n    | ^",
            id="undecodable byte",
        ),
        pytest.param(
            "state {" * 20_000,
            'a.prototxt:1:8: Message type "NetState" has no field named "state"\n'
            f"  1 | {('state {' * 20)[:100]}...\n"
            "    |        ^",
            id="long line",
        ),
    ],
)
def test_what_protobuf_refuses(text: str, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        schema.parse_text(text, "NetParameter", file="a.prototxt")
    assert str(caught.value) == said


def test_too_deep_for_protobuf() -> None:
    with pytest.raises(SchemaError) as caught:
        schema.parse_text(
            "a {" * 5000 + "}" * 5000, "NetParameter", allow_unknown=True, file="a.prototxt"
        )
    assert str(caught.value) == "a.prototxt: messages are nested too deeply for protobuf"


# The same messages as `caffe.proto` in package `caffe`, in the pool that all generated code
# shares: what importing pycaffe does.
PYCAFFES_POOL = """
from google.protobuf import descriptor_pb2, descriptor_pool
def load_caffe_proto():
    import pathlib, ssdh_surgery
    folder = pathlib.Path(ssdh_surgery.__file__).parent / "caffe" / "messages"
    shipped = (folder / "ssdh_caffe.desc").read_bytes()
    file = descriptor_pb2.FileDescriptorSet.FromString(shipped).file[0]
    file.name, file.package = "caffe/proto/caffe.proto", "caffe"
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(".ssdh_caffe.", ".caffe.")
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    assert descriptor_pool.Default().FindMessageTypeByName("caffe.NetParameter")
def load_ours():
    from ssdh_surgery.caffe.messages import schema
    assert schema.NetParameter(name="n").SerializeToString() == bytes.fromhex("0a016e")
"""


@pytest.mark.parametrize("order", ["load_caffe_proto load_ours", "load_ours load_caffe_proto"])
def test_another_caffe_proto_in_the_process(order: str) -> None:
    program = PYCAFFES_POOL + "".join(f"{name}()\n" for name in order.split())
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


LOAD_PYCAFFE = "import caffe; from caffe.proto import caffe_pb2"
LOAD_OURS = "from ssdh_surgery.caffe.messages import schema; ours = schema.NetParameter(name='n')"


@pytest.fixture
def pycaffe() -> Path:
    """The folder that has to be on `sys.path` for `import caffe`."""
    from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe

    path = built_pycaffe()
    assert path is not None, "run: make caffe"
    return path


@pytest.mark.caffe
@pytest.mark.parametrize(
    "imports", [[LOAD_PYCAFFE, LOAD_OURS], [LOAD_OURS, LOAD_PYCAFFE]], ids=["before", "after"]
)
def test_pycaffe_in_the_process(imports: list[str], pycaffe: Path) -> None:
    same = "assert caffe_pb2.NetParameter.FromString(ours.SerializeToString()).name == 'n'"
    program = f"import sys; sys.path.append({str(pycaffe)!r})\n" + "\n".join([*imports, same])
    subprocess.run([sys.executable, "-c", program], check=True)


def test_nothing_is_loaded_before_it_is_needed() -> None:
    program = (
        "import sys, ssdh_surgery.caffe.messages.schema\n"
        "found = {'numpy', 'google.protobuf'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
