"""Whom a service lets in, and as whom it runs, of its v1 form."""

import pytest

from gate.cloud.exposure import exposure_of
from gate.core.access import Exposure

RUN = "run.googleapis.com"


def document(annotations=None, labels=None, account="", namespace="123456789012"):
    return {
        "metadata": {
            "namespace": namespace,
            "annotations": annotations or {},
            "labels": labels or {},
        },
        "spec": {"template": {"spec": {"serviceAccountName": account} if account else {}}},
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (document({f"{RUN}/ingress": "internal"}, account="a"), Exposure("internal")),
        (document({f"{RUN}/ingress-status": "all"}, account="a"), Exposure("")),
        (
            document({f"{RUN}/default-url-disabled": "true"}, account="a"),
            Exposure(default_url_disabled=True),
        ),
        (document({f"{RUN}/iap-enabled": "true"}, account="a"), Exposure(iap=True)),
        (document({f"{RUN}/iap-enabled": "false"}, account="a"), Exposure()),
        (
            document({f"{RUN}/invoker-iam-disabled": "true"}, account="a"),
            Exposure(invoker_disabled=True),
        ),
        (
            document(labels={"goog-terraform-provisioned": "true"}, account="a"),
            Exposure(terraform=True),
        ),
    ],
)
def test_each_setting_is_read_by_itself(given, expected):
    found = exposure_of(given)
    assert found.runtime_account == "a"
    assert found == Exposure(
        expected.ingress,
        expected.default_url_disabled,
        expected.iap,
        expected.invoker_disabled,
        "a",
        expected.terraform,
    )


@pytest.mark.parametrize(
    ("given", "account"),
    [
        (document(), "123456789012-compute@developer.gserviceaccount.com"),
        (document(namespace="demo"), ""),
        (document(account="runtime@demo"), "runtime@demo"),
        ({}, ""),
    ],
)
def test_the_account_that_it_runs_as(given, account):
    assert exposure_of(given).runtime_account == account
