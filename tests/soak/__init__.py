"""The fault suite: supervisors at work while everything around them fails, and an audit of what is left."""
