"""What ports.Configurations promises, held against the local Cloud Run's Admin API."""

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.configurations import CloudConfigurations
from gate.cloud.run import CloudRun
from gate.errors import NotFoundError
from tests.contract.cloud_run_in_process import (
    FIRST,
    REF,
    SECOND,
    create_service,
    google_client,
    local_cloud_run,
)


async def test_revisions_of_one_template_are_equal_and_no_value_is_told():
    async with local_cloud_run() as host, google_client(host) as client:
        await create_service(client)
        async with CloudRun(REF, Endpoint(host)) as platform:
            configurations = CloudConfigurations(platform)
            first, second = await configurations.of(FIRST), await configurations.of(SECOND)
            with pytest.raises(NotFoundError):
                await configurations.of("backend-00009-zzz")
    assert first == second
    assert set(first.env) == {"MODE"}
    assert "a b c" not in repr(first)
    assert first.fields["timeout_s"] == "60"
    assert first.fields["image"].startswith("good@sha256:")
