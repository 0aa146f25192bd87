"""An adapter closes its wire when its block ends, however that is."""

import pytest

from gate.cloud.wire import OverWire


class Wire:
    closed = 0

    async def close(self):
        self.closed += 1


class Adapter(OverWire):
    def __init__(self):
        self._wire = Wire()


async def test_the_wire_is_closed_when_the_block_ends():
    async with Adapter() as adapter:
        assert isinstance(adapter, Adapter)
        assert adapter._wire.closed == 0
    assert adapter._wire.closed == 1


async def test_an_error_goes_on_once_it_is_closed():
    adapter = Adapter()
    with pytest.raises(KeyError):
        async with adapter:
            raise KeyError
    assert adapter._wire.closed == 1
