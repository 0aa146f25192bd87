r"""The control plane of the local Cloud Run: services, revisions and operations.

grpc_api   rest_api   rest_api_v1         wire formats, one shared state
      \         |         /
        control (the API)                 validates, answers, starts operations
              |
        reconcile  routing  boots         tasks: processes, addresses, conditions
              |
checks defaults traffic template outcome  pure: what a request means, what a service is
masks names etags conditions pages plan
"""
