"""Whom a service lets in, and as whom it runs, of its v1 form. Pure."""

from gate.cloud.documents import Document, text, texts
from gate.core.access import Exposure

_RUN = "run.googleapis.com"


def exposure_of(document: Document) -> Exposure:
    """What a service's own settings say.

    The account is Compute Engine's default one where the template names none; v1 calls the project
    by its number, which that account is named after.
    """
    annotations = texts(document, "metadata", "annotations")
    labels = texts(document, "metadata", "labels")
    number = text(document, "metadata", "namespace")
    default = f"{number}-compute@developer.gserviceaccount.com" if number.isdecimal() else ""
    account = text(document, "spec", "template", "spec", "serviceAccountName")
    return Exposure(
        ingress=annotations.get(f"{_RUN}/ingress", ""),
        default_url_disabled=annotations.get(f"{_RUN}/default-url-disabled") == "true",
        iap=annotations.get(f"{_RUN}/iap-enabled") == "true",
        invoker_disabled=annotations.get(f"{_RUN}/invoker-iam-disabled") == "true",
        runtime_account=account or default,
        terraform=labels.get("goog-terraform-provisioned") == "true",
    )
