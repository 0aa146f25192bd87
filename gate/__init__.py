"""A Cloud Run deployment gate and rollback controller."""
