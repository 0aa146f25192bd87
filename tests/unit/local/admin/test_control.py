"""What callers get, and what a journal must hold."""

import pytest

from gate.local.api.errors import ApiError
from tests.fakes.local_control_plane import MemoryJournal, Rig, done
from tests.fakes.local_messages import NAME, creation, service


async def test_what_is_read_is_a_copy():
    rig = Rig()
    operation = rig.control.create_service(creation(service()), "me")
    await done(rig, operation)
    rig.control.get_service(NAME).description = "changed by a caller"
    assert rig.control.get_service(NAME).description == ""


async def test_state_that_this_server_did_not_write_is_not_taken():
    journal = MemoryJournal()
    journal.save("services", NAME, {"service": {}})
    with pytest.raises((KeyError, ApiError)):
        Rig(journal=journal)
