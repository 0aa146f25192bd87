"""Who calls Google's APIs, and whom a service lets in: plain values, judged elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class CallerKind(Enum):
    """What sort of credentials the caller has."""

    KEY = "the key of a service account"
    IMPERSONATED = "an impersonated service account"
    MACHINE = "the metadata server"
    FEDERATED = "a workload identity pool"
    PERSON = "a person's application default credentials"
    OTHER = "credentials of a kind that this gate does not know"
    EMULATOR = "an emulator, which asks nobody who they are"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credentials the gate calls with.

    Attributes:
        kind: where they come from.
        email: whose they are, "" where nothing says so.
        expires: when the access token has to be renewed; None where nothing says so.
    """

    kind: CallerKind
    email: str = ""
    expires: datetime | None = None

    @property
    def is_account(self) -> bool:
        """Whether it is a service account."""
        return self.email.endswith(".gserviceaccount.com")

    @property
    def member(self) -> str:
        """As IAM policies name it; "" where it is not known."""
        kind = "serviceAccount" if self.is_account else "user"
        return f"{kind}:{self.email}" if self.email else ""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Whom a service lets in, and as whom it runs, by its own settings.

    Attributes:
        ingress: from where it may be reached: all, internal or internal-and-cloud-load-balancing;
            "" where it does not say, which is all.
        default_url_disabled: whether it has no run.app address, and so none for a tag.
        iap: whether Identity-Aware Proxy stands before it.
        invoker_disabled: whether nobody is asked who calls.
        runtime_account: e-mail of the account that it runs as, "" where nothing says so.
        terraform: whether it carries the label that Terraform puts on what it makes.
    """

    ingress: str = ""
    default_url_disabled: bool = False
    iap: bool = False
    invoker_disabled: bool = False
    runtime_account: str = ""
    terraform: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """What one request to an address got, and from whom.

    Attributes:
        status: of the answer; 0 where there was none.
        instead: what the platform's front end said in the application's place, "" where the
            application answered.
        hint: what to do about that.
        refused: whether the front end wanted to know who calls, or did not let them in.
        nowhere: whether the front end knows no such address, or says so to this caller.
        asked: the revision that was asked by the front end's own log, "" where it asked none;
            None where the log does not tell.
        empty: whether an answer that is the application's, as far as one can tell, has no body.
        iap: whether Identity-Aware Proxy says that the answer is its own.
        unreached: why there was no answer, "" where there was one.
    """

    status: int = 0
    instead: str = ""
    hint: str = ""
    refused: bool = False
    nowhere: bool = False
    asked: str | None = None
    empty: bool = False
    iap: bool = False
    unreached: str = ""
