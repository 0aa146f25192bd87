from gate.local.api.errors import Code
from gate.local.ports import AUDIT_LOG, RevisionKey, ServiceKey
from tests.fakes.local_control_plane import BROKEN, Rig, done
from tests.fakes.local_messages import creation, service

KEY = ServiceKey("demo", "us-central1", "backend")


async def logged(image):
    rig = Rig()
    operation = rig.control.create_service(creation(service(image, "backend-one")), "me")
    await done(rig, operation)
    return [one for one in rig.surroundings.logged if one.log_id == AUDIT_LOG]


async def test_a_revision_and_its_service_that_become_ready_are_noted():
    revision, whole = await logged("demo/good")
    assert {revision.log_id, whole.log_id} == {AUDIT_LOG}
    assert (revision.key, revision.severity) == (RevisionKey(KEY, "backend-one"), "INFO")
    assert revision.payload["status"] == {
        "message": "Ready condition status changed to True for Revision backend-one with message: "
        "Deploying revision succeeded in 1s."
    }
    assert (whole.key, whole.severity) == (RevisionKey(KEY, ""), "INFO")
    assert whole.payload == {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "run.googleapis.com",
        "resourceName": "namespaces/demo/services/backend",
        "status": {"message": "Ready condition status changed to True for Service backend."},
    }


async def test_a_revision_that_does_not_start_is_an_error_with_its_text_and_its_form_in_v1():
    revision, whole = await logged(BROKEN)
    assert revision.severity == whole.severity == "ERROR"
    status = revision.payload["status"]
    assert status["code"] == Code.FAILED_PRECONDITION.number == 9
    assert status["message"].startswith(
        "Ready condition status changed to False for Revision backend-one with message: "
        "The user-provided container failed to start.\n\nLogs URL: "
    )
    assert revision.payload["methodName"] == "/Services.CreateService"
    assert revision.payload["resourceName"] == "namespaces/demo/revisions/backend-one"
    shown = revision.payload["response"]
    assert shown["@type"] == "type.googleapis.com/google.cloud.run.v1.Revision"
    assert shown["metadata"]["name"] == "backend-one"
    assert shown["metadata"]["annotations"]["run.googleapis.com/operation-id"]
    assert [item["type"] for item in shown["status"]["conditions"]] == [
        "Ready",
        "ContainerHealthy",
        "ContainerReady",
        "ResourcesAvailable",
        "Retry",
    ]
