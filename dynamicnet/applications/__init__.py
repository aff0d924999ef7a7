"""The applications a model package may name: one file and one line here for each."""

from dynamicnet.applications.base import DETAIL, FIELDS, FILES, Application, Encoded, Inputs
from dynamicnet.applications.completion import ImageCompletion
from dynamicnet.applications.generation import Generation
from dynamicnet.applications.style import StyleTransfer

APPLICATIONS: dict[str, Application] = {
    application.name: application for application in (StyleTransfer(), ImageCompletion(), Generation())
}

__all__ = ["APPLICATIONS", "DETAIL", "FIELDS", "FILES", "Application", "Encoded", "Inputs"]
