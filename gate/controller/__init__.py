"""Does: carries a rollout from its plan to its end, over ports alone. It judges nothing.

loop ........... the one loop: event -> core.step -> ledger -> carry out the command -> event
probe_round .... one round of probes, and what users get at their own address
log_excerpts ... the candidate's log lines beside a failed probe, and its last ones
request_log .... whose answer it was, by the request log of Cloud Run's front end
bookkeeping .... keeps intentions and outcomes in the ledger, and how long it waits for it
signals ........ SIGINT and SIGTERM ask the loop to stop
"""
