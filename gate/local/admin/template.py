"""From a service's template to a revision, and from a revision to what runs it.

Pure. Accepted and kept, but without effect here: service account, resources, VPC access,
encryption, execution environment, session affinity, node selector, liveness and readiness probes,
volumes, command and args (the images file says what an image runs), and every container but the
one that takes requests. An HTTP or gRPC startup probe gives its time only; the port is what is
waited for.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from gate.local.admin.defaults import DEFAULT_MAX_INSTANCES, main_container
from gate.local.admin.etags import etag
from gate.local.admin.messages import EnvVar, Revision, RevisionTemplate, Service, seconds
from gate.local.admin.names import log_url, revision_path, service_path, short
from gate.local.admin.readiness import deploying
from gate.local.admin.traffic import Routes
from gate.local.ports import RevisionKey, RevisionSpec

_COPIED = (
    "labels",
    "annotations",
    "scaling",
    "vpc_access",
    "timeout",
    "service_account",
    "containers",
    "volumes",
    "execution_environment",
    "encryption_key",
    "max_instance_request_concurrency",
    "service_mesh",
    "encryption_key_revocation_action",
    "encryption_key_shutdown_duration",
    "session_affinity",
    "node_selector",
    "gpu_zonal_redundancy_disabled",
)


def same_template(one: RevisionTemplate, other: RevisionTemplate) -> bool:
    """Tells whether two templates describe the same revision, whatever its name."""
    left, right = RevisionTemplate(one), RevisionTemplate(other)
    left.revision = right.revision = ""
    return bool(left == right)


def make_revision(
    key: RevisionKey, service: Service, uid: str, creator: str, at: datetime
) -> Revision:
    """Makes the revision that a service's template describes, not yet started."""
    template = service.template
    copied = {name: getattr(template, name) for name in _COPIED if name in template}
    return Revision(
        name=revision_path(key),
        uid=uid,
        generation=1,
        create_time=at,
        update_time=at,
        launch_stage=service.launch_stage,
        service=service_path(key.service),
        reconciling=True,
        conditions=deploying(at),
        creator=creator,
        log_uri=log_url(key),
        etag=etag(at, revision_path(key)),
        **copied,
    )


def template_of(revision: Revision) -> RevisionTemplate:
    """Gives the template that a revision was made from, but for its name."""
    copied = {name: getattr(revision, name) for name in _COPIED if name in revision}
    return RevisionTemplate(**copied)


def matches(revision: Revision, template: RevisionTemplate) -> bool:
    """Tells whether a revision is what a template would make."""
    empty = RevisionTemplate()
    return all(
        getattr(revision, name) == getattr(template if name in template else empty, name)
        for name in _COPIED
    )


def missing_secret(revision: Revision, secrets: Mapping[str, str]) -> str:
    """Names the first secret that a revision needs and that is not there, or ""."""
    for name in _secrets(revision):
        if short(name) not in secrets:
            return name
    return ""


def make_spec(key: RevisionKey, revision: Revision, secrets: Mapping[str, str]) -> RevisionSpec:
    """Gives what it takes to run a revision; min instances are left to `scaled`."""
    container = main_container(revision.containers)
    probe = container.startup_probe
    return RevisionSpec(
        key=key,
        image=container.image,
        env=tuple((each.name, _value(each, secrets)) for each in container.env),
        container_port=container.ports[0].container_port,
        container_name=container.name,
        concurrency=revision.max_instance_request_concurrency,
        max_instances=revision.scaling.max_instance_count,
        timeout_s=seconds(revision.timeout),
        startup_timeout_s=float(
            probe.initial_delay_seconds + probe.period_seconds * probe.failure_threshold
        ),
    )


def scaled(
    spec: RevisionSpec, service: Service, revision: Revision, routes: Routes
) -> RevisionSpec:
    """Gives the spec with the instances that this traffic asks for.

    A revision that can be reached (percent or tag) gets its own min instances; the service's min
    and max are divided by traffic percent and do not count for tags
    (run/docs/rollouts-rollbacks-traffic-migration "Important", google.cloud.run.v2.ServiceScaling).
    """
    name = spec.key.revision
    percent = routes.percent(name)
    least = revision.scaling.min_instance_count if name in routes.revisions() else 0
    least = max(least, math.ceil(service.scaling.min_instance_count * percent / 100))
    most = revision.scaling.max_instance_count or DEFAULT_MAX_INSTANCES
    if service.scaling.max_instance_count and percent:
        most = min(most, math.ceil(service.scaling.max_instance_count * percent / 100))
    return replace(spec, min_instances=min(least, most), max_instances=most)


def _secrets(revision: Revision) -> Iterator[str]:
    for container in revision.containers:
        for variable in container.env:
            if "value_source" in variable:
                yield variable.value_source.secret_key_ref.secret or variable.name
    for volume in revision.volumes:
        if "secret" in volume:
            yield volume.secret.secret or volume.name


def _value(variable: EnvVar, secrets: Mapping[str, str]) -> str:
    if "value_source" not in variable:
        return variable.value
    return secrets.get(short(variable.value_source.secret_key_ref.secret), "")
