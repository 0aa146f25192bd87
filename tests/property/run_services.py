"""Draws services with every field that google-cloud-run's Service knows and a caller may write."""

from google.cloud import run_v2
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

GIVEN_BY_THE_SERVER = {
    "Service": {
        "name", "uid", "generation", "create_time", "update_time", "delete_time", "expire_time",
        "creator", "last_modifier", "observed_generation", "terminal_condition", "conditions",
        "latest_ready_revision", "latest_created_revision", "traffic_statuses", "uri", "urls",
        "satisfies_pzs", "threat_detection_enabled", "reconciling", "etag",
    },
    "Container": {"build_info"},
    "BuildConfig": {"name", "image_uri"},
    "MultiRegionSettings": {"multi_region_id"},
}  # fmt: skip
BY_HAND = {
    "Service": {"template", "traffic"},
    "RevisionTemplate": {"revision", "containers", "volumes"},
    "Container": {"image", "ports", "volume_mounts", "depends_on", "name"},
    "Volume": {"name"},
}
"""Fields whose values hang together: `services` gives them."""

word = st.text("abcdefghijklmnop", min_size=1, max_size=8)
path = word.map(lambda text: f"/{text}")
key = st.one_of(word, word.map("acme.example/{}".format))
seconds = st.integers(1, 240)
STRINGS = {
    "region": st.sampled_from(["europe-west1", "us-central1"]),
    "mount_path": path,
    "path": path,
    "working_dir": path,
    "version": st.sampled_from(["1", "7", "latest"]),
    "size_limit": st.sampled_from(["16Mi", "1Gi"]),
    "connector": word.map("projects/acme/locations/us-central1/connectors/{}".format),
    "instances": word.map("acme:us-central1:{}".format),
    "policy": word.map("projects/acme/platforms/cloudRun/policies/{}".format),
    "encryption_key": word.map("projects/acme/locations/l/keyRings/r/cryptoKeys/{}".format),
    "mesh": word.map("projects/acme/locations/global/meshes/{}".format),
    "accelerator": st.sampled_from(["nvidia-l4", "nvidia-rtx-pro-6000"]),
    "service_account": word.map("{}@acme.example".format),
    "value": st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
    "regions": st.sampled_from(["europe-west1", "us-central1"]),
}
NUMBERS = {
    "port": st.integers(1, 65_535),
    "max_instance_request_concurrency": st.integers(1, 1_000),
    "initial_delay_seconds": st.integers(0, 60),
    "timeout_seconds": st.integers(1, 10),
    "period_seconds": st.integers(10, 20),
    "failure_threshold": st.integers(1, 5),
    "min_instance_count": st.integers(0, 3),
    "max_instance_count": st.integers(3, 9),
    "mode": st.sampled_from([0o400, 0o644]),
    "default_mode": st.sampled_from([0o400, 0o644]),
}
CPUS = st.fixed_dictionaries(
    {}, optional={"cpu": st.sampled_from(["1", "1000m", "2"]), "memory": st.just("1Gi")}
)


@st.composite
def message(draw, descriptor, leave=frozenset()):
    """A message as a dictionary: each field there or not, one of each oneof."""
    found = {}
    skipped = GIVEN_BY_THE_SERVER.get(descriptor.name, set()) | BY_HAND.get(descriptor.name, set())
    chosen = {
        oneof.name: draw(st.sampled_from([field.name for field in oneof.fields]))
        for oneof in descriptor.oneofs
    }
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if field.name in skipped | leave or (oneof and chosen[oneof.name] != field.name):
            continue
        if draw(st.booleans()) or (oneof and len(oneof.fields) > 1):
            found[field.name] = draw(values(field))
    return found


def values(field):
    """Values of a field, one or many."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return CPUS if field.name == "limits" else st.dictionaries(key, word, max_size=3)
    one = _one(field)
    if not field.is_repeated:
        return one
    unique = (lambda item: item["name"]) if field.name in {"env", "http_headers"} else repr
    return st.lists(one, min_size=1, max_size=2, unique_by=unique)


def _one(field):
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Duration":
            return seconds.map("{}s".format)
        if field.message_type.name in {"EnvVar", "HTTPHeader"}:
            return st.builds(
                lambda made, name: {**made, "name": name}, message(field.message_type), word
            )
        return message(field.message_type)
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values if value.number]
        return st.sampled_from(names)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_STRING:
        return STRINGS.get(field.name, word)
    return NUMBERS.get(field.name, st.integers(1, 9))


@st.composite
def templates(draw, revision):
    """A template of one to three containers; only the first has a port."""
    descriptor = run_v2.RevisionTemplate.pb().DESCRIPTOR
    fields = descriptor.fields_by_name
    made = draw(message(descriptor))
    names = draw(st.lists(word, max_size=2, unique=True))
    volumes = [{**draw(message(fields["volumes"].message_type)), "name": name} for name in names]
    containers = []
    sidecars = draw(st.lists(word, max_size=2, unique=True))
    named = draw(st.sampled_from(["", "main-one"])) or ("main-one" if sidecars else "")
    for place, name in enumerate([named, *sidecars]):
        container = draw(message(fields["containers"].message_type, frozenset({"source_code"})))
        container["image"] = f"registry.example/acme/{name or 'app'}"
        if name:
            container["name"] = name
        if volumes:
            mounts = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
            container["volume_mounts"] = [{"name": one, "mount_path": f"/{one}"} for one in mounts]
        if place == 0:
            port = draw(st.integers(1_024, 65_535))
            container["ports"] = [{"name": "http1", "container_port": port}]
            if sidecars and draw(st.booleans()):
                container["depends_on"] = [sidecars[0]]
        containers.append(container)
    made |= {"containers": containers, "volumes": volumes}
    if revision:
        made["revision"] = revision
    return made


@st.composite
def services(draw, service_id):
    """A service; its revision is named by the client or by the server."""
    made = draw(message(run_v2.Service.pb().DESCRIPTOR))
    name = draw(st.sampled_from(["", f"{service_id}-00001-aaa"]))
    made["template"] = draw(templates(name))
    return made
