"""Services and revisions as Cloud Run's Admin API v1 gives them, with names of our own."""

from copy import deepcopy

SERVICE = "shop"
IMAGE = "europe-docker.pkg.dev/acme/apps/shop"
DIGEST = f"{IMAGE}@sha256:{'ab' * 32}"
AT = "2026-05-04T03:02:01.678900Z"
_PROBE = {"timeoutSeconds": 240, "periodSeconds": 240, "failureThreshold": 1}


def container(image=f"{IMAGE}:v1", **more):
    return {
        "image": image,
        "ports": [{"name": "http1", "containerPort": 8080}],
        "env": [
            {"name": "MODE", "value": "hunter2-hunter2"},
            {"name": "JWT", "valueFrom": {"secretKeyRef": {"name": "jwt", "key": "3"}}},
        ],
        "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}},
        "startupProbe": {**_PROBE, "tcpSocket": {"port": 8080}},
        **more,
    }


def template(*containers, annotations=None, labels=None, **spec):
    return {
        "metadata": {
            "labels": {"team": "pay", **(labels or {})},
            "annotations": {
                "run.googleapis.com/client-name": "gcloud",
                "autoscaling.knative.dev/maxScale": "5",
                **(annotations or {}),
            },
        },
        "spec": {
            "containerConcurrency": 80,
            "timeoutSeconds": 60,
            "serviceAccountName": "run@acme.example",
            "containers": list(containers) or [container()],
            **spec,
        },
    }


def revision_of(made, name="shop-00002-abc", digest=DIGEST):
    """The revision that this template makes, with what Cloud Run fills in."""
    revision = deepcopy(made)
    metadata, containers = revision["metadata"], revision["spec"]["containers"]
    metadata["labels"] |= {
        "serving.knative.dev/service": SERVICE,
        "serving.knative.dev/configuration": SERVICE,
        "serving.knative.dev/configurationGeneration": "2",
        "cloud.googleapis.com/location": "europe-west1",
        "run.googleapis.com/startupProbeType": "Default",
    }
    metadata["annotations"] |= {
        "serving.knative.dev/creator": "ann@acme.example",
        "run.googleapis.com/operation-id": "5d1c6d2e-0000-4000-8000-000000000000",
        "run.googleapis.com/cpu-throttling": "true",
    }
    for place, one in enumerate(containers):
        one.setdefault("name", f"{SERVICE}-{place + 1}")
    serving = next(one for one in containers if one.get("ports") or len(containers) == 1)
    serving["image"] = digest
    metadata |= {"name": name, "creationTimestamp": AT, "generation": 1}
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": AT}]
    status = {"observedGeneration": 1, "conditions": conditions, "imageDigest": digest}
    return {"kind": "Revision", **revision, "status": status}


def service(**changes):
    document = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": SERVICE,
            "namespace": "775000000000",
            "resourceVersion": "AAZEDQKk1OQ",
            "generation": 7,
            "labels": {"cloud.googleapis.com/location": "europe-west1", "team": "pay"},
            "annotations": {
                "b": "2",
                "a": "1",
                "run.googleapis.com/ingress": "internal",
                "run.googleapis.com/operation-id": "5d1c6d2e-0000-4000-8000-000000000000",
                "serving.knative.dev/lastModifier": "ann@acme.example",
            },
            "creationTimestamp": "2026-05-01T00:00:00Z",
        },
        "spec": {
            "template": template(),
            "traffic": [
                {"revisionName": "shop-00001-aaa", "percent": 100},
                {"revisionName": "shop-00002-abc", "tag": "candidate"},
            ],
        },
        "status": {
            "observedGeneration": 7,
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": AT},
                {"type": "RoutesReady", "status": "True", "lastTransitionTime": AT},
            ],
            "latestReadyRevisionName": "shop-00001-aaa",
            "latestCreatedRevisionName": "shop-00002-abc",
            "traffic": [
                {"revisionName": "shop-00001-aaa", "percent": 100},
                {
                    "revisionName": "shop-00002-abc",
                    "tag": "candidate",
                    "url": "https://candidate---shop-x-ew.a.run.app/",
                },
            ],
            "url": "https://shop-x-ew.a.run.app/",
        },
    }
    document.update(changes)
    return document
