r"""Services and revisions in their v1 form (serving.knative.dev/v1): what gcloud speaks.

face                          the calls
  |
service   revision            whole objects, both ways, or rendered only
  |
template  settings            templates; a service's own annotations
  |
containers  volumes  traffic  parts of them, both ways
  |
table  fields  status         annotations as a table; JSON that is read to the last key

Each part is written both ways beside each other. What v1 cannot express is kept from the current
service: a part whose v1 form did not change stays as it is in v2's.
"""
