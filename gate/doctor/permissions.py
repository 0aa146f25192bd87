"""What the gate must be allowed to do: each permission, where, by which role, why and for whom.

docs/permissions.md, its Terraform and its gcloud commands are held to this list by a test. A role
is the least of Google's predefined ones that has the permission.
"""

from dataclasses import dataclass
from enum import Enum


class Resource(Enum):
    """What a permission is granted on."""

    SERVICE = "service"
    PROJECT = "project"
    RUNTIME_ACCOUNT = "runtime account"  # that the service runs as
    OWN_ACCOUNT = "own account"  # that the gate runs as
    SECRET = "secret"  # noqa: S105 - of Secret Manager, which the policy names
    KEY = "signing key"  # of Cloud KMS, with which the policy signs
    STAGE_KEY = "key of the stage before"  # of Cloud KMS, by which the policy requires signatures
    BUCKET = "bucket"  # of GATE_BUNDLES


class When(Enum):
    """When a permission is needed."""

    ALWAYS = "always"
    PRIVATE = "the service is private"
    IAP = "Identity-Aware Proxy stands before it"
    SECRETS = "the policy names secrets of Secret Manager"
    METRICS = "the policy judges by Cloud Monitoring"
    SIGNS = "the policy signs with a key of Cloud KMS"
    REQUIRES = "the policy requires signatures by a key of Cloud KMS"
    BUNDLES = "`GATE_BUNDLES` names a bucket"


class User(Enum):
    """Three kinds of people and programs that call the gate."""

    PIPELINE = "pipeline"  # rollout, recover
    BY_HAND = "by hand"  # rollback, promote, unlock, in an incident
    REVIEW = "review"  # status, audit


