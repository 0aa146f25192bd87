import pytest

from gate.probes.suite.tunnel import Refused, allowed, elsewhere, host_and_port


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::1%eth0",
        "fd20:ce::254",
        "fd20:00ce:0:0:0:0:0:0254",
        "FD20:CE::254%1",
        "ff02::1",
    ],
)
def test_neither_this_machine_nor_its_metadata_server_however_it_is_written(address):
    assert not allowed(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "10.0.0.1", "2001:db8::1", "fd00::254", "64:ff9b::808:808"]
)
def test_other_addresses_are_passed_on(address):
    assert allowed(address)


@pytest.mark.parametrize(
    "name", ["metadata.google.internal", "metadata.google.internal.", "metadata"]
)
async def test_the_metadata_server_by_name_is_refused_before_it_is_looked_up(name):
    with pytest.raises(Refused, match="metadata server"):
        await elsewhere(name, 80)


def test_what_a_tunnel_names():
    assert host_and_port("[FD20:CE::254]:80") == ("fd20:ce::254", 80)
    assert host_and_port("nonsense") == ("", 0)
