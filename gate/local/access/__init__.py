"""Who may call services: IAM policies, ID tokens, and the door that looks at both."""