_MOVERS = (User.PIPELINE, User.BY_HAND)
_ALL = (User.PIPELINE, User.BY_HAND, User.REVIEW)


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission.

    Attributes:
        name: as IAM has it.
        on: what it is granted on.
        role: a predefined role that has it, for whoever moves traffic.
        why: what the gate does with it.
        users: who needs it.
        when: in which case.
        reading_role: the role for whoever only looks, where that is another one.
        holds: whether a rollout is held, or fails, without it.
    """

    name: str
    on: Resource
    role: str
    why: str
    users: tuple[User, ...] = _MOVERS
    when: When = When.ALWAYS
    reading_role: str = ""
    holds: bool = True

    def role_of(self, user: User) -> str:
        """The role that gives it to this user."""
        return self.reading_role if user is User.REVIEW and self.reading_role else self.role


_DEVELOPER, _VIEWER = "roles/run.developer", "roles/run.viewer"
READ_SERVICE, READ_REVISION, LIST_REVISIONS, MOVE, READ_POLICY, INVOKE, WRITE_LOG, READ_LOG = (
    "run.services.get",
    "run.revisions.get",
    "run.revisions.list",
    "run.services.update",
    "run.services.getIamPolicy",
    "run.routes.invoke",
    "logging.logEntries.create",
    "logging.logEntries.list",
)
ACT_AS = "iam.serviceAccounts.actAs"
MAKE_TOKEN = "iam.serviceAccounts.getOpenIdToken"  # noqa: S105 - the name of a permission
SIGN = "iam.serviceAccounts.signJwt"
READ_SECRET = "secretmanager.versions.access"  # noqa: S105 - as above
READ_METRICS = "monitoring.timeSeries.list"
USE_KEY = "cloudkms.cryptoKeyVersions.useToSign"
VIEW_KEY = "cloudkms.cryptoKeyVersions.viewPublicKey"
_SIGNER = "roles/cloudkms.signerVerifier"

NEEDED: tuple[Permission, ...] = (
    Permission(
        READ_SERVICE,
        Resource.SERVICE,
        _DEVELOPER,
        "reads the service, its traffic and who is at work on it",
        _ALL,
        reading_role=_VIEWER,
    ),
    # revisions are asked for by project in the API that compares versions (docs/adr/0005)
    Permission(
        READ_REVISION,
        Resource.PROJECT,
        _VIEWER,
        "reads whether a revision is ready, and how it is set up",
        _ALL,
    ),
    Permission(
        LIST_REVISIONS,
        Resource.PROJECT,
        _VIEWER,
        "finds the revisions that may be gone back to",
        _ALL,
    ),
    Permission(
        MOVE,
        Resource.SERVICE,
        _DEVELOPER,
        "makes the candidate, moves traffic, sets and takes back its tag",
    ),
    Permission(
        READ_POLICY,
        Resource.SERVICE,
        _DEVELOPER,
        "learns whether everybody may call the service, or a token is needed",
        holds=False,
    ),
    Permission(
        ACT_AS,
        Resource.RUNTIME_ACCOUNT,
        "roles/iam.serviceAccountUser",
        "whoever changes a service must be allowed to act as the account that it runs as",
    ),
    Permission(
        WRITE_LOG,
        Resource.PROJECT,
        "roles/logging.logWriter",
        "records each decision before it is carried out",
    ),
    Permission(
        READ_LOG,
        Resource.PROJECT,
        "roles/logging.viewer",
        "reads what was decided, what the candidate logs and who answered",
        _ALL,
    ),
    Permission(
        INVOKE,
        Resource.SERVICE,
        "roles/run.invoker",
        "asks a private service: its probes bring an ID token",
        (User.PIPELINE,),
        When.PRIVATE,
    ),
    Permission(
        MAKE_TOKEN,
        Resource.OWN_ACCOUNT,
        "roles/iam.serviceAccountOpenIdTokenCreator",
        "a build's account makes its ID tokens by itself",
        (User.PIPELINE,),
        When.PRIVATE,
    ),
    Permission(
        SIGN,
        Resource.OWN_ACCOUNT,
        "roles/iam.serviceAccountTokenCreator",
        "an account without a key signs what IAP takes by itself",
        (User.PIPELINE,),
        When.IAP,
    ),
    Permission(
        READ_SECRET,
        Resource.SECRET,
        "roles/secretmanager.secretAccessor",
        "reads the values of the policy's secrets",
        (User.PIPELINE,),
        When.SECRETS,
    ),
    Permission(
        READ_METRICS,
        Resource.PROJECT,
        "roles/monitoring.viewer",
        "compares the users' own requests by revision",
        (User.PIPELINE,),
        When.METRICS,
    ),
    Permission(
        USE_KEY,
        Resource.KEY,
        _SIGNER,
        "signs what was decided",
        (User.PIPELINE,),
        When.SIGNS,
        holds=False,
    ),
    Permission(
        VIEW_KEY,
        Resource.KEY,
        _SIGNER,
        "names the key that signs, and holds each signature against it",
        (User.PIPELINE,),
        When.SIGNS,
        holds=False,
    ),
    Permission(
        VIEW_KEY,
        Resource.STAGE_KEY,
        "roles/cloudkms.publicKeyViewer",
        "verifies what the stage before has signed",
        (User.PIPELINE,),
        When.REQUIRES,
    ),
    Permission(
        "storage.objects.create",
        Resource.BUCKET,
        "roles/storage.objectCreator",
        "keeps evidence whole which an entry has no room for",
        when=When.BUNDLES,
        holds=False,
    ),
    *(
        Permission(
            name,
            Resource.BUCKET,
            "roles/storage.objectViewer",
            "reads such evidence again: `gate audit verify`, `gate audit replay`",
            (User.REVIEW,),
            When.BUNDLES,
            holds=False,
        )
        for name in ("storage.objects.get", "storage.objects.list")
    ),
)


def needed_on(resource: Resource, *, cases: frozenset[When]) -> tuple[str, ...]:
    """Names of the permissions on this resource that a pipeline needs in these cases."""
    found = (one for one in NEEDED if one.on is resource and User.PIPELINE in one.users)
    return tuple(one.name for one in found if one.when in cases | {When.ALWAYS})
