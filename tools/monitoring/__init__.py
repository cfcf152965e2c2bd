"""Dashboards as code, and the alerts in every form in which they are deployed."""
