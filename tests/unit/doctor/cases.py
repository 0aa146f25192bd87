"""A service on which nothing is wrong, and everything that may be, one thing at a time."""

from dataclasses import replace
from datetime import timedelta

from gate.core.access import Caller, CallerKind, Exposure, Reached
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.policy import CandidateRule, Policy, Probe, SecretRef, ServiceName
from gate.core.proof import Proving
from gate.core.service import Revision
from gate.core.traffic import Split, Target
from gate.doctor.facts import Address, Facts, Grant, Held, PolicyFacts, Unknown
from gate.doctor.finding import Result
from gate.doctor.permissions import NEEDED, Resource
from gate.kinds.http import HttpProbe
from gate.kinds.websocket import WebSocketProbe
from tests.unit.core.rollouts import BOOTING, BROKEN, NOW, READY, REF, STABLE, service

NEW = "backend-00009-new"
ACCOUNT = "builder@demo.iam.gserviceaccount.com"
RUNTIME = "runtime@demo.iam.gserviceaccount.com"
SECRET = "projects/other/secrets/jwt"
SIGNING_KEY, STAGE_KEY = (
    f"projects/acme/locations/global/keyRings/gate/cryptoKeys/{name}"
    for name in ("decisions", "staging")
)
NAMES = {
    Resource.SERVICE: REF.name,
    Resource.PROJECT: REF.project,
    Resource.RUNTIME_ACCOUNT: RUNTIME,
    Resource.OWN_ACCOUNT: ACCOUNT,
    Resource.SECRET: SECRET,
    Resource.KEY: SIGNING_KEY,
    Resource.STAGE_KEY: STAGE_KEY,
    Resource.BUCKET: "acme-evidence",
}
URL = "https://backend-abc-uc.a.run.app"
PINNED = Split.all_to(STABLE)
WELL = service(PINNED, latest_created=STABLE, uri=URL)
REVISION = Revision(STABLE, READY, timeout_s=300)
PROOF = Proving(False, "policy.proof.json", "d", "c")
POLICY = Policy(ServiceName(), (Probe("health", HttpProbe("/health")),), source="policy.yaml")
ASKED = Address("the service", URL, Reached(200))


def grant(name, held=Held.YES, why="", on=None):
    on = on or next(one.on for one in NEEDED if one.name == name)
    return Grant(name, on, NAMES[on], held, why)


HEALTHY = Facts(
    ref=REF,
    at=NOW,
    caller=Caller(CallerKind.KEY, ACCOUNT, NOW + timedelta(minutes=50)),
    service=WELL,
    exposure=Exposure("all", runtime_account=RUNTIME),
    revisions=(REVISION,),
    invokers=("allUsers",),
    grants=tuple(grant(one.name, on=one.on) for one in NEEDED),
    token=True,
    clock_ahead_s=0.4,
    addresses=(ASKED,),
)


def grants(name, held, why="", on=None):
    """The same caller, who has not this one."""
    lacks = grant(name, held, why, on)
    which = (lacks.permission, lacks.resource)
    return {
        "grants": tuple(
            lacks if (one.permission, one.resource) == which else one for one in HEALTHY.grants
        )
    }


def exposed(**more):
    return {"exposure": replace(HEALTHY.exposure, **more)}


def asked(*seen):
    return {"addresses": tuple(Address("the service", URL, one) for one in seen)}


def standing(traffic=PINNED, **more):
    return {"service": service(traffic, **{"latest_created": STABLE, "uri": URL} | more)}


def noted(text):
    return {"annotations": ((KEY, text),)}


def held_until(at):
    return noted(RolloutAnnotation(3, "r7", "r7", "alice", since=NOW, until=at).text())


def with_policy(policy=POLICY, proving=PROOF, **more):
    return {"policy": PolicyFacts("my policy.yaml", policy, proving, **more)}


def many_revisions(count):
    others = tuple(Revision(f"backend-{n:05d}-old", READY) for n in range(count - 1, 0, -1))
    return {"revisions": (REVISION, *others)}


OFF = (
    "permissions on x: access denied (got PERMISSION_DENIED: Identity and Access Management (IAM) "
    "API has not been used in project 1 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/iam.googleapis.com/overview?project=1)"
)
HALF = {"effective": Split.all_to("backend-00000-old")}
FRONT_403 = Reached(403, "the front end refused the caller", "it is private", refused=True)
FRONT_404 = Reached(404, "the front end knows no such address", "ingress", nowhere=True)
LATEST = Split.of([Target(None, 90), Target(STABLE, 10)])
SOCKET = Probe("hold", WebSocketProbe("/ws", hold_s=400))
PROBLEM, UNKNOWN, WARNING, OK = Result.PROBLEM, Result.UNKNOWN, Result.WARNING, Result.OK
_SERVICE = "gcloud run services {} backend {} --region us-central1 --project demo"
_ME = f"--member=serviceAccount:{ACCOUNT}"


