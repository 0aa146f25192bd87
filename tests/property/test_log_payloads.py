"""A payload comes back from Cloud Logging's Struct as it was."""

import json

from google.protobuf.json_format import MessageToJson
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from gate.cloud.entries import json_object

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_payloads_come_back_as_they_were(payload):
    struct = Struct()
    struct.update(payload)
    heard = MessageToJson(Struct.FromString(struct.SerializeToString()))
    back = json_object(json.loads(heard))
    assert json.dumps(back, sort_keys=True) == json.dumps(payload, sort_keys=True)
