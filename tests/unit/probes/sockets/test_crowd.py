import gc
import resource

import pytest

from gate.probes.sockets.crowd import CROWD, collecting, make_room, quiet


@pytest.fixture(autouse=True)
def as_it_was():
    assert gc.isenabled()
    yield
    gc.enable()
    gc.unfreeze()


def test_a_crowd_is_not_disturbed_and_everything_is_as_before_afterwards():
    def fails():
        with quiet(CROWD):
            assert not gc.isenabled()
            assert gc.get_freeze_count()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert gc.isenabled()
    assert not gc.get_freeze_count()


def test_a_few_need_no_quiet():
    with quiet(CROWD - 1):
        assert gc.isenabled()
        assert not gc.get_freeze_count()


def test_what_others_have_frozen_stays_frozen():
    gc.freeze()
    with quiet(CROWD):
        assert not gc.isenabled()
    assert gc.get_freeze_count()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with quiet(CROWD):
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_during_a_hold_it_works_again():
    with quiet(CROWD):
        with collecting():
            assert gc.isenabled()
        assert not gc.isenabled()
    with collecting():
        assert gc.isenabled()
    assert gc.isenabled()


def test_the_limit_of_open_files_is_raised_as_far_as_needed_and_allowed():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = before[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        make_room(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 256
        make_room(500)
        assert 500 < resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= 600
        make_room(10_000_000)
        soft, still = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert still == hard
        assert hard == resource.RLIM_INFINITY or soft == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
