"""Tells people's systems of what happened, by HTTP: at least once, in the registry's order.

notices      what of a change is worth telling
messages     a notice as JSON or as Slack wants it, and its signature
webhook_settings who is told what
dead_letters what could not be delivered, in files
delivery     one endpoint's loop: reads the log, posts, retries, goes on
webhook_commands what could not be delivered: listed and sent again; an endpoint tried
"""

__all__ = ["delivery", "messages", "notices", "webhook_commands", "webhook_settings"]
