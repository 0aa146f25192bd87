"""Reads policies: YAML to core.policy, or every mistake at once with file:line:column.

source ....... a file as text, bounded
tree ......... text as values that know their places; the only door for YAML
shapes ....... what a single value may look like; records: what lists and mappings may
format ....... the table of the policy's keys, for the reader and for the JSON Schema
contract ..... JSON Schema files that a policy names
context ...... problems, names and templates while building
sessions, probes, build ... from read fields to core.policy
digest ....... what a policy means, as a hash
advice ....... what is allowed and still seldom wanted
inferring .... a JSON Schema from samples of one answer
holding ...... what samples of an answer allow the next one to be held to
drafting ..... a first policy from what stable answered
writing ...... a draft as YAML with comments: the way out through the same door
"""

from gate.kinds.values import seconds_of
from gate.policyfile.digest import contract_digest
from gate.policyfile.load import PolicyCheck, check_policy, load_policy, load_service
from gate.policyfile.schema import policy_schema

__all__ = [
    "PolicyCheck",
    "check_policy",
    "contract_digest",
    "load_policy",
    "load_service",
    "policy_schema",
    "seconds_of",
]
