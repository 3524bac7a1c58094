"""A second factor beside the password: an authenticator app, passkeys, recovery codes."""
