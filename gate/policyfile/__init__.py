"""Reads policies: YAML to core.policy, or every mistake at once with file:line:column.

source ....... a file as text, bounded
tree ......... text as values that know their places; the only door for YAML
format ....... the policy's own keys; those of probes are declared in gate.kinds
scripts ...... probes that name another one in place of a script
probes ....... one probe, by its kind
reading ...... what is known of the file while its values are read
contract ..... JSON Schema files that a policy names
mistakes ..... what pydantic refused, in the house's words and at its place
digest ....... what a policy means, as a hash
advice ....... what is allowed and still seldom wanted
schema, tables ... the format for editors, and for docs/policy
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
