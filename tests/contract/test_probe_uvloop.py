"""The same scenarios on the event loop that the gate runs: uvloop differs where transports end."""

import asyncio

import pytest
import uvloop

from tests.contract import test_probe_http as over_http
from tests.contract import test_probe_latency as latency
from tests.contract import test_probe_websocket as websocket
from tests.contract import test_probe_websocket_hostile as hostile

SCENARIOS = [
    over_http.test_the_request_is_what_the_policy_says_and_nothing_of_it_leaks,
    over_http.test_a_byte_now_and_then_ends_by_the_wall_clock,
    over_http.test_a_connection_that_breaks_off_is_a_failure,
    over_http.test_tls_to_a_server_without_it_is_inconclusive,
    over_http.test_cancelling_closes_the_connection,
    latency.test_it_asks_as_the_policy_says_and_tells_what_it_saw,
    latency.test_a_timeout_counts_as_no_less_than_it_waited,
    latency.test_a_broken_connection_is_not_hidden_by_asking_once_more,
    latency.test_tls_is_verified,
    latency.test_when_cancelled_every_connection_is_closed,
    websocket.test_a_session_that_goes_as_the_script_says_is_a_pass,
    websocket.test_json_and_protocol_pings_are_answered_while_waiting_and_while_holding,
    websocket.test_nobody_listening_is_inconclusive,
    websocket.test_a_crowd_is_opened_in_bounded_steps_and_all_are_held_together,
    websocket.test_cancelling_closes_every_connection,
    hostile.test_a_handshake_that_is_never_answered_ends_in_time,
    hostile.test_a_reset_during_the_handshake_is_the_candidates,
    hostile.test_a_hundred_megabytes_in_one_frame_are_refused_from_their_head_on,
    hostile.test_pings_without_end_end,
    hostile.test_an_end_in_the_middle_of_a_frame_is_1006,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_on_uvloop(scenario):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