def gcloud(verb, flags):
    return _SERVICE.format(verb, flags)


CASES = [
    # what differs, the check, its result, words of what is said, the command
    (
        {"caller": Unknown("no credentials")},
        ("credentials", PROBLEM, "no credentials", "gcloud auth application-default login"),
    ),
    (
        grants("run.services.update", Held.NO),
        (
            "permission",
            PROBLEM,
            "run.services.update is missing",
            gcloud("add-iam-policy-binding", f"{_ME} --role=roles/run.developer"),
        ),
    ),
    (
        grants("run.services.update", Held.NO)
        | {"caller": Caller(CallerKind.PERSON, "alice@example.com")},
        (
            "permission",
            PROBLEM,
            "run.services.update is missing",
            gcloud(
                "add-iam-policy-binding",
                "--member=user:alice@example.com --role=roles/run.developer",
            ),
        ),
    ),
    (
        grants("run.services.update", Held.NO) | {"caller": Caller(CallerKind.PERSON)},
        (
            "permission",
            PROBLEM,
            "run.services.update is missing",
            gcloud(
                "add-iam-policy-binding",
                '--member="user:$(gcloud config get-value account)" --role=roles/run.developer',
            ),
        ),
    ),
    (
        grants("logging.logEntries.create", Held.NO),
        (
            "permission",
            PROBLEM,
            "records each decision",
            (
                f"gcloud projects add-iam-policy-binding demo {_ME} --role=roles/logging.logWriter "
                "--condition=None"
            ),
        ),
    ),
    (
        grants("iam.serviceAccounts.actAs", Held.NO),
        (
            "permission",
            PROBLEM,
            "iam.serviceAccounts.actAs is missing",
            (
                f"gcloud iam service-accounts add-iam-policy-binding {RUNTIME} {_ME} "
                "--role=roles/iam.serviceAccountUser --project demo"
            ),
        ),
    ),
    (
        grants("secretmanager.versions.access", Held.NO),
        (
            "permission",
            PROBLEM,
            "secretmanager.versions.access is missing",
            (
                f"gcloud secrets add-iam-policy-binding jwt {_ME} "
                "--role=roles/secretmanager.secretAccessor --project other"
            ),
        ),
    ),
    (
        grants("run.services.getIamPolicy", Held.NO),
        (
            "permission",
            WARNING,
            "run.services.getIamPolicy is missing",
            gcloud("add-iam-policy-binding", f"{_ME} --role=roles/run.developer"),
        ),
    ),
    (
        grants("iam.serviceAccounts.actAs", Held.UNKNOWN, "no answer"),
        ("permission", UNKNOWN, "nobody can tell whether iam.serviceAccounts.actAs is held", ""),
    ),
    (
        grants("iam.serviceAccounts.actAs", Held.UNKNOWN, OFF),
        (
            "permission",
            UNKNOWN,
            "iam.googleapis.com is switched off",
            "gcloud services enable iam.googleapis.com --project demo",
        ),
    ),
    (
        {"token": Unknown("404 from the metadata server", "make it possible")},
        (
            "id token",
            PROBLEM,
            "404 from the metadata server",
            (
                f"gcloud iam service-accounts add-iam-policy-binding {ACCOUNT} {_ME} "
                "--role=roles/iam.serviceAccountOpenIdTokenCreator --project demo"
            ),
        ),
    ),
    (
        {"token": Unknown("no"), "caller": Caller(CallerKind.PERSON, "alice@example.com")},
        (
            "id token",
            PROBLEM,
            "there is no token for it",
            "gcloud auth application-default login --impersonate-service-account=ACCOUNT",
        ),
    ),
    (
        exposed(iap=True) | {"token": Unknown("no key to sign with")},
        (
            "id token",
            PROBLEM,
            "no key to sign with",
            (
                f"gcloud iam service-accounts add-iam-policy-binding {ACCOUNT} {_ME} "
                "--role=roles/iam.serviceAccountTokenCreator --project demo"
            ),
        ),
    ),
    (
        {"clock_ahead_s": -7.0},
        ("clock", WARNING, "7 s behind Google's", "sudo timedatectl set-ntp true"),
    ),
    (
        {"clock_ahead_s": 61.0},
        ("clock", PROBLEM, "61 s ahead of Google's", "sudo timedatectl set-ntp true"),
    ),
    ({"clock_ahead_s": Unknown("no date")}, ("clock", UNKNOWN, "no date", "")),
    ({"exposure": Unknown("why")}, ("ingress", UNKNOWN, "why", "")),
    (
        exposed(ingress="internal") | asked(FRONT_404),
        (
            "ingress",
            PROBLEM,
            "its ingress is internal",
            "gcloud builds worker-pools list --region us-central1 --project demo",
        ),
    ),
    (exposed(ingress="internal"), ("ingress", OK, "lets this machine in", "")),
    (
        exposed(ingress="internal") | {"addresses": ()},
        (
            "ingress",
            WARNING,
            "its ingress is internal",
            "gcloud builds worker-pools list --region us-central1 --project demo",
        ),
    ),
    (
        exposed(default_url_disabled=True),
        (
            "default url",
            PROBLEM,
            "no tag has an address",
            (
                "gcloud beta run services update backend --default-url --region us-central1 "
                "--project demo"
            ),
        ),
    ),
    (exposed(iap=True), ("iap", OK, "let the gate in", "")),
    (
        exposed(iap=True) | asked(replace(FRONT_403, iap=True)),
        (
            "iap",
            PROBLEM,
            "stands before every address",
            (
                f"gcloud beta iap web add-iam-policy-binding {_ME} "
                "--role=roles/iap.httpsResourceAccessor --resource-type=cloud-run "
                "--service backend --region us-central1 --project demo"
            ),
        ),
    ),
    ({"invokers": ("user:a@b.c",)}, ("invoker", OK, "private; may be called by user:a@b.c", "")),
    ({"invokers": ()}, ("invoker", OK, "whoever has the role on the project", "")),
    ({"invokers": Unknown("why")}, ("invoker", WARNING, "taken for private", "")),
    (exposed(invoker_disabled=True), ("invoker", OK, "nobody is asked who", "")),
    (
        asked(FRONT_403),
        (
            "answer",
            PROBLEM,
            "HTTP 403: the front end refused",
            gcloud("add-iam-policy-binding", f"{_ME} --role=roles/run.invoker"),
        ),
    ),
    (asked(FRONT_404), ("answer", PROBLEM, "HTTP 404: the front end knows", "")),
    (
        exposed(ingress="internal") | asked(FRONT_404),
        (
            "answer",
            PROBLEM,
            "HTTP 404: the front end knows",
            "gcloud builds worker-pools list --region us-central1 --project demo",
        ),
    ),
    (asked(Reached(503, "no instance", "wait")), ("answer", WARNING, "HTTP 503: no instance", "")),
    (asked(Reached(403)), ("answer", WARNING, "HTTP 403: the application's, or that of", "")),
    (asked(Reached(404, asked="r1")), ("answer", OK, "itself answers HTTP 404, and not", "")),
    (asked(Reached(403, empty=True)), ("answer", WARNING, "HTTP 403 without a word", "")),
    (asked(Reached(403, empty=True, asked="r1")), ("answer", OK, "log has it from r1", "")),
    (asked(Reached(403, asked="")), ("answer", PROBLEM, "no revision was asked", "")),
    ({"log": Unknown("no answer")}, ("log", UNKNOWN, "cannot be written or read: no answer", "")),
    (asked(Reached(204, empty=True)), ("answer", OK, "answers HTTP 204", "")),
    (
        asked(Reached(unreached="connection refused")),
        ("answer", UNKNOWN, "nothing answers: connection refused", f"curl -v {URL}/"),
    ),
    ({"service": Unknown("why")}, ("service", UNKNOWN, "it cannot be read: why", "")),
    (
        standing(LATEST),
        (
            "traffic",
            WARNING,
            "90 % follow LATEST",
            gcloud("update-traffic", f"--to-revisions={STABLE}=100"),
        ),
    ),
    (
        standing(**HALF),
        (
            "in effect",
            PROBLEM,
            "was left half done",
            (
                "gate rollback --to backend-00000-old --project demo --region us-central1 "
                '--service backend --reason "..." --yes'
            ),
        ),
    ),
    (standing(**HALF, reconciling=True), ("in effect", WARNING, "under way", "")),
    (
        standing(latest_created=NEW) | {"revisions": (Revision(NEW, BROKEN), REVISION)},
        (
            "newest revision",
            WARNING,
            f"{NEW}, failed (HEALTH_CHECK_CONTAINER_ERROR: it did not start)",
            f"gcloud run revisions describe {NEW} --region us-central1 --project demo",
        ),
    ),
    (
        standing(latest_created=NEW) | {"revisions": (Revision(NEW, BOOTING), REVISION)},
        (
            "newest revision",
            WARNING,
            "is not ready yet",
            f"gcloud run revisions describe {NEW} --region us-central1 --project demo",
        ),
    ),
    (standing(**held_until(NOW + timedelta(seconds=9))), ("lease", WARNING, "is at work", "")),
    (
        standing(**held_until(NOW - timedelta(seconds=9))),
        (
            "lease",
            WARNING,
            "rollout r7 (alice) since 2026-01-01 12:00:00 UTC died",
            "gate recover --project demo --region us-central1 --service backend",
        ),
    ),
    (
        standing(**noted("no mark")),
        (
            "lease",
            PROBLEM,
            "cannot be read",
            (
                "gate unlock --project demo --region us-central1 --service backend "
                '--reason "..." --yes'
            ),
        ),
    ),
    (
        standing(
            PINNED.with_tag("candidate-xyz", NEW).with_tag("blue", NEW).with_tag("rollback", NEW),
            **noted(""),
        ),
        (
            "tags",
            WARNING,
            "candidate-xyz, rollback",
            gcloud("update-traffic", "--remove-tags=candidate-xyz,rollback"),
        ),
    ),
    (
        many_revisions(900),
        (
            "revisions",
            WARNING,
            "900 of 1000",
            "gcloud run revisions delete backend-00001-old --region us-central1 --project demo",
        ),
    ),
    (many_revisions(899), ("revisions", OK, "899 of 1000", "")),
    ({"revisions": Unknown("why")}, ("revisions", UNKNOWN, "cannot be listed: why", "")),
    (exposed(terraform=True), ("terraform", WARNING, "traffic, which names", "terraform plan")),
    (
        with_policy(missing_secrets=(("secret alice: T is not set", "T"),)),
        ("secret", PROBLEM, "secret alice: T is not set", "read -rs T && export T"),
    ),
    (
        with_policy(missing_hooks=(("secret notify.0.url: HOOK is not set", "HOOK"),)),
        ("notify", WARNING, "notify.0.url: HOOK is not set", "read -rs HOOK && export HOOK"),
    ),
    (
        with_policy(replace(POLICY, secrets={"alice": SecretRef("T")})),
        ("secret", OK, "its secret is there", ""),
    ),
    (
        with_policy(lacking=(("latency", "probes.fast.http.rate"),)),
        (
            "extra",
            PROBLEM,
            "probes.fast.http.rate needs the extra latency",
            "pip install 'aiohttp<4,>=3.14' 'numpy>=2' 'scipy>=1.15' 'yarl>=1.17'",
        ),
    ),
    (
        grants("cloudkms.cryptoKeyVersions.useToSign", Held.NO),
        (
            "permission",
            WARNING,  # a rollout is decided all the same
            "useToSign is missing (signs what was decided)",
            (
                f"gcloud kms keys add-iam-policy-binding decisions {_ME} --role=roles/cloudkms."
                "signerVerifier --keyring gate --location global --project acme"
            ),
        ),
    ),
    (
        grants("cloudkms.cryptoKeyVersions.viewPublicKey", Held.NO, on=Resource.STAGE_KEY),
        (
            "permission",
            PROBLEM,  # it is held
            "viewPublicKey is missing (verifies what the stage before has signed)",
            (
                f"gcloud kms keys add-iam-policy-binding staging {_ME} --role=roles/cloudkms."
                "publicKeyViewer --keyring gate --location global --project acme"
            ),
        ),
    ),
    (
        grants("storage.objects.create", Held.NO),
        (
            "permission",
            WARNING,
            "storage.objects.create is missing",
            (
                f"gcloud storage buckets add-iam-policy-binding gs://acme-evidence {_ME} "
                "--role=roles/storage.objectCreator"
            ),
        ),
    ),
    (
        grants("storage.objects.create", Held.UNKNOWN, "no answer"),
        ("permission", WARNING, "nobody can tell whether storage.objects.create is held", ""),
    ),
    (with_policy(), ("extra", OK, "is installed", "")),
    (
        with_policy(),
        ("proof", WARNING, "no proof", "gate policy prove 'my policy.yaml'"),
    ),
    (
        with_policy(proving=replace(PROOF, required=True)),
        ("proof", PROBLEM, "no proof", "gate policy prove 'my policy.yaml'"),
    ),
    (
        with_policy(replace(POLICY, candidate=CandidateRule(tag="t" * 46))),
        ("tag", PROBLEM, "too long together", ""),
    ),
    (
        with_policy(replace(POLICY, probes=(*POLICY.probes, SOCKET))),
        (
            "timeout",
            PROBLEM,
            "probes.hold holds a connection for 400 s",
            gcloud("update", "--no-traffic --timeout=460"),
        ),
    ),
]
