"""From a service's template to a revision, and from a revision to what runs it.

Pure. Accepted and kept, but without effect here: service account, VPC access, encryption,
execution environment, node selector, and what `containers` names.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gate.local.admin.containers import container_spec, volume_specs
from gate.local.admin.defaults import DEFAULT_MAX_INSTANCES, main_container
from gate.local.admin.etags import etag
from gate.local.admin.messages import Revision, RevisionTemplate, Service, seconds
from gate.local.admin.names import log_url, revision_path, service_path
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


def make_spec(key: RevisionKey, revision: Revision, images: Mapping[str, str]) -> RevisionSpec:
    """Gives what it takes to run a revision; min instances are left to `scaled`.

    Args:
        key: its name.
        revision: complete.
        images: its images by digest, as far as they existed when it was made.
    """
    volumes = volume_specs(revision)
    main = main_container(revision.containers)
    others = (container for container in revision.containers if container != main)
    return RevisionSpec(
        key=key,
        main=container_spec(main, images, volumes),
        sidecars=tuple(container_spec(container, images, volumes) for container in others),
        volumes=volumes,
        concurrency=revision.max_instance_request_concurrency,
        max_instances=revision.scaling.max_instance_count,
        timeout_s=seconds(revision.timeout),
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
