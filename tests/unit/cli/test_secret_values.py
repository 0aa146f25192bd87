"""The values of a policy's secrets: variables, files and Secret Manager, all told at once."""

from contextlib import asynccontextmanager

import pytest

from gate.api import secret_values
from gate.cloud.secrets import SecretVersion
from gate.core.policy import SecretRef
from gate.errors import AccessError, NotFoundError, UnavailableError, UsageError

KEPT = "projects/demo/secrets/token/versions/latest"
FULL = "projects/123/secrets/token/versions/7"


class Manager:
    """Has one secret."""

    def __init__(self, value=b"swordfish\n", error=None):
        self.value = value
        self.error = error

    async def access(self, name):
        assert name == KEPT
        if self.error:
            raise self.error
        return SecretVersion(FULL, self.value)


async def read(refs, folder="", manager=None):
    @asynccontextmanager
    async def opened():
        yield manager

    return await secret_values.read(refs, "export it", str(folder), opened)


async def test_each_comes_from_its_place_without_the_newline_of_its_file(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKEN", "hunter22")
    (tmp_path / "key").write_text("sesame opens\r\n")
    refs = {
        "alice": SecretRef(env="TOKEN"),
        "bob": SecretRef(file="key"),
        "carol": SecretRef(secret=KEPT),
        "dave": SecretRef(file=str(tmp_path / "key")),
    }
    found = await read(refs, tmp_path, Manager())
    assert {name: one.reveal() for name, one in found.values.items()} == {
        "alice": "hunter22",
        "bob": "sesame opens",
        "carol": "swordfish",
        "dave": "sesame opens",
    }
    assert found.versions == {"carol": FULL}
    assert "swordfish" not in repr(found)


async def test_all_that_are_missing_are_told_at_once_and_no_value(monkeypatch, tmp_path):
    monkeypatch.setenv("SHORT", "abc")
    (tmp_path / "lines").write_text("hunter2\nhunter3\n")
    (tmp_path / "binary").write_bytes(b"hunter\xff\xfe")
    (tmp_path / "long").write_bytes(b"h" * (secret_values.SIZE_MAX + 1))
    files = ("lines", "binary", "long", "nowhere", "no\0where")
    refs = {"alice": SecretRef(env="NOT_THERE"), "bob": SecretRef(env="SHORT")}
    refs |= {f"of{number}": SecretRef(file=name) for number, name in enumerate(files)}
    refs["carol"] = SecretRef(secret=KEPT)
    error = AccessError(f"secret {KEPT}: access denied", "roles/secretmanager.secretAccessor")
    with pytest.raises(UsageError) as caught:
        await read(refs, tmp_path, Manager(error=error))
    lines = caught.value.message.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"secret {name}" for name in refs]
    assert "hunter" not in caught.value.message
    assert "export it" in caught.value.hint
    assert "roles/secretmanager.secretAccessor" in caught.value.hint


@pytest.mark.parametrize("kind", [AccessError, NotFoundError, UnavailableError])
async def test_what_secret_manager_does_not_give_keeps_its_reason(kind):
    with pytest.raises(kind, match=r"^secret carol: no$") as caught:
        await read({"carol": SecretRef(secret=KEPT)}, manager=Manager(error=kind("no", "hint")))
    assert caught.value.hint == "hint"


async def test_a_payload_that_no_header_can_carry_is_unusable():
    with pytest.raises(UsageError, match=r"secret carol: the value of projects/\S+ is unusable"):
        await read({"carol": SecretRef(secret=KEPT)}, manager=Manager(b"\x00\x01\x02\x03"))
